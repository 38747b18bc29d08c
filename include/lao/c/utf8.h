/* UTF-8, character by character. */
#ifndef LAO_C_UTF8_H
#define LAO_C_UTF8_H

#include <stdint.h>

/* Reads the character at `*at` and moves `*at` behind it. Returns its code point, or -1 at `end` and where the bytes
 * are not UTF-8 (`*at` stays then). [thread: any] */
static inline int32_t lao_utf8_next(const char **at, const char *end) {
    const unsigned char *bytes = (const unsigned char *)*at;
    int64_t left = end - *at;
    uint32_t first, character, lowest;
    int follow, i;
    if (left <= 0) {
        return -1;
    }
    first = bytes[0];
    if (first < 0x80) {
        *at += 1;
        return (int32_t)first;
    }
    if (first >= 0xC2 && first <= 0xDF) {
        follow = 1, lowest = 0x80, character = first & 0x1Fu;
    } else if (first >= 0xE0 && first <= 0xEF) {
        follow = 2, lowest = 0x800, character = first & 0x0Fu;
    } else if (first >= 0xF0 && first <= 0xF4) {
        follow = 3, lowest = 0x10000, character = first & 0x07u;
    } else {
        return -1;
    }
    if (left <= follow) {
        return -1;
    }
    for (i = 1; i <= follow; i++) {
        if ((bytes[i] & 0xC0u) != 0x80u) {
            return -1;
        }
        character = (character << 6) | (bytes[i] & 0x3Fu);
    }
    if (character < lowest || character > 0x10FFFF || (character >= 0xD800 && character <= 0xDFFF)) {
        return -1;
    }
    *at += follow + 1;
    return (int32_t)character;
}

/* Writes a code point to `to`, which has room for 4 bytes; returns the bytes written. What is no character becomes
 * U+FFFD. [thread: any] */
static inline uint32_t lao_utf8_put(char *to, uint32_t character) {
    if (character > 0x10FFFF || (character >= 0xD800 && character <= 0xDFFF)) {
        character = 0xFFFD;
    }
    if (character < 0x80) {
        to[0] = (char)character;
        return 1;
    }
    if (character < 0x800) {
        to[0] = (char)(0xC0u | (character >> 6));
        to[1] = (char)(0x80u | (character & 0x3Fu));
        return 2;
    }
    if (character < 0x10000) {
        to[0] = (char)(0xE0u | (character >> 12));
        to[1] = (char)(0x80u | ((character >> 6) & 0x3Fu));
        to[2] = (char)(0x80u | (character & 0x3Fu));
        return 3;
    }
    to[0] = (char)(0xF0u | (character >> 18));
    to[1] = (char)(0x80u | ((character >> 12) & 0x3Fu));
    to[2] = (char)(0x80u | ((character >> 6) & 0x3Fu));
    to[3] = (char)(0x80u | (character & 0x3Fu));
    return 4;
}

/* The number of characters in `size` bytes, or -1 when they are not UTF-8. [thread: any] */
static inline int64_t lao_utf8_count(const char *text, uint64_t size) {
    const char *at = text, *end = text + size;
    int64_t count = 0;
    if (size == 0) { /* an empty text may have no data */
        return 0;
    }
    while (at < end) {
        if (lao_utf8_next(&at, end) < 0) {
            return -1;
        }
        count++;
    }
    return count;
}

/* Whether a code point is white space, as Unicode has it. [thread: any] */
static inline int lao_is_space(uint32_t character) {
    return (character >= 0x09 && character <= 0x0D) || character == 0x20 || character == 0x85 || character == 0xA0 ||
           character == 0x1680 || (character >= 0x2000 && character <= 0x200A) || character == 0x2028 ||
           character == 0x2029 || character == 0x202F || character == 0x205F || character == 0x3000;
}

#endif /* LAO_C_UTF8_H */
