/* Reading one JSON object, such as an instance's configuration: members by name, numbers, booleans and texts. */
#ifndef LAO_C_JSON_H
#define LAO_C_JSON_H

#include <errno.h>
#include <float.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

/* A piece of a JSON document: one value, without the white space around it. Borrowed from the document. */
typedef struct lao_json {
    const char *at;
    uint64_t size;
} lao_json_t;

#define LAO__JSON_DEPTH 64

static inline const char *lao__json_space(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) {
        at++;
    }
    return at;
}

/* Behind the string that begins at `at`, or NULL. */
static inline const char *lao__json_string_end(const char *at, const char *end) {
    for (at++; at < end; at++) {
        if (*at == '"') {
            return at + 1;
        }
        if (*at == '\\' && ++at >= end) {
            return NULL;
        }
    }
    return NULL;
}

/* Behind the value that begins at `at`, or NULL. Brackets are matched by depth only: the host has checked the rest. */
static inline const char *lao__json_end(const char *at, const char *end) {
    int depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = lao__json_string_end(at, end);
            if (at == NULL) {
                return NULL;
            }
        } else if (*at == '{' || *at == '[') {
            if (++depth > LAO__JSON_DEPTH) {
                return NULL;
            }
            at++;
        } else if (depth > 0 && (*at == '}' || *at == ']')) {
            depth--;
            at++;
        } else if (depth > 0) {
            at++;
            continue;
        } else {
            const char *from = at;
            while (at < end && strchr(" \t\r\n,}]:", *at) == NULL) {
                at++;
            }
            return at > from ? at : NULL;
        }
        if (depth == 0) {
            return at;
        }
    }
    return NULL;
}

/* Finds a member of the object `document`. `name` has no character that JSON escapes.
 * 1: found, in `*value`; 0: there is none; -1: not a JSON object. [thread: any] */
static inline int lao_json_member(const char *document, uint64_t size, const char *name, lao_json_t *value) {
    const char *end = document + size, *at = lao__json_space(document, end);
    size_t name_size = strlen(name);
    if (at >= end || *at != '{') {
        return -1;
    }
    at = lao__json_space(at + 1, end);
    if (at < end && *at == '}') {
        return 0;
    }
    while (at < end && *at == '"') {
        const char *key = at + 1, *from;
        at = lao__json_string_end(at, end);
        if (at == NULL) {
            return -1;
        }
        size_t key_size = (size_t)(at - key) - 1;
        at = lao__json_space(at, end);
        if (at >= end || *at != ':') {
            return -1;
        }
        from = lao__json_space(at + 1, end);
        at = lao__json_end(from, end);
        if (at == NULL) {
            return -1;
        }
        if (key_size == name_size && memcmp(key, name, name_size) == 0) {
            value->at = from;
            value->size = (uint64_t)(at - from);
            return 1;
        }
        at = lao__json_space(at, end);
        if (at < end && *at == '}') {
            return 0;
        }
        if (at >= end || *at != ',') {
            return -1;
        }
        at = lao__json_space(at + 1, end);
    }
    return -1;
}

static inline int lao__json_is(lao_json_t value, const char *word) {
    return value.size == strlen(word) && memcmp(value.at, word, (size_t)value.size) == 0;
}

/* Each of these answers 1 and fills `*result`, or answers 0 when the value is of another type. [thread: any] */

static inline int lao_json_boolean(lao_json_t value, int *result) {
    *result = lao__json_is(value, "true");
    return *result || lao__json_is(value, "false");
}

/* An integer in the range of int64; 4.0 and 4e0 are none. */
static inline int lao_json_integer(lao_json_t value, int64_t *result) {
    char digits[24], *stop;
    long long number;
    if (value.size == 0 || value.size >= sizeof digits || strchr("-0123456789", *value.at) == NULL) {
        return 0;
    }
    memcpy(digits, value.at, (size_t)value.size);
    digits[value.size] = '\0';
    errno = 0;
    number = strtoll(digits, &stop, 10);
    if (*stop != '\0' || errno != 0) {
        return 0;
    }
    *result = (int64_t)number;
    return 1;
}

static inline int lao__json_hex4(const char *at, const char *end, uint32_t *unit) {
    int i;
    *unit = 0;
    if (end - at < 4) {
        return 0;
    }
    for (i = 0; i < 4; i++) {
        char c = at[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16u;
        if (digit > 15) {
            return 0;
        }
        *unit = *unit * 16 + digit;
    }
    return 1;
}

/* Decodes the escape behind a backslash into `to`; moves `*at` behind it. Bytes written, or -1. */
static inline int lao__json_escape(const char **at, const char *end, char *to) {
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    char c = *(*at)++;
    const char *known = strchr(from, c);
    uint32_t unit, second;
    if (c != '\0' && known != NULL) {
        *to = into[known - from];
        return 1;
    }
    if (c != 'u' || !lao__json_hex4(*at, end, &unit)) {
        return -1;
    }
    *at += 4;
    if (unit >= 0xD800 && unit <= 0xDBFF && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u' &&
        lao__json_hex4(*at + 2, end, &second) && second >= 0xDC00 && second <= 0xDFFF) {
        unit = 0x10000 + ((unit - 0xD800) << 10) + (second - 0xDC00);
        *at += 6;
    }
    return (int)lao_utf8_put(to, unit);
}

/* The decoded text, NUL-terminated, in memory that the caller frees with free(); its bytes in `*size`. NULL when the
 * value is no text or there is no memory. [thread: any] */
static inline char *lao_json_text(lao_json_t value, uint64_t *size) {
    const char *at, *end;
    char *text, *to;
    if (value.size < 2 || *value.at != '"') {
        return NULL;
    }
    at = value.at + 1;
    end = value.at + value.size - 1;
    text = to = (char *)malloc((size_t)value.size); /* decoding never makes it longer */
    while (text != NULL && at < end) {
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        at++;
        int written = lao__json_escape(&at, end, to);
        if (written < 0) {
            free(text);
            return NULL;
        }
        to += written;
    }
    if (text != NULL) {
        *to = '\0';
        *size = (uint64_t)(to - text);
    }
    return text;
}

/* Whether it is written as JSON writes numbers. */
static inline int lao__json_is_number(lao_json_t value) {
    const char *at = value.at, *end = value.at + value.size, *from;
    at += at < end && *at == '-';
    for (from = at; at < end && *at >= '0' && *at <= '9';) {
        at++;
    }
    if (at == from) {
        return 0;
    }
    if (at < end && *at == '.') {
        for (from = ++at; at < end && *at >= '0' && *at <= '9';) {
            at++;
        }
        if (at == from) {
            return 0;
        }
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < end && (*at == '-' || *at == '+');
        for (from = at; at < end && *at >= '0' && *at <= '9';) {
            at++;
        }
        if (at == from) {
            return 0;
        }
    }
    return at == end;
}

/* A finite number, rounded correctly, whatever the process's locale: strtod gets the point that it asks for. 0 when the
 * value is no number or there is no memory. */
static inline int lao_json_number(lao_json_t value, double *result) {
    const char *point = localeconv()->decimal_point, *dot;
    size_t size = (size_t)value.size, sign = strlen(point), before;
    char room[64], *text = room;
    double number;
    if (!lao__json_is_number(value)) {
        return 0;
    }
    if (size + sign >= sizeof room && (text = (char *)malloc(size + sign + 1)) == NULL) {
        return 0;
    }
    dot = (const char *)memchr(value.at, '.', size);
    before = dot != NULL ? (size_t)(dot - value.at) : size;
    memcpy(text, value.at, before);
    text[before] = '\0';
    if (dot != NULL) {
        memcpy(text + before, point, sign);
        memcpy(text + before + sign, dot + 1, size - before - 1);
        text[size + sign - 1] = '\0';
    }
    number = strtod(text, NULL);
    if (text != room) {
        free(text);
    }
    if (number > DBL_MAX || number < -DBL_MAX) {
        return 0;
    }
    *result = number;
    return 1;
}

#endif /* LAO_C_JSON_H */
