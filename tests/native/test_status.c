/* The public inline functions: lao_fail, lao_cancelled, LAO_HAS, status messages; and the core's formatted errors. */
#include <lao/lao.h>

#include "core/error.h"
#include "expect.h"

static char text[64];

static lao_error_t error_of(uint32_t capacity) {
    memset(text, '#', sizeof text);
    return (lao_error_t){.struct_size = sizeof(lao_error_t), .text_capacity = capacity, .text = text};
}

static void failing_with_text(void) {
    lao_error_t error = error_of(sizeof text);
    EXPECT_EQUAL(lao_fail(&error, LAO_FAILED, "why"), LAO_FAILED);
    EXPECT_EQUAL(error.text_size, 3);
    EXPECT(memcmp(text, "why#", 4) == 0);
    EXPECT_EQUAL(lao_fail(&error, LAO_UNSUPPORTED, NULL), LAO_UNSUPPORTED);
    EXPECT_EQUAL(error.text_size, 0);
    EXPECT_EQUAL(lao_fail(NULL, LAO_FAILED, "nobody listens"), LAO_FAILED);
}

/* The text is cut at the capacity, never inside a character, and never beyond. */
static void failing_with_long_text(void) {
    static const char *const long_text = "ab\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"; /* a b é € 😀 z */
    static const uint32_t kept[] = {0, 1, 2, 2, 4, 4, 4, 7, 7, 7, 7, 11, 12, 12};
    for (uint32_t capacity = 0; capacity < sizeof kept / sizeof *kept; capacity++) {
        lao_error_t error = error_of(capacity);
        lao_fail(&error, LAO_FAILED, long_text);
        EXPECT_EQUAL(error.text_size, kept[capacity]);
        EXPECT(text[capacity] == '#');
    }
}

static void failing_into_a_smaller_struct(void) {
    lao_error_t error = error_of(sizeof text);
    error.struct_size = offsetof(lao_error_t, text); /* of a host that has no room for a text */
    EXPECT_EQUAL(lao_fail(&error, LAO_FAILED, "why"), LAO_FAILED);
    EXPECT_EQUAL(error.text_size, 0);
    EXPECT(text[0] == '#');
    error = error_of(sizeof text);
    error.text = NULL;
    EXPECT_EQUAL(lao_fail(&error, LAO_FAILED, "why"), LAO_FAILED);
}

static void sizes(void) {
    lao_error_t error = {.struct_size = offsetof(lao_error_t, text) + sizeof(char *)};
    EXPECT(LAO_HAS(lao_error_t, &error, text));
    error.struct_size--;
    EXPECT(!LAO_HAS(lao_error_t, &error, text));
    EXPECT(LAO_HAS(lao_error_t, &error, text_size));
}

static void messages(void) {
    EXPECT_TEXT(lao_status_message(LAO_OK), "success");
    EXPECT_TEXT(lao_status_message(UINT32_MAX), "unknown status");
#define EXPECT_MESSAGE(name, code, who, python, message)                                                               \
    EXPECT_EQUAL(LAO_##name, code);                                                                                    \
    EXPECT_TEXT(lao_status_message(code), message);
    LAO_STATUS_LIST(EXPECT_MESSAGE)
}

static void cancelling(void) {
    uint32_t word = 0;
    lao_request_t request = {.struct_size = sizeof request, .cancel = &word};
    EXPECT(!lao_cancelled(&request));
    word = 2;
    EXPECT(lao_cancelled(&request));
}

static void formatted_errors(void) {
    static lao__error_t error;
    static char huge[2 * LAO__ERROR_CAPACITY];
    EXPECT_EQUAL(lao__fail(&error, LAO_CRASHED, "%s %d", "signal", 11), LAO_CRASHED);
    EXPECT_TEXT(error.text, "signal 11");
    EXPECT_EQUAL(error.size, 9);
    EXPECT_EQUAL(error.signal, 0);
    EXPECT_EQUAL(error.exit_code, -1);
    memset(huge, 'x', sizeof huge - 1);
    lao__fail(&error, LAO_FAILED, "%s", huge);
    EXPECT_EQUAL(error.size, LAO__ERROR_CAPACITY - 1);
    EXPECT_EQUAL(strlen(error.text), error.size);
    EXPECT_EQUAL(lao__fail(NULL, LAO_FAILED, "nobody listens"), LAO_FAILED);
}

int main(void) {
    RUN(failing_with_text);
    RUN(failing_with_long_text);
    RUN(failing_into_a_smaller_struct);
    RUN(sizes);
    RUN(messages);
    RUN(cancelling);
    RUN(formatted_errors);
    return 0;
}
