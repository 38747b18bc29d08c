/* UTF-8: what RFC 3629 allows and nothing else, at every position relative to the eight-byte steps. */
#include "core/utf8.h"
#include "expect.h"

static void boundaries_of_each_length(void) {
    static const struct {
        const char *text;
        size_t size, length;
    } cases[] = {
        {"", 0, 0},
        {"\0", 1, 1},
        {"\x7f", 1, 1},
        {"\x80", 1, 0},
        {"\xc1\xbf", 2, 0}, /* overlong */
        {"\xc2\x80", 2, 2},
        {"\xdf\xbf", 2, 2},
        {"\xdf", 1, 0},             /* cut off */
        {"\xe0\x9f\xbf", 3, 0},     /* overlong */
        {"\xe0\xa0\x80", 3, 3},
        {"\xed\x9f\xbf", 3, 3},     /* last before the surrogates */
        {"\xed\xa0\x80", 3, 0},     /* first surrogate */
        {"\xed\xbf\xbf", 3, 0},     /* last surrogate */
        {"\xee\x80\x80", 3, 3},
        {"\xef\xbf\xbf", 3, 3},
        {"\xef\xbf", 2, 0},         /* cut off */
        {"\xf0\x8f\xbf\xbf", 4, 0}, /* overlong */
        {"\xf0\x90\x80\x80", 4, 4},
        {"\xf4\x8f\xbf\xbf", 4, 4}, /* U+10FFFF */
        {"\xf4\x90\x80\x80", 4, 0}, /* above it */
        {"\xf5\x80\x80\x80", 4, 0},
        {"\xf0\x9f\x98", 3, 0},     /* cut off */
        {"\xff", 1, 0},
        {"\xfe", 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        EXPECT_EQUAL(lao__utf8_character(cases[i].text, cases[i].size), cases[i].length);
    }
}

/* Encodes without any check, so that surrogates and what lies above Unicode can be made too. */
static size_t encode(uint32_t point, char *out) {
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xC0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xE0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3F));
    out[2] = (char)(0x80 | (point >> 6 & 0x3F));
    out[3] = (char)(0x80 | (point & 0x3F));
    return 4;
}

static void every_code_point(void) {
    char text[4];
    for (uint32_t point = 0; point < 0x140000; point++) {
        size_t size = encode(point, text);
        int legal = point <= 0x10FFFF && !(point >= 0xD800 && point <= 0xDFFF);
        EXPECT_EQUAL(lao__utf8_valid(text, size), legal);
        EXPECT_EQUAL(lao__utf8_character(text, size), legal ? size : 0);
        if (size > 1) {
            EXPECT(!lao__utf8_valid(text, size - 1));
        }
    }
}

static void every_position(void) {
    for (size_t size = 0; size <= 40; size++) {
        char *text = malloc(size + 4); /* exactly as long as needed, so that a sanitizer sees a read beyond it */
        EXPECT(text != NULL);
        memset(text, 'a', size);
        EXPECT(lao__utf8_valid(text, size));
        for (size_t at = 0; at < size; at++) {
            text[at] = '\x80';
            EXPECT(!lao__utf8_valid(text, size));
            text[at] = '\0';
            EXPECT(lao__utf8_valid(text, size));
            text[at] = 'a';
        }
        for (size_t at = 0; at + 4 <= size; at++) {
            memcpy(text + at, "\xf0\x9f\x98\x80", 4);
            EXPECT(lao__utf8_valid(text, size));
            EXPECT_EQUAL(lao__utf8_valid(text, at + 3), 0);
            memset(text + at, 'a', 4);
        }
        free(text);
    }
}

int main(void) {
    RUN(boundaries_of_each_length);
    RUN(every_code_point);
    RUN(every_position);
    return 0;
}
