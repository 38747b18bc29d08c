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

/* Every number reads back as strtod has it; what JSON does not have is none. */
static void test_json_numbers(void) {
    static const char *const refused[] = {"",   "-",     "+1",     "1.",       ".5",  "1e", "1e+",
                                          "1x", "1e400", "-1e400", "Infinity", "nan", "0x1"};
    static const char *const edges[] = {
        "-0",     "1e-310", "2.2250738585072014e-308", "1.7976931348623157e308",
        "5e-324", "1e-400", "0.94527069553992329",     "123456789012345678901234567890"};
    char text[800];
    uint64_t random = 1;
    double number = 0;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const lao_json_t value = {refused[i], strlen(refused[i])};
        EXPECT(!lao_json_number(value, &number));
    }
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        const lao_json_t value = {edges[i], strlen(edges[i])};
        EXPECT(lao_json_number(value, &number) && !(number < strtod(edges[i], NULL)) &&
               !(number > strtod(edges[i], NULL)));
    }
    for (int i = 0; i < 20000; i++) {
        double expected;
        random = random * 6364136223846793005u + 1442695040888963407u;
        memcpy(&expected, &random, sizeof expected);
        if (expected - expected < 0 || expected - expected > 0 || expected != expected) {
            continue;
        }
        const lao_json_t value = {text, (uint64_t)snprintf(text, sizeof text, i % 2 ? "%.17g" : "%.330f", expected)};
        if (!lao_json_number(value, &number) || number < strtod(text, NULL) || number > strtod(text, NULL)) {
            EXPECT(!"every number reads back");
            return;
        }
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

static void test_text(void) {
    lao_text_t text = {0};
    lao_text_quote(&text, "a\"\\\n\x01\xC3\xA4", 7);
    for (int i = 0; i < 3; i++) {
        static const double numbers[] = {0.1, 1e300, -0.0};
        lao_text_put(&text, " ");
        lao_text_number(&text, numbers[i]);
    }
    lao_text_put(&text, " ");
    lao_text_number(&text, DBL_MAX * 10);
    EXPECT(strcmp(text.at, "\"a\\\"\\\\\\u000a\\u0001\xC3\xA4\" 0.1 1e+300 -0 null") == 0);
    EXPECT(text.size == strlen(text.at));
    for (int i = 0; i < 1000; i++) {
        lao_text_putf(&text, "%d,", i);
    }
    EXPECT(!text.failed && strcmp(text.at + text.size - 8, "998,999,") == 0);
    free(text.at);
}

static const lao_field_t inner[] = {LAO_FIELD(LAO_PARAM_INT, LAO_FIELD_REQUIRED, "n", "", NULL), LAO_END};
static const lao_field_t word = LAO_FIELD(LAO_PARAM_TEXT, LAO_FIELD_REQUIRED, "", "", NULL);
static const lao_field_t fields[] = {LAO_CHOICE("mode", "a", "Which", "a|bc"),
                                     LAO_INT_IN("n", 3, "", -1, DBL_MAX),
                                     LAO_NUMBER_IN("r", 0.5, "", 0, 1),
                                     LAO_BOOL("yes", 1, ""),
                                     LAO_TEXT_OF("short", "x", "", 1, 2),
                                     LAO_LIST("words", &word, ""),
                                     LAO_PATH("file", "", ""),
                                     LAO_SECRET("key", "A key"),
                                     LAO_FIELD(LAO_FIELD_OBJECT, LAO_FIELD_REQUIRED, "at", "", inner),
                                     LAO_FIELD(LAO_PARAM_BYTES, LAO_FIELD_OPTIONAL, "raw", "", NULL),
                                     LAO_END};

static void test_schema(void) {
    char *schema = lao_fields_schema(fields, 0);
    EXPECT(schema != NULL &&
           strcmp(schema,
                  "{\"type\":\"object\",\"properties\":{"
                  "\"mode\":{\"type\":\"string\",\"enum\":[\"a\",\"bc\"],\"default\":\"a\",\"description\":\"Which\"},"
                  "\"n\":{\"type\":\"integer\",\"default\":3,\"minimum\":-1},"
                  "\"r\":{\"type\":\"number\",\"default\":0.5,\"minimum\":0,\"maximum\":1},"
                  "\"yes\":{\"type\":\"boolean\",\"default\":true},"
                  "\"short\":{\"type\":\"string\",\"default\":\"x\",\"minLength\":1,\"maxLength\":2},"
                  "\"words\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"default\":[]},"
                  "\"file\":{\"type\":\"string\",\"default\":\"\",\"format\":\"path\"},"
                  "\"key\":{\"type\":\"string\",\"default\":\"\",\"writeOnly\":true,\"description\":\"A key\"},"
                  "\"at\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}},\"required\":[\"n\"]},"
                  "\"raw\":{\"type\":\"string\",\"contentEncoding\":\"base64\"}},"
                  "\"required\":[\"at\"],\"additionalProperties\":false}") == 0);
    free(schema);
    schema = lao_fields_schema(NULL, 1);
    EXPECT(schema != NULL && strcmp(schema, "{\"type\":\"object\",\"properties\":{}}") == 0);
    free(schema);
}

/* What is said of one parameter; NULL when it is accepted. */
static const char *refusal(lao_param_t param) {
    static char text[200];
    lao_param_t at = {.struct_size = sizeof at, .type = LAO_PARAM_JSON, .name = "at", .data = "{}", .size = 2};
    const lao_param_t *params[] = {&at, &param};
    lao_request_t request = {.struct_size = sizeof request, .param_count = 2, .params = params};
    lao_error_t error = {.struct_size = sizeof error, .text_capacity = sizeof text - 1, .text = text};
    if (lao_fields_check(fields, &request, &error) == LAO_OK) {
        return NULL;
    }
    text[error.text_size] = '\0';
    return text;
}

static lao_param_t text_param(const char *name, const char *data) {
    return (lao_param_t){.type = LAO_PARAM_TEXT, .name = name, .data = data, .size = strlen(data)};
}

static void test_parameters(void) {
    const lao_request_t none = {.struct_size = sizeof none};
    lao_param_t number = {.type = LAO_PARAM_INT, .name = "r", .integer = 1};
    lao_param_t list = {.type = LAO_PARAM_JSON, .name = "words", .data = "[\"x\"]", .size = 5};
    EXPECT(refusal(text_param("mode", "bc")) == NULL && refusal(text_param("short", "\xC3\xA4\xC3\xA4")) == NULL);
    EXPECT(refusal(number) == NULL && refusal(list) == NULL);
    EXPECT(strcmp(refusal(text_param("mode", "b")), "parameter `mode` must be one of a, bc; not `b`") == 0);
    EXPECT(strcmp(refusal(text_param("mode", "")), "parameter `mode` must be one of a, bc; not ``") == 0);
    EXPECT(strcmp(refusal(text_param("short", "")), "parameter `short` must be between 1 and 2 characters long") == 0);
    EXPECT(strcmp(refusal(text_param("n", "3")), "parameter `n` must be an integer") == 0);
    EXPECT(strcmp(refusal(text_param("m", "3")), "there is no parameter `m`") == 0);
    EXPECT(strcmp(refusal(text_param("words", "x")), "parameter `words` must be a list") == 0);
    EXPECT(strcmp(refusal(text_param("raw", "x")), "parameter `raw` must be bytes") == 0);
    number.integer = 2;
    EXPECT(strcmp(refusal(number), "parameter `r` must be between 0 and 1") == 0);
    number.name = "n", number.integer = -2;
    EXPECT(strcmp(refusal(number), "parameter `n` must be at least -1") == 0);
    EXPECT(lao_fields_check(fields, &none, NULL) == LAO_INVALID_PARAMETER); /* `at` is missing */
    EXPECT(lao_arg_int(&none, fields, "n") == 3 && lao_arg_bool(&none, fields, "yes"));
    EXPECT(strcmp(lao_arg_text(&none, fields, "mode", NULL), "a") == 0);
    EXPECT(lao_arg_json(&none, fields, "words").size == 2);
}

static lao_status_t settings_status(const char *json) {
    const lao_config_t config = {.struct_size = sizeof config, .json = json, .json_size = strlen(json)};
    return lao_settings_check(fields, &config, NULL);
}

static void test_settings(void) {
    const char *json = "{\"at\":{\"n\":1},\"mode\":\"b\\u0063\",\"r\":0.25,\"other\":1}";
    const lao_config_t config = {.struct_size = sizeof config, .json = json, .json_size = strlen(json)};
    uint64_t size = 0;
    char *mode = lao_setting_text(&config, fields, "mode", &size);
    EXPECT(mode != NULL && size == 2 && strcmp(mode, "bc") == 0);
    free(mode);
    EXPECT(lao_setting_number(&config, fields, "r") == 0.25 && lao_setting_int(&config, fields, "n") == 3);
    EXPECT(settings_status(json) == LAO_OK);
    EXPECT(settings_status("{}") == LAO_INVALID_CONFIG);
    EXPECT(settings_status("[]") == LAO_INVALID_CONFIG);
    EXPECT(settings_status("{\"at\":[]}") == LAO_INVALID_CONFIG);
    EXPECT(settings_status("{\"at\":{},\"mode\":\"c\"}") == LAO_INVALID_CONFIG);
    EXPECT(settings_status("{\"at\":{},\"yes\":1}") == LAO_INVALID_CONFIG);
}

static void test_arrays(void) {
    int32_t elements[6] = {1, 2, 3, 4, 5, 6}, copy[6];
    int64_t shape[2] = {3, 2}, strides[2] = {2, -1};
    lao_managed_tensor_t managed = {.tensor = {.data = elements,
                                               .device = {LAO_DEVICE_CPU, 0},
                                               .rank = 2,
                                               .dtype = {LAO_DTYPE_INT, 32, 1},
                                               .shape = shape,
                                               .strides = strides,
                                               .byte_offset = 4}};
    lao_value_t value = {.struct_size = sizeof value, .kind = LAO_KIND_TENSOR, .tensor = &managed};
    lao_array_t array;
    EXPECT(lao_array_of(&value, lao_dtype_of(LAO_DTYPE_INT, 32), &array, NULL) == LAO_OK);
    EXPECT(array.count == 6 && !lao_array_is_contiguous(&array));
    lao_array_copy(&array, copy);
    EXPECT(copy[0] == 2 && copy[1] == 1 && copy[4] == 6 && copy[5] == 5);
    EXPECT(lao_array_of(&value, lao_dtype_of(LAO_DTYPE_FLOAT, 32), &array, NULL) == LAO_INVALID_INPUT);
    value.kind = LAO_KIND_VIDEO;
    EXPECT(lao_array_of(&value, lao_dtype_of(LAO_DTYPE_INT, 32), &array, NULL) == LAO_INVALID_INPUT);
    managed.tensor.device.device_type = LAO_DEVICE_CUDA;
    EXPECT(lao_array_of(&value, lao_dtype_of(LAO_DTYPE_INT, 32), &array, NULL) == LAO_UNSUPPORTED);
    value.tensor = NULL;
    EXPECT(lao_array_of(&value, lao_dtype_of(LAO_DTYPE_INT, 32), &array, NULL) == LAO_INVALID_INPUT);
}

static int released;
static void LAO_CALL count_release(lao_value_t *value) {
    released++;
    EXPECT(value->owner == &released);
}
static void LAO_CALL count_deletion(lao_managed_tensor_t *tensor) {
    (void)tensor;
    released += 10;
}

static void test_labels(void) {
    lao_value_t value = {.struct_size = sizeof value, .owner = &released, .release = count_release};
    lao_managed_tensor_t managed = {.deleter = count_deletion};
    lao_value_t tensor = {.struct_size = sizeof tensor, .tensor = &managed};
    EXPECT(lao_label(&value, "image/png", NULL) == LAO_OK && lao_label(&value, NULL, "{\"a\":1}") == LAO_OK);
    EXPECT(strcmp(value.media_type, "image/png") == 0 && value.metadata_size == 7);
    value.release(&value);
    EXPECT(released == 1);
    EXPECT(lao_label(&tensor, NULL, "{}") == LAO_OK);
    tensor.release(&tensor);
    EXPECT(released == 11);
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
    test_json_numbers();
    test_fail();
    test_text();
    test_schema();
    test_parameters();
    test_settings();
    test_arrays();
    test_labels();
    return failures > 0;
}
