/* Unit tests of include/lao/c, and `c_parts cases`: every letter whose case changes, for comparison. */
#include <lao/plugin_c.h>
#include <stdio.h>

static int failures;

#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf("line %d: %s\n", __LINE__, #condition);                                                             \
            failures++;                                                                                                \
        }                                                                                                              \
    } while (0)

static void test_utf8(void) {
    static const char *const broken[] = {"\x80",     "\xC0\x80",     "\xC1\xBF",         "\xE0\x80\x80",
                                         "\xE2\x82", "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80",
                                         "\xF8",     "\xC3("};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        EXPECT(lao_utf8_count(broken[i], strlen(broken[i])) == -1);
    }
    EXPECT(lao_utf8_count("a\0\xC3\xA4\xF0\x9F\x98\x80", 8) == 4);
    EXPECT(lao_utf8_count(NULL, 0) == 0);
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        char bytes[4];
        const char *at = bytes;
        uint32_t size = lao_utf8_put(bytes, c);
        uint32_t expected = c >= 0xD800 && c <= 0xDFFF ? 0xFFFD : c;
        if (lao_utf8_next(&at, bytes + size) != (int32_t)expected || at != bytes + size) {
            EXPECT(!"every character survives");
            return;
        }
    }
}

static int member(const char *document, const char *name, lao_json_t *value) {
    return lao_json_member(document, strlen(document), name, value);
}

static void test_json(void) {
    const char *document = " { \"deep\" : {\"n\": [1, \"}\\\"\", {}]} , \"n\":-42,\"x\" : 2.5e-1 , \"yes\":true,"
                           "\"text\":\"a\\u00e9\\ud83d\\ude00\\n\\\"\\u0000z\", \"big\": 9223372036854775808 } ";
    lao_json_t value;
    int64_t integer = 7;
    double number = 0;
    int flag = 0;
    uint64_t size = 0;
    EXPECT(member(document, "n", &value) == 1 && lao_json_integer(value, &integer) && integer == -42);
    EXPECT(member(document, "x", &value) == 1 && lao_json_number(value, &number) && number == 0.25);
    EXPECT(!lao_json_integer(value, &integer));
    EXPECT(member(document, "yes", &value) == 1 && lao_json_boolean(value, &flag) && flag);
    EXPECT(member(document, "big", &value) == 1 && !lao_json_integer(value, &integer));
    EXPECT(lao_json_number(value, &number) && number > 9.2e18);
    EXPECT(member(document, "none", &value) == 0);
    EXPECT(member("{}", "none", &value) == 0);
    EXPECT(member(document, "text", &value) == 1);
    char *text = lao_json_text(value, &size);
    EXPECT(text != NULL && size == 11 && memcmp(text, "a\xC3\xA9\xF0\x9F\x98\x80\n\"\0z", 11) == 0);
    free(text);
    EXPECT(member(document, "n", &value) == 1 && lao_json_text(value, &size) == NULL);
    static const char *const broken[] = {"", "[]", "{", "{\"a\"", "{\"a\":", "{\"a\":\"", "{\"a\":[", "{\"a\" 1}", "x"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        EXPECT(member(broken[i], "b", &value) == -1);
    }
}

static void test_fail(void) {
    char text[8];
    char buffer[2048];
    lao_error_t error = {.struct_size = sizeof error, .text_capacity = sizeof text, .text = text};
    EXPECT(lao_failf(&error, LAO_FAILED, "%d-%s", 12, "ab\xC3\xA4\xC3\xA4") == LAO_FAILED);
    EXPECT(error.text_size == 7 && memcmp(text, "12-ab\xC3\xA4", 7) == 0);
    memset(buffer, 'x', sizeof buffer);
    buffer[sizeof buffer - 1] = '\0';
    EXPECT(lao_failf(&error, LAO_FAILED, "%s", buffer) == LAO_FAILED && error.text_size == 8);
    EXPECT(lao_failf(NULL, LAO_INVALID_INPUT, "x") == LAO_INVALID_INPUT);
}

int main(int count, char **arguments) {
    if (count > 1 && strcmp(arguments[1], "cases") == 0) {
        for (uint32_t c = 0; c <= 0x10FFFF; c++) {
            if (lao_to_upper(c) != c || lao_to_lower(c) != c) {
                printf("%u %u %u\n", c, lao_to_upper(c), lao_to_lower(c));
            }
        }
        return 0;
    }
    test_utf8();
    test_json();
    test_fail();
    return failures > 0;
}
