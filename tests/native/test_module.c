/* Loading and negotiating: sound plugins are described, broken ones are refused with the reason, nothing is lost. */
#include "core/describe.h"
#include "core/dynlib.h"
#include "fixtures.h"

static void refuse(const char *path, lao_status_t status, const char *reason) {
    lao__module_t *module = NULL;
    EXPECT_EQUAL(lao__module_open(path, &lao__local_services, 0, &module, &error), status);
    EXPECT(module == NULL);
    EXPECT_CONTAINS(error.text, reason);
}

static void a_sound_plugin(void) {
    lao__module_t *module = open_module(FIXTURE("echo_full"));
    EXPECT_TEXT(module->name, "echo");
    EXPECT_TEXT(module->version, "1.2.3");
    EXPECT_EQUAL(module->thread_role, LAO_THREADS_FULL);
    EXPECT_TEXT(module->capabilities[0].name, "text");
    EXPECT_EQUAL(module->capabilities[capability_of(module, "stream")].flags, LAO_CAPABILITY_STREAMS_OUT);
    EXPECT_EQUAL(module->capabilities[capability_of(module, "sum")].output_kind, LAO_KIND_JSON);
    char *text = lao__describe(module);
    EXPECT_CONTAINS(text, "{\"abi\":\"lao/1\",\"abi_version\":65536,\"name\":\"echo\",\"version\":\"1.2.3\"");
    EXPECT_CONTAINS(text, "\"thread_role\":2,\"capabilities\":[{\"name\":\"text\",");
    EXPECT(strstr(text, "claim") == NULL);
    free(text);
    EXPECT(open_module(FIXTURE("echo_full")) == module);
    lao__module_release(module);
    lao__module_release(module);
    EXPECT(open_module(FIXTURE("echo_full")) == module); /* it stays mapped */
    lao__module_release(module);
}

static void a_newer_minor_version(void) {
    EXPECT_EQUAL(LAO_ABI_MINOR_OF(open_module(FIXTURE("bad_table_newer_minor"))->abi_version), LAO_ABI_MINOR + 7);
    open_module(FIXTURE("bad_table_none"));
}

static void broken_tables(void) {
    static const struct {
        const char *path, *reason;
    } cases[] = {
        {FIXTURE("bad_table_size_zero"), "0 bytes"},
        {FIXTURE("bad_table_table_too_small"), "version 1.0 has"},
        {FIXTURE("bad_table_table_size_lies"), "4294967295 bytes"},
        {FIXTURE("bad_table_wrong_major"), "ABI 2.0"},
        {FIXTURE("bad_table_name_null"), "name"},
        {FIXTURE("bad_table_name_empty"), "name"},
        {FIXTURE("bad_table_name_not_utf8"), "UTF-8"},
        {FIXTURE("bad_table_version_null"), "version is missing"},
        {FIXTURE("bad_table_no_capabilities"), "0 capabilities"},
        {FIXTURE("bad_table_too_many_capabilities"), "4294967295 capabilities"},
        {FIXTURE("bad_table_capabilities_null"), "capabilities"},
        {FIXTURE("bad_table_capability_null"), "capability 1 is missing"},
        {FIXTURE("bad_table_capability_too_small"), "capability 1 is missing or too small"},
        {FIXTURE("bad_table_capability_name_null"), "name of its capability 1"},
        {FIXTURE("bad_table_capability_name_twice"), "`echo` twice"},
        {FIXTURE("bad_table_capability_kind_unknown"), "unknown kind"},
        {FIXTURE("bad_table_create_null"), "`create`"},
        {FIXTURE("bad_table_destroy_null"), "`destroy`"},
        {FIXTURE("bad_table_call_null"), "`call`"},
        {FIXTURE("bad_table_thread_role_unknown"), "thread role is 3"},
        {FIXTURE("entry_is_data"), "data, not a function"},
        {FIXTURE("no_entry"), "neither"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        refuse(cases[i].path, LAO_ABI_MISMATCH, cases[i].reason);
    }
    refuse(FIXTURE("bad_table_entry_returns_null"), LAO_LOAD_FAILED, "declined");
}

static void files_that_are_no_libraries(void) {
    refuse("relative.so", LAO_LOAD_FAILED, "absolute");
    refuse("/nowhere/at/all.so", LAO_LOAD_FAILED, "/nowhere/at/all.so");
    refuse("/", LAO_LOAD_FAILED, "/");
}

static void what_an_address_is(void) {
    static const char data[16] = "data";
    EXPECT(lao__dynlib_is_code((const void *)(uintptr_t)what_an_address_is));
    EXPECT(lao__dynlib_is_code((const void *)(uintptr_t)strlen));
    EXPECT(!lao__dynlib_is_code(data));
    EXPECT(!lao__dynlib_is_code(NULL));
    EXPECT(!lao__dynlib_is_code((const void *)UINTPTR_MAX));
    EXPECT(lao__dynlib_readable_bytes(data) >= sizeof data);
    EXPECT_EQUAL(lao__dynlib_readable_bytes(NULL), 0);
    EXPECT_EQUAL(lao__dynlib_readable_bytes(&(int){0}), 0); /* the stack is no segment of a library */
}

int main(void) {
    RUN(a_sound_plugin);
    RUN(a_newer_minor_version);
    RUN(broken_tables);
    RUN(files_that_are_no_libraries);
    RUN(what_an_address_is);
    return 0;
}
