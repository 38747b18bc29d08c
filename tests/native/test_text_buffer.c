/* JSON that the core writes: escapes, bytes that are not UTF-8, commas, growth. */
#include "core/text_buffer.h"
#include "expect.h"

static void json_strings(void) {
    static const struct {
        const char *text;
        size_t size;
        const char *json;
    } cases[] = {
        {"", 0, "\"\""},
        {"plain", 5, "\"plain\""},
        {"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
        {"\n\t\r", 3, "\"\\u000a\\u0009\\u000d\""},
        {"a\0b", 3, "\"a\\u0000b\""},
        {"\x7f", 1, "\"\x7f\""},
        {"\xc3\xa9\xf0\x9f\x98\x80", 6, "\"\xc3\xa9\xf0\x9f\x98\x80\""},
        {"\xff\xfe", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"cut \xe2\x82", 6, "\"cut \xef\xbf\xbd\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lao__text_buffer_t buffer = {0};
        lao__text_add_json(&buffer, cases[i].text, cases[i].size);
        EXPECT_TEXT(buffer.text, cases[i].json);
        EXPECT_EQUAL(buffer.size, strlen(cases[i].json));
        free(buffer.text);
    }
}

static void fields_and_commas(void) {
    lao__text_buffer_t buffer = {0};
    lao__text_add_string(&buffer, "{");
    lao__text_add_json_field(&buffer, "a", "x");
    lao__text_add_json_field(&buffer, "b", NULL);
    lao__text_add_json_number(&buffer, "c", UINT64_MAX);
    lao__text_add_string(&buffer, ",\"d\":[{");
    lao__text_add_json_number(&buffer, "e", 0);
    lao__text_add_string(&buffer, "}]}");
    EXPECT_TEXT(buffer.text, "{\"a\":\"x\",\"b\":null,\"c\":18446744073709551615,\"d\":[{\"e\":0}]}");
    free(buffer.text);
}

static void growth(void) {
    lao__text_buffer_t buffer = {0};
    for (int i = 0; i < 20000; i++) {
        lao__text_add(&buffer, "0123456789", 10);
        EXPECT(buffer.text[buffer.size] == '\0' && buffer.size < buffer.capacity);
    }
    EXPECT_EQUAL(buffer.size, 200000);
    EXPECT(memcmp(buffer.text + 199990, "0123456789", 11) == 0);
    EXPECT(!buffer.failed);
    free(buffer.text);
}

static void nothing_is_added_after_a_failure(void) {
    lao__text_buffer_t buffer = {.failed = true};
    lao__text_add_string(&buffer, "text");
    lao__text_add_json_field(&buffer, "key", "value");
    EXPECT(buffer.text == NULL && buffer.size == 0 && buffer.failed);
}

int main(void) {
    RUN(json_strings);
    RUN(fields_and_commas);
    RUN(growth);
    RUN(nothing_is_added_after_a_failure);
    return 0;
}
