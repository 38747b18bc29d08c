/* A text that grows: for JSON and other outputs that are written piece by piece. */
#ifndef LAO_C_TEXT_H
#define LAO_C_TEXT_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Begins as {0}; `at` is NUL-terminated once something was added, and freed with free(). After a failure for want of
 * memory nothing more is added. */
typedef struct lao_text {
    char *at;
    uint64_t size;
    uint64_t capacity;
    int failed;
} lao_text_t;

/* [thread: any] */
static inline void lao_text_add(lao_text_t *text, const char *piece, uint64_t size) {
    if (text->failed) {
        return;
    }
    if (text->capacity - text->size <= size) {
        uint64_t capacity = (text->size + size + 1) * 2;
        char *larger = (char *)realloc(text->at, (size_t)capacity);
        if (larger == NULL) {
            text->failed = 1;
            return;
        }
        text->at = larger;
        text->capacity = capacity;
    }
    if (size > 0) {
        memcpy(text->at + text->size, piece, (size_t)size);
    }
    text->size += size;
    text->at[text->size] = '\0';
}

static inline void lao_text_put(lao_text_t *text, const char *piece) { lao_text_add(text, piece, strlen(piece)); }

#if defined(__GNUC__) || defined(__clang__)
__attribute__((format(printf, 2, 3)))
#endif
/* As printf has it; at most 511 bytes at a time. */
static inline void lao_text_putf(lao_text_t *text, const char *format, ...) {
    char piece[512];
    va_list arguments;
    int size;
    va_start(arguments, format);
    size = vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    if (size < 0) {
        text->failed = 1;
        return;
    }
    lao_text_add(text, piece, (size_t)size < sizeof piece ? (uint64_t)size : sizeof piece - 1);
}

/* A JSON string, with its quotation marks. `piece` is UTF-8. */
static inline void lao_text_quote(lao_text_t *text, const char *piece, uint64_t size) {
    uint64_t i;
    lao_text_put(text, "\"");
    for (i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)piece[i];
        if (byte == '"' || byte == '\\') {
            lao_text_putf(text, "\\%c", byte);
        } else if (byte < 0x20) {
            lao_text_putf(text, "\\u%04x", byte);
        } else {
            lao_text_add(text, piece + i, 1);
        }
    }
    lao_text_put(text, "\"");
}

/* A JSON number in the fewest digits that read back as the same; null for NaN and the infinities. */
static inline void lao_text_number(lao_text_t *text, double number) {
    char digits[40];
    char *at;
    int precision;
    if (!(number - number == 0)) {
        lao_text_put(text, "null");
        return;
    }
    for (precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, number);
        if (!(strtod(digits, NULL) < number) && !(strtod(digits, NULL) > number)) {
            break;
        }
    }
    for (at = digits; *at != '\0'; at++) {
        if (*at == ',') { /* the process's locale */
            *at = '.';
        }
    }
    lao_text_put(text, digits);
}

#endif /* LAO_C_TEXT_H */
