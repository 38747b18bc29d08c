/* A growing text, and what is needed to write JSON into it. */
#ifndef LAO_CORE_TEXT_BUFFER_H
#define LAO_CORE_TEXT_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialised; once memory ran out, `failed` is set and nothing more is added. */
typedef struct lao__text_buffer {
    char *text; /* NUL-terminated; freed by the owner */
    size_t size;
    size_t capacity;
    bool failed;
} lao__text_buffer_t;

void lao__text_add(lao__text_buffer_t *buffer, const char *text, size_t size);
void lao__text_add_string(lao__text_buffer_t *buffer, const char *text);

/* A JSON string in quotes; bytes that are not UTF-8 become U+FFFD. */
void lao__text_add_json(lao__text_buffer_t *buffer, const char *text, size_t size);

/* `"key": "value"` (or null for NULL) and `"key": number`, with a comma in front unless the text ends with a brace. */
void lao__text_add_json_field(lao__text_buffer_t *buffer, const char *key, const char *value);
void lao__text_add_json_number(lao__text_buffer_t *buffer, const char *key, uint64_t value);

#endif
