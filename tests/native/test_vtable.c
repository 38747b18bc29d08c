/* LAO 0.x tables: telling the four layouts apart, refusing what is none, the failure rule, and whole plugins. */
#include "core/describe.h"
#include "core/vtable_adapter.h"
#include "fixtures.h"

/* --- layouts, on tables in this program's own memory --- */

static const char *a_name(void) { return "name"; }

/* Word 0 of a table with a version: the version in the low half, padding in the high one. */
#define CODE ((uint64_t)(uintptr_t)a_name)

static uint64_t words[10]; /* 80 bytes of a table */

static void fill(uint32_t version, uint32_t padding, size_t functions) {
    memset(words, 0, sizeof words);
    words[0] = version | (uint64_t)padding << 32;
    for (size_t i = 1; i <= functions; i++) {
        words[i] = CODE;
    }
}

static uint32_t layout_of(size_t stated_size) {
    uint32_t layout = 0;
    if (lao__vtable_layout(words, stated_size, &layout, &error) != LAO_OK) {
        fprintf(stderr, "refused: %s\n", error.text);
        exit(1);
    }
    return layout;
}

static void refuse(size_t stated_size, const char *reason) {
    uint32_t layout = 0;
    EXPECT_EQUAL(lao__vtable_layout(words, stated_size, &layout, &error), LAO_ABI_MISMATCH);
    EXPECT_CONTAINS(error.text, reason);
}

static void layouts_by_the_size_of_their_symbol(void) {
    fill(1, 0, 4);
    EXPECT_EQUAL(layout_of(40), 40);
    fill(1, 0, 7);
    EXPECT_EQUAL(layout_of(64), 64);
    EXPECT_EQUAL(layout_of(40), 40); /* what stands behind it belongs to somebody else */
    fill(2, 0, 9);
    EXPECT_EQUAL(layout_of(80), 80);
    words[0] = CODE;
    EXPECT_EQUAL(layout_of(24), 24);
}

static void layouts_by_content(void) {
    fill(1, 0, 4);
    EXPECT_EQUAL(layout_of(0), 40);
    fill(1, 0, 7);
    EXPECT_EQUAL(layout_of(0), 64);
    fill(1, 0xdeadbeef, 7); /* the padding was never cleared */
    EXPECT_EQUAL(layout_of(0), 64);
    fill(2, 0, 9);
    EXPECT_EQUAL(layout_of(0), 80);
    fill(0, 0, 2);
    words[0] = CODE;
    EXPECT_EQUAL(layout_of(0), 24);
}

static void what_is_no_layout(void) {
    static const size_t sizes[] = {1, 8, 16, 23, 25, 32, 48, 56, 63, 72};
    fill(1, 0, 7);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        refuse(sizes[i], "24, 40, 64 and 80 are known");
    }
    refuse(1 << 30, "cut off");
    fill(3, 0, 9);
    refuse(80, "version 3");
    refuse(64, "version 3");
    refuse(0, "version 3");
    fill(0, 0, 7);
    refuse(64, "version 0");
    refuse(0, "version 0");
    fill(2, 0, 7);
    refuse(64, "the layout of version 1");
    fill(1, 0, 9);
    refuse(80, "the layout of version 2");
}

static void tables_outside_of_every_library(void) {
    uint32_t layout = 0;
    uint64_t *heap = calloc(10, sizeof *heap);
    EXPECT(heap != NULL);
    EXPECT_EQUAL(lao__vtable_layout(heap, 0, &layout, &error), LAO_ABI_MISMATCH);
    EXPECT_EQUAL(lao__vtable_layout((const void *)8, 0, &layout, &error), LAO_ABI_MISMATCH);
    EXPECT_EQUAL(lao__vtable_layout((const void *)UINTPTR_MAX, 64, &layout, &error), LAO_ABI_MISMATCH);
    EXPECT_CONTAINS(error.text, "outside of every loaded library");
    free(heap);
}

/* --- the failure rule --- */

static void failures_by_text(void) {
    static const char *const failures[] = {"",         " ",       "\t\r\n ",      "error:",         "error: x",
                                           "Error: x", "ERROR:x", " \n error: x", "eRRoR: whatever"};
    static const char *const successes[] = {"no errors found",
                                            "error",
                                            "an error: x",
                                            "errors: 3",
                                            "Errorless",
                                            "Summarizer error: x",
                                            "whisper.cpp failed: x",
                                            "0",
                                            "."};
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        EXPECT(lao__vtable_text_is_failure("EchoPlugin", failures[i]));
        EXPECT(lao__vtable_text_is_failure(NULL, failures[i]));
    }
    for (size_t i = 0; i < sizeof successes / sizeof *successes; i++) {
        EXPECT(!lao__vtable_text_is_failure("EchoPlugin", successes[i]));
        EXPECT(!lao__vtable_text_is_failure(NULL, successes[i]));
    }
    EXPECT(lao__vtable_text_is_failure("SummarizerPlugin", "Summarizer error: no model"));
    EXPECT(!lao__vtable_text_is_failure("SummarizerPlugin", "A text about a Summarizer error: nothing"));
    EXPECT(!lao__vtable_text_is_failure("SummarizerPlugin", "whisper.cpp failed: x"));
    EXPECT(lao__vtable_text_is_failure("WhisperPlugin", "Failed to run whisper.cpp: not found"));
    EXPECT(lao__vtable_text_is_failure("WhisperPlugin", "whisper.cpp failed: exit 1"));
    EXPECT(!lao__vtable_text_is_failure("WhisperPlugin", "a text in which whisper.cpp failed: never"));
}

/* --- whole plugins --- */

static const char *const layouts[] = {
    FIXTURE("v0_24_function"), FIXTURE("v0_24_symbol"),   FIXTURE("v0_24_data"),     FIXTURE("v0_40_function"),
    FIXTURE("v0_40_symbol"),   FIXTURE("v0_40_data"),     FIXTURE("v0_64_function"), FIXTURE("v0_64_symbol"),
    FIXTURE("v0_64_data"),     FIXTURE("v0_80_function"), FIXTURE("v0_80_symbol"),   FIXTURE("v0_80_data"),
};

static void every_layout_in_every_dialect(void) {
    static const uint32_t sizes[] = {24, 40, 64, 80};
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        uint32_t size = sizes[i / 3];
        lao__target_t *target = open_target(layouts[i]);
        lao__module_t *module = open_module(layouts[i]); /* the same one once more */
        EXPECT_EQUAL(module->vtable->layout, size);
        EXPECT_EQUAL(module->thread_role, LAO_THREADS_UNSAFE);
        EXPECT_TEXT(module->name, size >= 64 ? "v0-echo" : "EchoOfTheOldDays");
        EXPECT_EQUAL(module->capability_count, 1);
        expect_answer(target, 0, "hello", "hello");
        expect_answer(target, 0, "\xc3\xa9\xf0\x9f\x98\x80", "\xc3\xa9\xf0\x9f\x98\x80");
        expect_failure(target, 0, "@null", LAO_FAILED, size == 80 ? "empty" : "null output");
        expect_failure(target, 0, "@blank", LAO_FAILED, "empty");
        if (size >= 64) {
            expect_failure(target, 0, "@refuse", LAO_INVALID_INPUT, "validation");
        } else {
            expect_answer(target, 0, "@refuse", "@refuse");
        }
        lao__target_destroy(target);
        lao__module_release(module);
    }
}

static void functions_are_called_once(void) {
    lao__target_t *target = open_target(FIXTURE("v0_64_symbol"));
    expect_answer(target, 0, "one", "one");
    expect_failure(target, 0, "error: x", LAO_FAILED, "error: x");
    char *description = lao__describe(open_module(FIXTURE("v0_64_symbol")));
    EXPECT_CONTAINS(description, "\"abi\":\"lao/0.x\"");
    EXPECT_CONTAINS(description, "\"layout\":64");
    EXPECT_CONTAINS(description, "\"tags\":\"[\\\"echo\\\",\\\"test\\\"]\"");
    free(description);
    static text_call_t it;
    prepare(&it, 0, "@counts");
    EXPECT_EQUAL(run_call(target, &it), LAO_OK);
    EXPECT_CONTAINS(it.output.data, "\"name\":1,\"metadata\":1,");
    EXPECT_CONTAINS(it.output.data, "\"alive\":0,\"bad_frees\":0,\"most_running\":1}");
    lao__value_release(&it.output);
    lao__target_destroy(target);
}

static void inputs_that_never_reach_a_plugin(void) {
    lao__target_t *target = open_target(FIXTURE("v0_64_data"));
    static text_call_t it, before, after;
    prepare(&before, 0, "@counts");
    EXPECT_EQUAL(run_call(target, &before), LAO_OK);
    prepare(&it, 0, "nul");
    it.input.data = "in\0side", it.input.size = 7;
    EXPECT_EQUAL(run_call(target, &it), LAO_INVALID_INPUT);
    EXPECT_CONTAINS(it.error.text, "NUL");
    prepare(&it, 0, NULL);
    EXPECT_EQUAL(run_call(target, &it), LAO_INVALID_INPUT);
    prepare(&it, 0, "binary");
    it.input.kind = LAO_KIND_BINARY;
    EXPECT_EQUAL(run_call(target, &it), LAO_INVALID_INPUT);
    prepare(&it, 0, "with a parameter");
    set_param(&it, "width", 1);
    EXPECT_EQUAL(run_call(target, &it), LAO_INVALID_PARAMETER);
    prepare(&it, 0, "");
    it.input.data = NULL; /* an empty text may have no memory */
    EXPECT_EQUAL(run_call(target, &it), LAO_FAILED);
    EXPECT_CONTAINS(it.error.text, "empty");
    prepare(&after, 0, "@counts");
    EXPECT_EQUAL(run_call(target, &after), LAO_OK);
    int runs_before = 0, runs_after = 0;
    EXPECT_EQUAL(sscanf(strstr(before.output.data, "\"run\":"), "\"run\":%d", &runs_before), 1);
    EXPECT_EQUAL(sscanf(strstr(after.output.data, "\"run\":"), "\"run\":%d", &runs_after), 1);
    EXPECT_EQUAL(runs_after, runs_before + 2); /* the empty text and the counts */
    lao__value_release(&before.output);
    lao__value_release(&after.output);
    lao__target_destroy(target);
}

static void structured_results(void) {
    lao__target_t *target = open_target(FIXTURE("v0_structured"));
    expect_answer(target, 0, "0:fine", "fine");
    expect_answer(target, 0, "0:error: is what a success may say here", "error: is what a success may say here");
    expect_failure(target, 0, "1:not like this", LAO_INVALID_INPUT, "not like this");
    expect_failure(target, 0, "2:broke", LAO_FAILED, "broke");
    expect_failure(target, 0, "7:odd", LAO_FAILED, "unknown status 7");
    expect_failure(target, 0, "4294967295:odd", LAO_FAILED, "unknown status 4294967295");
    expect_failure(target, 0, "0:", LAO_FAILED, "empty");
    expect_failure(target, 0, "0!", LAO_FAILED, "empty");
    expect_failure(target, 0, "1!", LAO_INVALID_INPUT, "refused");
    expect_failure(target, 0, "2!", LAO_FAILED, "failure");
    expect_answer(target, 0, "@counts", "{\"made\":7,\"freed\":7}");
    lao__target_destroy(target);
}

static void refuse_library(const char *path, lao_status_t status, const char *reason) {
    lao__module_t *module = NULL;
    EXPECT_EQUAL(lao__module_open(path, &lao__local_services, 0, &module, &error), status);
    EXPECT_CONTAINS(error.text, reason);
}

static void libraries_without_a_usable_table(void) {
    refuse_library(FIXTURE("v0_null_table"), LAO_LOAD_FAILED, "returned NULL");
    refuse_library(FIXTURE("v0_size_56"), LAO_ABI_MISMATCH, "56 bytes");
    refuse_library(FIXTURE("v0_version_3"), LAO_ABI_MISMATCH, "version 3");
    refuse_library(FIXTURE("v0_without_run"), LAO_ABI_MISMATCH, "`run`");
    refuse_library(FIXTURE("v0_without_free_output"), LAO_ABI_MISMATCH, "`free_output`");
    refuse_library(FIXTURE("no_entry"), LAO_ABI_MISMATCH, "neither `lao_plugin_entry` nor `plugin_vtable`");
}

int main(void) {
    RUN(layouts_by_the_size_of_their_symbol);
    RUN(layouts_by_content);
    RUN(what_is_no_layout);
    RUN(tables_outside_of_every_library);
    RUN(failures_by_text);
    RUN(every_layout_in_every_dialect);
    RUN(functions_are_called_once);
    RUN(inputs_that_never_reach_a_plugin);
    RUN(structured_results);
    RUN(libraries_without_a_usable_table);
    return 0;
}
