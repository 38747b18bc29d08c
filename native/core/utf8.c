#include "utf8.h"

#include <stdint.h>
#include <string.h>

static bool is_tail(unsigned char byte) { return (byte & 0xC0u) == 0x80u; }

size_t lao__utf8_character(const char *text, size_t size) {
    const unsigned char *byte = (const unsigned char *)text;
    if (size == 0) {
        return 0;
    }
    if (byte[0] < 0x80) {
        return 1;
    }
    if (byte[0] >= 0xC2 && byte[0] <= 0xDF) {
        return size >= 2 && is_tail(byte[1]) ? 2 : 0;
    }
    if ((byte[0] & 0xF0u) == 0xE0u) {
        if (size < 3 || !is_tail(byte[1]) || !is_tail(byte[2])) {
            return 0;
        }
        if ((byte[0] == 0xE0 && byte[1] < 0xA0) || (byte[0] == 0xED && byte[1] > 0x9F)) {
            return 0; /* overlong, or a surrogate */
        }
        return 3;
    }
    if (byte[0] >= 0xF0 && byte[0] <= 0xF4) {
        if (size < 4 || !is_tail(byte[1]) || !is_tail(byte[2]) || !is_tail(byte[3])) {
            return 0;
        }
        if ((byte[0] == 0xF0 && byte[1] < 0x90) || (byte[0] == 0xF4 && byte[1] > 0x8F)) {
            return 0; /* overlong, or above U+10FFFF */
        }
        return 4;
    }
    return 0;
}

bool lao__utf8_valid(const char *text, size_t size) {
    size_t at = 0;
    while (at < size) {
        uint64_t word;
        size_t length;
        if (size - at >= sizeof word) { /* eight ASCII characters at a time */
            memcpy(&word, text + at, sizeof word);
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                at += sizeof word;
                continue;
            }
        }
        length = lao__utf8_character(text + at, size - at);
        if (length == 0) {
            return false;
        }
        at += length;
    }
    return true;
}
