/* Bytes that should be text: held against a decoder that follows RFC 3629 letter by letter. */
#include "core/check.h"
#include "core/text_buffer.h"
#include "core/utf8.h"
#include "fuzz.h"

/* Length of the character at `text`, 0 where there is none; slowly, from the definition. */
static size_t character(const uint8_t *text, size_t size) {
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = text[0] < 0x80 ? 1 : text[0] >> 5 == 6 ? 2 : text[0] >> 4 == 14 ? 3 : text[0] >> 3 == 30 ? 4 : 0;
    uint32_t code = length == 1 ? text[0] : text[0] & (0xFFu >> (length + 1));
    if (length == 0 || length > size) {
        return 0;
    }
    for (size_t index = 1; index < length; index++) {
        if (text[index] >> 6 != 2) {
            return 0;
        }
        code = code << 6 | (text[index] & 0x3F);
    }
    return code < lowest[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF) ? 0 : length;
}

static int is_valid(const uint8_t *text, size_t size) {
    size_t at = 0;
    while (at < size) {
        size_t length = character(text + at, size - at);
        if (length == 0) {
            return 0;
        }
        at += length;
    }
    return 1;
}

static void check_json(const char *text, size_t size) {
    lao__text_buffer_t buffer = {0};
    lao__text_add_json(&buffer, text, size);
    FUZZ_CHECK(!buffer.failed && lao__utf8_valid(buffer.text, buffer.size));
    FUZZ_CHECK(buffer.size >= 2 && buffer.text[0] == '"' && buffer.text[buffer.size - 1] == '"');
    for (size_t index = 1; index + 1 < buffer.size; index++) {
        FUZZ_CHECK((uint8_t)buffer.text[index] >= 0x20); /* nothing that JSON, or a terminal, takes for itself */
        FUZZ_CHECK(buffer.text[index] != '"' || buffer.text[index - 1] == '\\');
    }
    free(buffer.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1); /* of its exact size: a read beyond it is seen */
    int64_t checked;
    if (text == NULL) {
        return 0;
    }
    memcpy(text, data, size);
    FUZZ_CHECK(lao__utf8_valid(text, size) == (is_valid(data, size) != 0));
    for (size_t at = 0; at < size; at++) {
        FUZZ_CHECK(lao__utf8_character(text + at, size - at) == character(data + at, size - at));
    }
    check_json(text, size);
    text[size] = '\0';
    checked = lao__checked_string(text, 64);
    FUZZ_CHECK(checked < 0 || ((size_t)checked == strlen(text) && checked > 0 && checked <= 64 &&
                               is_valid((const uint8_t *)text, (size_t)checked)));
    free(text);
    return 0;
}

size_t fuzz_seed(unsigned number, uint8_t *data, size_t capacity) {
    static const char *const texts[] = {
        "plain text", "\"quoted\" \\ and\ncontrolled\t\x01\x7f", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xb5",
        "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", "\xc0\xaf\xed\xa0\x80\xf5\x80\x80\x80"};
    size_t size;
    if (number >= sizeof texts / sizeof *texts) {
        return 0;
    }
    size = strlen(texts[number]);
    memcpy(data, texts[number], size < capacity ? size : capacity);
    return size < capacity ? size : capacity;
}
