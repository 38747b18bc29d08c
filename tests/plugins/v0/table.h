/* The structs of LAO 0.x as its plugins wrote them, on purpose not taken from <lao/vtable.h>: the two must agree.
 *
 * A fixture defines the functions it has and then includes v0/export.h, which builds the table:
 *   LAYOUT   24, 40, 64 (default) or 80 bytes
 *   DIALECT  function (default): `plugin_vtable` returns the table; data: `plugin_vtable` is the table
 *   SYMBOL   defined: the table is exported as `PLUGIN_VTABLE` too, as Rust plugins do
 *   VERSION  the version field; default 2 for 80 bytes, else 1
 *   WITHOUT  the name of a function that is NULL in the table */
#ifndef LAO_TESTS_V0_TABLE_H
#define LAO_TESTS_V0_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef LAYOUT
#define LAYOUT 64
#endif
#ifndef VERSION
#define VERSION (LAYOUT == 80 ? 2 : 1)
#endif

typedef struct {
    char *text;
} PluginInput;

typedef struct {
    char *text;
} PluginOutput;

typedef struct {
    const char *name, *version, *description, *author, *dependencies, *tags, *input_schema, *output_schema,
        *capabilities;
} PluginMetadata;

typedef struct {
    uint32_t status;
    char *text;
} PluginResult;

typedef struct {
#if LAYOUT > 24
    uint32_t version;
#endif
    const char *(*name)(void);
    PluginOutput (*run)(const PluginInput *);
    void (*free_output)(PluginOutput);
#if LAYOUT >= 40
    size_t (*run_with_buffer)(const PluginInput *, char *, size_t);
#endif
#if LAYOUT >= 64
    PluginMetadata (*get_metadata)(void);
    bool (*validate_input)(const PluginInput *);
    const char *(*get_capabilities)(void);
#endif
#if LAYOUT >= 80
    PluginResult (*run_structured)(const PluginInput *);
    void (*free_result)(PluginResult);
#endif
} PluginVTable;

_Static_assert(sizeof(PluginVTable) == LAYOUT, "the layouts of LAO 0.x are 24, 40, 64 and 80 bytes");

/* The wall that a host must never reach. */
__attribute__((unused)) static void forbidden(const char *what) {
    fprintf(stderr, "the host must not do this: %s\n", what);
    abort();
}

#endif /* LAO_TESTS_V0_TABLE_H */
