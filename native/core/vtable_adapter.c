#include "vtable_adapter.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "module.h"
#include "pool.h"

enum { FIRST_DAYS = 24, SHORT = 40, METADATA = 64, STRUCTURED = 80 };

/* --- Which layout --- */

static const void *pointer_at(const void *table, size_t offset) {
    const void *pointer;
    memcpy(&pointer, (const char *)table + offset, sizeof pointer);
    return pointer;
}

static bool code_at(const void *table, size_t room, size_t offset) {
    return room >= offset + sizeof(void *) && lao__dynlib_is_code(pointer_at(table, offset));
}

/* Without a symbol size: the first days' table starts with a function, not with a version; version 1 stands for two
 * layouts, of which the longer one goes on with three more functions. */
static uint32_t layout_by_content(const void *table, size_t room) {
    uint32_t version;
    if (code_at(table, room, 0) && code_at(table, room, 8) && code_at(table, room, 16)) {
        return FIRST_DAYS;
    }
    memcpy(&version, table, sizeof version);
    if (version == 2) {
        return code_at(table, room, 64) && code_at(table, room, 72) ? STRUCTURED : 0;
    }
    if (version == 1) {
        bool longer = code_at(table, room, 40) && code_at(table, room, 48) && code_at(table, room, 56);
        return longer ? METADATA : SHORT;
    }
    return 0;
}

static lao_status_t check_version(uint32_t layout, uint32_t version, lao__error_t *error) {
    uint32_t expected = layout == STRUCTURED ? 2 : 1;
    if (layout == FIRST_DAYS || version == expected) {
        return LAO_OK;
    }
    if (version == 0 || version > 2) {
        return lao__fail(error, LAO_ABI_MISMATCH, "its LAO 0.x table has version %u; versions 1 and 2 are supported",
                         version);
    }
    return lao__fail(error, LAO_ABI_MISMATCH, "its LAO 0.x table has version %u, but the layout of version %u", version,
                     expected);
}

lao_status_t lao__vtable_layout(const void *table, size_t stated_size, uint32_t *layout, lao__error_t *error) {
    size_t room = lao__dynlib_readable_bytes(table);
    uint32_t version;
    if (room == 0) {
        return lao__fail(error, LAO_ABI_MISMATCH, "its LAO 0.x table lies outside of every loaded library");
    }
    if (room < FIRST_DAYS || (stated_size != 0 && stated_size > room)) {
        return lao__fail(error, LAO_ABI_MISMATCH, "its LAO 0.x table is cut off after %zu bytes", room);
    }
    memcpy(&version, table, sizeof version);
    if (stated_size == FIRST_DAYS || stated_size == SHORT || stated_size == METADATA || stated_size == STRUCTURED) {
        *layout = (uint32_t)stated_size;
    } else if (stated_size == 0) {
        *layout = layout_by_content(table, room);
        if (*layout == 0) {
            return lao__fail(error, LAO_ABI_MISMATCH,
                             "its LAO 0.x table has version %u; versions 1 and 2 are supported", version);
        }
    } else {
        return lao__fail(error, LAO_ABI_MISMATCH, "its LAO 0.x table has %zu bytes; 24, 40, 64 and 80 are known",
                         stated_size);
    }
    return check_version(*layout, version, error);
}

/* --- Reading the table --- */

/* name and the metadata slots are optional: what they say is replaced by the file's name. */
static lao_status_t check_slots(const lao__vtable_t *vtable, lao__error_t *error) {
    const lao_v0_table_t *table = &vtable->table;
    bool structured = vtable->layout == STRUCTURED;
    if (!lao__dynlib_is_code((const void *)(uintptr_t)table->run) ||
        !lao__dynlib_is_code((const void *)(uintptr_t)table->free_output)) {
        return lao__fail(error, LAO_ABI_MISMATCH, "its LAO 0.x table lacks `run` or `free_output`");
    }
    if (structured && (!lao__dynlib_is_code((const void *)(uintptr_t)table->run_structured) ||
                       !lao__dynlib_is_code((const void *)(uintptr_t)table->free_result))) {
        return lao__fail(error, LAO_ABI_MISMATCH, "its LAO 0.x table lacks `run_structured` or `free_result`");
    }
    return LAO_OK;
}

static void drop_if_not_code(void *slot) {
    void *address;
    memcpy(&address, slot, sizeof address);
    if (!lao__dynlib_is_code(address)) {
        memset(slot, 0, sizeof address);
    }
}

static void read_slots(lao__vtable_t *vtable, const void *source) {
    lao_v0_table_t *table = &vtable->table;
    if (vtable->layout == FIRST_DAYS) {
        lao_v0_table24_t first_days;
        memcpy(&first_days, source, sizeof first_days);
        table->name = first_days.name;
        table->run = first_days.run;
        table->free_output = first_days.free_output;
    } else {
        memcpy(table, source, vtable->layout);
    }
    table->run_with_buffer = NULL;
    drop_if_not_code(&table->name);
    drop_if_not_code(&table->get_metadata);
    drop_if_not_code(&table->validate_input);
    drop_if_not_code(&table->get_capabilities);
}

/* Every string is asked for once: plugins of that time leak each answer. name() is the last resort. */
static void read_claim(lao__vtable_t *vtable) {
    lao__vtable_claim_t *claim = &vtable->claim;
    if (vtable->table.get_metadata != NULL) {
        lao_v0_metadata_t metadata = vtable->table.get_metadata();
        claim->name = lao__copy_string(metadata.name);
        claim->version = lao__copy_string(metadata.version);
        claim->description = lao__copy_string(metadata.description);
        claim->author = lao__copy_string(metadata.author);
        claim->dependencies = lao__copy_string(metadata.dependencies);
        claim->tags = lao__copy_string(metadata.tags);
        claim->input_schema = lao__copy_string(metadata.input_schema);
        claim->output_schema = lao__copy_string(metadata.output_schema);
        claim->capabilities = lao__copy_string(metadata.capabilities);
    }
    if (claim->capabilities == NULL && vtable->table.get_capabilities != NULL) {
        claim->capabilities_slot = lao__copy_string(vtable->table.get_capabilities());
    }
    if (vtable->table.name != NULL) {
        claim->called = lao__copy_string(vtable->table.name());
    }
}

static lao_status_t find_table(void *handle, const void **table, size_t *stated_size, lao__error_t *error) {
    lao__symbol_t entry;
    lao__symbol_t data;
    typedef const void *(*vtable_fn)(void);
    vtable_fn get_table;
    if (!lao__dynlib_find(handle, LAO__VTABLE_SYMBOL, &entry)) {
        return lao__fail(error, LAO_ABI_MISMATCH, "it exports neither `%s` nor `%s`", LAO_PLUGIN_ENTRY,
                         LAO__VTABLE_SYMBOL);
    }
    *stated_size = 0;
    if (entry.kind == LAO__SYMBOL_OBJECT) {
        *table = entry.address; /* the dialect that exports the table itself; calling it would crash */
        *stated_size = entry.size;
        return LAO_OK;
    }
    memcpy(&get_table, &entry.address, sizeof get_table);
    *table = get_table();
    if (*table == NULL) {
        return lao__fail(error, LAO_LOAD_FAILED, "its `%s` returned NULL", LAO__VTABLE_SYMBOL);
    }
    if (lao__dynlib_find(handle, LAO__VTABLE_DATA_SYMBOL, &data) && data.kind == LAO__SYMBOL_OBJECT &&
        data.address == *table) {
        *stated_size = data.size;
    }
    return LAO_OK;
}

lao_status_t lao__vtable_open(void *handle, lao__vtable_t **vtable, lao__error_t *error) {
    const void *table;
    size_t stated_size;
    lao__vtable_t *opened;
    lao_status_t status = find_table(handle, &table, &stated_size, error);
    uint32_t layout = 0;
    if (status == LAO_OK) {
        status = lao__vtable_layout(table, stated_size, &layout, error);
    }
    if (status != LAO_OK) {
        return status;
    }
    opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    opened->layout = layout;
    read_slots(opened, table);
    status = check_slots(opened, error);
    if (status != LAO_OK) {
        free(opened);
        return status;
    }
    read_claim(opened);
    *vtable = opened;
    return LAO_OK;
}

/* --- Calling --- */

static bool is_blank(const char *text) { return text[strspn(text, " \t\r\n\v\f")] == '\0'; }

static bool contains(const char *text, const char *part) { return text != NULL && strstr(text, part) != NULL; }

int lao__vtable_text_is_failure(const char *plugin, const char *text) {
    const char *start = text + strspn(text, " \t\r\n\v\f");
    if (is_blank(text) || strncasecmp(start, "error:", 6) == 0) {
        return 1;
    }
    if (contains(plugin, "Summarizer")) {
        return strncasecmp(start, "Summarizer error:", 17) == 0;
    }
    if (contains(plugin, "Whisper")) {
        return strncmp(start, "Failed to run whisper.cpp:", 26) == 0 || strncmp(start, "whisper.cpp failed:", 19) == 0;
    }
    return 0;
}

static void LAO_CALL release_copy(lao_value_t *value) { lao__pool_free((void *)(uintptr_t)value->data); }

static lao_status_t copy_out(const char *text, lao_value_t *output, lao__error_t *error) {
    size_t size = strlen(text);
    char *copy = lao__pool_alloc(size + 1, 0);
    if (copy == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "no memory for an output of %zu bytes", size);
    }
    memcpy(copy, text, size + 1);
    output->kind = LAO_KIND_TEXT;
    output->data = copy;
    output->size = size;
    output->release = release_copy;
    return LAO_OK;
}

static lao_status_t call_structured(lao__vtable_t *vtable, const lao_v0_input_t *input, lao_value_t *output,
                                    lao__error_t *error) {
    lao_v0_result_t result = vtable->table.run_structured(input);
    lao_status_t status;
    const char *text = result.text != NULL ? result.text : "";
    if (result.status == 0 && !is_blank(text)) {
        status = copy_out(text, output, error);
    } else if (result.status == 0) {
        status = lao__fail(error, LAO_FAILED, "it reported success and returned an empty text");
    } else if (result.status == 1) {
        status = lao__fail(error, LAO_INVALID_INPUT, "%s", *text != '\0' ? text : "it refused the input");
    } else if (result.status == 2) {
        status = lao__fail(error, LAO_FAILED, "%s", *text != '\0' ? text : "it reported a failure");
    } else {
        status = lao__fail(error, LAO_FAILED, "unknown status %u: %s", result.status, text);
    }
    if (result.text != NULL) {
        vtable->table.free_result(result);
    }
    return status;
}

static lao_status_t call_plain(lao__vtable_t *vtable, const lao_v0_input_t *input, lao_value_t *output,
                               lao__error_t *error) {
    lao_v0_output_t result = vtable->table.run(input);
    lao_status_t status;
    if (result.text == NULL) {
        return lao__fail(error, LAO_FAILED, "it returned a null output");
    }
    if (lao__vtable_text_is_failure(vtable->claim.name, result.text)) {
        status = is_blank(result.text) ? lao__fail(error, LAO_FAILED, "it returned an empty text")
                                       : lao__fail(error, LAO_FAILED, "%s", result.text);
    } else {
        status = copy_out(result.text, output, error);
    }
    vtable->table.free_output(result);
    return status;
}

lao_status_t lao__vtable_call(lao__vtable_t *vtable, const char *input, lao_value_t *output, lao__error_t *error) {
    size_t size = strlen(input) + 1;
    lao_v0_input_t argument;
    lao_status_t status;
    argument.text = malloc(size); /* a buffer of its own: some plugins write into it */
    if (argument.text == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "no memory for the input");
    }
    memcpy(argument.text, input, size);
    if (vtable->table.validate_input != NULL && !vtable->table.validate_input(&argument)) {
        status = lao__fail(error, LAO_INVALID_INPUT, "the plugin's validation refused the input");
    } else if (vtable->layout == STRUCTURED) {
        status = call_structured(vtable, &argument, output, error);
    } else {
        status = call_plain(vtable, &argument, output, error);
    }
    free(argument.text);
    return status;
}
