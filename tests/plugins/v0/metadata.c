/* LAO 0.x plugins whose metadata is odd in one way each: METADATA names it. They run soundly; a host that reads metadata
 * strictly loses them, or crashes on a NULL. */
#include "v0/table.h"

#define ONE(in, out)                                                                                                   \
    "[{\"name\":\"work\",\"description\":\"Works\",\"input_type\":\"" in "\",\"output_type\":\"" out "\"}]"

typedef PluginMetadata M;
#define METADATA_sound                                                                                                 \
    (M) { .name = "odd", .version = "1.0.0", .description = "d", .capabilities = ONE("Text", "Text") }
#define METADATA_all_null                                                                                              \
    (M) { .name = NULL }
#define METADATA_empty_strings (M){"", "", "", "", "", "", "", "", ""}
#define METADATA_name_null                                                                                             \
    (M) { .version = "1.0.0", .capabilities = ONE("Text", "Text") }
#define METADATA_not_utf8                                                                                              \
    (M) {                                                                                                              \
        .name = "odd", .version = "1.\xff", .description = "caf\xe9 \xc3\x28", .author = "\xed\xa0\x80",               \
        .capabilities = ONE("Text", "Text")                                                                            \
    }
#define METADATA_name_not_utf8                                                                                         \
    (M) { .name = "od\xff\xfe", .version = "1.0.0", .capabilities = ONE("Text", "Text") }
#define METADATA_lower_case                                                                                            \
    (M) { .name = "odd", .version = "1.0.0", .capabilities = ONE("text", "json") }
#define METADATA_upper_case                                                                                            \
    (M) { .name = "odd", .version = "1.0.0", .capabilities = ONE("TEXT", "JSON") }
#define METADATA_unknown_type                                                                                          \
    (M) { .name = "odd", .version = "1.0.0", .capabilities = ONE("Text", "Hologram") }
#define METADATA_broken_json (M){.name = "odd", .version = "1.0.0", .capabilities = "[{\"name\": \"work\", oops"}
#define METADATA_not_a_list (M){.name = "odd", .version = "1.0.0", .capabilities = "{\"name\":\"work\"}"}
#define METADATA_empty_list (M){.name = "odd", .version = "1.0.0", .capabilities = "[]"}
#define METADATA_no_description                                                                                        \
    (M){.name = "odd",                                                                                                 \
        .version = "1.0.0",                                                                                            \
        .capabilities = "[{\"name\":\"work\",\"input_type\":\"Text\",\"output_type\":\"Json\",\"extra\":1}]"}
#define METADATA_one_bad_of_two                                                                                        \
    (M){.name = "odd",                                                                                                 \
        .version = "1.0.0",                                                                                            \
        .capabilities = "[{\"input_type\":\"Text\"},{\"name\":\"work\",\"description\":\"Works\","                     \
                        "\"input_type\":\"Text\",\"output_type\":\"Text\"}]"}
#define METADATA_string_dependencies                                                                                   \
    (M){.name = "odd",                                                                                                 \
        .version = "1.0.0",                                                                                            \
        .capabilities = ONE("Text", "Text"),                                                                           \
        .dependencies = "[\"node>=14.0.0\", {\"name\": \"other\", \"version\": \"1.0.0\"}]"}
#define METADATA_schemas                                                                                               \
    (M){.name = "odd",                                                                                                 \
        .version = "not a version",                                                                                    \
        .capabilities = ONE("Text", "Text"),                                                                           \
        .input_schema = "{oops",                                                                                       \
        .output_schema = "{\"type\": \"string\"}",                                                                     \
        .tags = "[\"a\", 2]"}

#define META_PASTE_(a, b) a##b
#define META_PASTE(a, b) META_PASTE_(a, b)

static const char *name(void) { return "PluginByItsFunction"; }

static PluginOutput run(const PluginInput *input) { return (PluginOutput){strdup(input->text)}; }

static void free_output(PluginOutput output) { free(output.text); }

static PluginMetadata get_metadata(void) {
    static atomic_int calls;
    if (atomic_fetch_add(&calls, 1) > 0) {
        forbidden("call get_metadata twice");
    }
    return META_PASTE(METADATA_, METADATA);
}

static bool validate_input(const PluginInput *input) { return input != NULL && input->text != NULL; }

static const char *get_capabilities(void) { return (META_PASTE(METADATA_, METADATA)).capabilities; }

#include "v0/export.h"
