/* The text vtable of LAO 0.x, frozen. Plugins built for it keep working unchanged; new plugins use plugin.h.
 *
 * A library exports `plugin_vtable`: a function that returns the table, or (in libraries that followed the old guide)
 * the table itself. Rust libraries also export the table as `PLUGIN_VTABLE`, whose symbol size tells the layouts
 * apart; the `version` field cannot, since two layouts carry 1. Structs travel by value. */
#ifndef LAO_VTABLE_H
#define LAO_VTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lao_v0_input {
    char *text; /* NUL-terminated UTF-8, never NULL; the host's */
} lao_v0_input_t;

typedef struct lao_v0_output {
    char *text; /* NUL-terminated; the plugin's until free_output */
} lao_v0_output_t;

typedef struct lao_v0_metadata {
    const char *name, *version, *description, *author;
    const char *dependencies; /* JSON array of objects, or NULL */
    const char *tags;         /* JSON array of strings, or NULL */
    const char *input_schema, *output_schema;
    const char *capabilities; /* JSON array of objects, or NULL */
} lao_v0_metadata_t;

typedef struct lao_v0_result {
    uint32_t status; /* 0 success, 1 validation failed, 2 runtime error */
    char *text;      /* the plugin's until free_result, on errors too */
} lao_v0_result_t;

typedef const char *(*lao_v0_name_fn)(void);
typedef lao_v0_output_t (*lao_v0_run_fn)(const lao_v0_input_t *input);
typedef void (*lao_v0_free_output_fn)(lao_v0_output_t output);
typedef size_t (*lao_v0_run_with_buffer_fn)(const lao_v0_input_t *input, char *buffer, size_t size);
typedef lao_v0_metadata_t (*lao_v0_get_metadata_fn)(void);
typedef bool (*lao_v0_validate_input_fn)(const lao_v0_input_t *input);
typedef const char *(*lao_v0_get_capabilities_fn)(void);
typedef lao_v0_result_t (*lao_v0_run_structured_fn)(const lao_v0_input_t *input);
typedef void (*lao_v0_free_result_fn)(lao_v0_result_t result);

typedef struct lao_v0_table24 { /* the first days: no version field */
    lao_v0_name_fn name;
    lao_v0_run_fn run;
    lao_v0_free_output_fn free_output;
} lao_v0_table24_t;

typedef struct lao_v0_table { /* 40 bytes: up to run_with_buffer; 64: up to get_capabilities; 80: whole */
    uint32_t version;
    lao_v0_name_fn name;
    lao_v0_run_fn run;
    lao_v0_free_output_fn free_output;
    lao_v0_run_with_buffer_fn run_with_buffer; /* never called: with size 0 old plugins overflow it */
    lao_v0_get_metadata_fn get_metadata;
    lao_v0_validate_input_fn validate_input;
    lao_v0_get_capabilities_fn get_capabilities;
    lao_v0_run_structured_fn run_structured;
    lao_v0_free_result_fn free_result;
} lao_v0_table_t;

#endif /* LAO_VTABLE_H */
