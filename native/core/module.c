#include "module.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "dynlib.h"
#include "vtable_adapter.h"

#define MAX_CAPABILITIES 4096u
#define MAX_EVENTS 4096u

static struct {
    pthread_mutex_t lock; /* one load at a time: constructors and entries run under it */
    lao__module_t *modules;
} loaded = {.lock = PTHREAD_MUTEX_INITIALIZER};

char *lao__copy_string(const char *text) {
    char *copy;
    size_t size;
    if (text == NULL) {
        return NULL;
    }
    size = strlen(text) + 1;
    copy = malloc(size);
    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

/* --- The plugin table of the current ABI --- */

static bool is_code(const void *slot) {
    const void *address;
    memcpy(&address, slot, sizeof address);
    return lao__dynlib_is_code(address);
}

static lao_status_t check_table(const lao_plugin_t *plugin, lao__error_t *error) {
    const size_t least = offsetof(lao_plugin_t, shutdown) + sizeof plugin->shutdown;
    size_t room = lao__dynlib_readable_bytes(plugin);
    if (room != 0 && room < sizeof plugin->struct_size) {
        return lao__fail(error, LAO_ABI_MISMATCH, "its plugin table is cut off");
    }
    if (plugin->struct_size < least) {
        return lao__fail(error, LAO_ABI_MISMATCH, "its plugin table has %u bytes; version 1.0 has %zu",
                         plugin->struct_size, least);
    }
    if (plugin->struct_size > 65536 || (room != 0 && plugin->struct_size > room)) {
        return lao__fail(error, LAO_ABI_MISMATCH, "its plugin table claims %u bytes, more than there are",
                         plugin->struct_size);
    }
    if (LAO_ABI_MAJOR_OF(plugin->abi_version) != LAO_ABI_MAJOR) {
        return lao__fail(error, LAO_ABI_MISMATCH, "it was built for ABI %u.%u; this LAO speaks ABI %u",
                         LAO_ABI_MAJOR_OF(plugin->abi_version), LAO_ABI_MINOR_OF(plugin->abi_version), LAO_ABI_MAJOR);
    }
    if (!is_code(&plugin->create) || !is_code(&plugin->destroy) || !is_code(&plugin->call)) {
        return lao__fail(error, LAO_ABI_MISMATCH, "its plugin table lacks `create`, `destroy` or `call`");
    }
    if ((plugin->get_extension != NULL && !is_code(&plugin->get_extension)) ||
        (plugin->shutdown != NULL && !is_code(&plugin->shutdown))) {
        return lao__fail(error, LAO_ABI_MISMATCH, "its `get_extension` or `shutdown` is not a function");
    }
    if (plugin->thread_role > LAO_THREADS_FULL) {
        return lao__fail(error, LAO_ABI_MISMATCH, "its thread role is %u; 0, 1 and 2 are known", plugin->thread_role);
    }
    if (lao__checked_string(plugin->name, LAO__MAX_NAME_BYTES) < 0 ||
        lao__checked_string(plugin->version, LAO__MAX_NAME_BYTES) < 0) {
        return lao__fail(error, LAO_ABI_MISMATCH, "its name or version is missing, too long or not UTF-8");
    }
    if (plugin->capability_count == 0 || plugin->capability_count > MAX_CAPABILITIES || plugin->capabilities == NULL) {
        return lao__fail(error, LAO_ABI_MISMATCH, "it declares %u capabilities; 1 to %u are possible",
                         plugin->capability_count, MAX_CAPABILITIES);
    }
    return LAO_OK;
}

static bool optional_string(const char *text) {
    return text == NULL || *text == '\0' || lao__checked_string(text, LAO__MAX_TEXT_BYTES) >= 0;
}

static lao_status_t copy_capability(const lao_capability_t *source, uint32_t index, lao__capability_t *copy,
                                    lao__error_t *error) {
    const size_t least = offsetof(lao_capability_t, max_batch) + sizeof source->max_batch;
    if (source == NULL || source->struct_size < least) {
        return lao__fail(error, LAO_ABI_MISMATCH, "its capability %u is missing or too small", index);
    }
    if (lao__checked_string(source->name, LAO__MAX_NAME_BYTES) < 0) {
        return lao__fail(error, LAO_ABI_MISMATCH, "the name of its capability %u is missing, too long or not UTF-8",
                         index);
    }
    if (source->input_kind > LAO_KIND_TENSOR || source->output_kind > LAO_KIND_TENSOR ||
        source->output_kind == LAO_KIND_NONE) {
        return lao__fail(error, LAO_ABI_MISMATCH, "its capability `%s` declares an unknown kind", source->name);
    }
    if (!optional_string(source->description) || !optional_string(source->input_schema) ||
        !optional_string(source->output_schema) || !optional_string(source->params_schema)) {
        return lao__fail(error, LAO_ABI_MISMATCH, "a text of its capability `%s` is too long or not UTF-8",
                         source->name);
    }
    copy->flags = source->flags;
    copy->input_kind = source->input_kind;
    copy->output_kind = source->output_kind;
    copy->max_batch = source->max_batch;
    copy->name = lao__copy_string(source->name);
    copy->description = lao__copy_string(source->description);
    copy->input_schema = lao__copy_string(source->input_schema);
    copy->output_schema = lao__copy_string(source->output_schema);
    copy->params_schema = lao__copy_string(source->params_schema);
    return LAO_OK;
}

/* --- Its extensions --- */

static const void *find_extension(const lao_plugin_t *plugin, const char *id, size_t least) {
    const uint32_t *found = plugin->get_extension != NULL ? plugin->get_extension(id) : NULL;
    return found != NULL && *found >= least ? found : NULL; /* each begins with its struct_size */
}

/* Bytes up to the end of a field: what version 1.0 of a struct has, which sizeof does not say once it has grown. */
#define UP_TO(type, field) (offsetof(type, field) + sizeof(((const type *)0)->field))

/* Those that it has, each whole, with functions where there must be some. */
static void find_extensions(lao__module_t *module) {
    const lao_plugin_t *plugin = module->plugin;
    const lao_state_plugin_t *state = find_extension(plugin, LAO_EXT_STATE, UP_TO(lao_state_plugin_t, load));
    const lao_lifecycle_plugin_t *lifecycle =
        find_extension(plugin, LAO_EXT_LIFECYCLE, UP_TO(lao_lifecycle_plugin_t, health));
    const lao_events_plugin_t *receiver = find_extension(plugin, LAO_EXT_EVENTS, UP_TO(lao_events_plugin_t, on_event));
    if (state != NULL && is_code(&state->save) && is_code(&state->load)) {
        module->state = state;
    }
    if (lifecycle != NULL && is_code(&lifecycle->configure) && is_code(&lifecycle->health)) {
        module->lifecycle = lifecycle;
    }
    if (receiver != NULL && is_code(&receiver->on_event)) {
        module->receiver = receiver;
    }
}

/* A capability that takes batches needs the function for it. */
static lao_status_t find_batch(lao__module_t *module, lao__error_t *error) {
    const lao_plugin_t *plugin = module->plugin;
    const lao_batch_plugin_t *found = NULL;
    uint32_t largest = 1;
    uint32_t index;
    for (index = 0; index < module->capability_count; index++) {
        lao__capability_t *capability = &module->capabilities[index];
        capability->max_batch = capability->max_batch > 1 ? capability->max_batch : 1;
        largest = capability->max_batch > largest ? capability->max_batch : largest;
    }
    if (largest == 1) {
        return LAO_OK;
    }
    found = find_extension(plugin, LAO_EXT_BATCH, UP_TO(lao_batch_plugin_t, call_batch));
    if (found == NULL || !is_code(&found->call_batch)) {
        return lao__fail(error, LAO_ABI_MISMATCH, "it declares batches of up to %u requests, and has no %s", largest,
                         LAO_EXT_BATCH);
    }
    module->batch = found;
    return LAO_OK;
}

/* Settings and events, which a smaller table does not have. */
static lao_status_t copy_declarations(lao__module_t *module, lao__error_t *error) {
    const lao_plugin_t *plugin = module->plugin;
    uint32_t index;
    if (!LAO_HAS(lao_plugin_t, plugin, event_count)) {
        return LAO_OK;
    }
    if (!optional_string(plugin->config_schema)) {
        return lao__fail(error, LAO_ABI_MISMATCH, "its config_schema is too long or not UTF-8");
    }
    module->config_schema = lao__copy_string(plugin->config_schema);
    if (plugin->event_count > MAX_EVENTS || (plugin->event_count > 0 && plugin->events == NULL)) {
        return lao__fail(error, LAO_ABI_MISMATCH, "it declares %u events; up to %u are possible", plugin->event_count,
                         MAX_EVENTS);
    }
    if (plugin->event_count == 0) {
        return LAO_OK;
    }
    module->events = calloc(plugin->event_count, sizeof *module->events);
    if (module->events == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    for (index = 0; index < plugin->event_count; index++) {
        const lao_declared_event_t *source = plugin->events[index];
        lao__declared_event_t *copy = &module->events[index];
        if (source == NULL || !LAO_HAS(lao_declared_event_t, source, data_schema) ||
            lao__checked_string(source->name, LAO__MAX_NAME_BYTES) < 0 || !optional_string(source->description) ||
            !optional_string(source->data_schema)) {
            return lao__fail(error, LAO_ABI_MISMATCH, "its event %u is missing, too small, or has a wrong text", index);
        }
        module->event_count = index + 1;
        copy->name = lao__copy_string(source->name);
        copy->description = lao__copy_string(source->description);
        copy->data_schema = lao__copy_string(source->data_schema);
    }
    return LAO_OK;
}

static lao_status_t describe_native(lao__module_t *module, lao__error_t *error) {
    const lao_plugin_t *plugin = module->plugin;
    uint32_t index;
    uint32_t other;
    lao_status_t status = check_table(plugin, error);
    if (status != LAO_OK) {
        return status;
    }
    if (!optional_string(plugin->description)) {
        return lao__fail(error, LAO_ABI_MISMATCH, "its description is too long or not UTF-8");
    }
    module->abi_version = plugin->abi_version;
    module->thread_role = plugin->thread_role;
    module->name = lao__copy_string(plugin->name);
    module->version = lao__copy_string(plugin->version);
    module->description = lao__copy_string(plugin->description);
    module->capability_count = plugin->capability_count;
    module->capabilities = calloc(plugin->capability_count, sizeof *module->capabilities);
    if (module->capabilities == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    for (index = 0; index < plugin->capability_count; index++) {
        status = copy_capability(plugin->capabilities[index], index, &module->capabilities[index], error);
        if (status != LAO_OK) {
            return status;
        }
        for (other = 0; other < index; other++) {
            if (strcmp(module->capabilities[other].name, module->capabilities[index].name) == 0) {
                return lao__fail(error, LAO_ABI_MISMATCH, "it declares the capability `%s` twice",
                                 module->capabilities[index].name);
            }
        }
    }
    find_extensions(module);
    status = find_batch(module, error);
    return status == LAO_OK ? copy_declarations(module, error) : status;
}

/* --- LAO 0.x --- */

/* A 0.x plugin runs text to text whatever its metadata says; the metadata's capabilities are read as a claim by whoever
 * shows them. */
static lao_status_t describe_vtable(lao__module_t *module, lao__error_t *error) {
    const lao__vtable_claim_t *claim = &module->vtable->claim;
    const char *name = claim->name != NULL && *claim->name != '\0' ? claim->name : claim->called;
    module->thread_role = LAO_THREADS_UNSAFE;
    module->abi_version = module->vtable->table.version;
    module->name = lao__copy_string(name != NULL ? name : "");
    module->version = lao__copy_string(claim->version != NULL ? claim->version : "");
    module->description = lao__copy_string(claim->description);
    module->capability_count = 1;
    module->capabilities = calloc(1, sizeof *module->capabilities);
    if (module->capabilities == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    module->capabilities[0].name = lao__copy_string("run");
    module->capabilities[0].input_kind = LAO_KIND_TEXT;
    module->capabilities[0].output_kind = LAO_KIND_TEXT;
    module->capabilities[0].max_batch = 1;
    return LAO_OK;
}

/* --- Loading --- */

static void discard(lao__module_t *module) {
    uint32_t index;
    for (index = 0; module->capabilities != NULL && index < module->capability_count; index++) {
        lao__capability_t *capability = &module->capabilities[index];
        free(capability->name);
        free(capability->description);
        free(capability->input_schema);
        free(capability->output_schema);
        free(capability->params_schema);
    }
    free(module->capabilities);
    for (index = 0; index < module->event_count; index++) {
        free(module->events[index].name);
        free(module->events[index].description);
        free(module->events[index].data_schema);
    }
    free(module->events);
    free(module->config_schema);
    free(module->name);
    free(module->version);
    free(module->description);
    free(module->path);
    pthread_mutex_destroy(&module->lock);
    free(module);
}

static lao_status_t negotiate(lao__module_t *module, lao__error_t *error) {
    lao__symbol_t entry;
    lao_plugin_entry_fn get_plugin;
    lao_status_t status;
    if (!lao__dynlib_find(module->handle, LAO_PLUGIN_ENTRY, &entry)) {
        status = lao__vtable_open(module->handle, &module->vtable, error);
        return status != LAO_OK ? status : describe_vtable(module, error);
    }
    if (entry.kind == LAO__SYMBOL_OBJECT || !lao__dynlib_is_code(entry.address)) {
        return lao__fail(error, LAO_ABI_MISMATCH, "its `%s` is data, not a function", LAO_PLUGIN_ENTRY);
    }
    memcpy(&get_plugin, &entry.address, sizeof get_plugin);
    module->plugin = get_plugin(&module->entry.host);
    if (module->plugin == NULL) {
        return lao__fail(error, LAO_LOAD_FAILED, "its `%s` declined to work with this LAO", LAO_PLUGIN_ENTRY);
    }
    return describe_native(module, error);
}

static lao_status_t load(const char *path, const lao__services_t *services, uint32_t granted, lao__module_t **opened,
                         lao__error_t *error) {
    lao__module_t *module = calloc(1, sizeof *module);
    lao_status_t status;
    if (module == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    pthread_mutex_init(&module->lock, NULL);
    module->path = lao__copy_string(path);
    module->services = services;
    lao__tenant_init_entry(&module->entry, module, granted);
    status = module->path == NULL ? lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory")
                                  : lao__dynlib_open(path, &module->handle, error);
    if (status == LAO_OK) {
        status = negotiate(module, error);
    }
    if (status != LAO_OK) {
        discard(module); /* the library itself stays mapped: its threads or handlers may still run */
        return status;
    }
    module->users = 1;
    module->next = loaded.modules;
    loaded.modules = module;
    *opened = module;
    return LAO_OK;
}

lao_status_t lao__module_open(const char *path, const lao__services_t *services, uint32_t granted,
                              lao__module_t **module, lao__error_t *error) {
    lao__module_t *known;
    lao_status_t status = LAO_OK;
    pthread_mutex_lock(&loaded.lock);
    for (known = loaded.modules; known != NULL && strcmp(known->path, path) != 0; known = known->next) {
    }
    if (known != NULL) {
        known->users++;
        *module = known;
    } else {
        status = load(path, services, granted, module, error);
    }
    pthread_mutex_unlock(&loaded.lock);
    return status;
}

void lao__module_release(lao__module_t *module) {
    pthread_mutex_lock(&loaded.lock);
    if (module->users > 0) {
        module->users--;
    }
    pthread_mutex_unlock(&loaded.lock);
}

void lao__modules_shut_down(void) {
    lao__module_t *module;
    pthread_mutex_lock(&loaded.lock);
    for (module = loaded.modules; module != NULL; module = module->next) {
        if (module->plugin != NULL && module->plugin->shutdown != NULL) {
            module->plugin->shutdown();
        }
    }
    pthread_mutex_unlock(&loaded.lock);
}
