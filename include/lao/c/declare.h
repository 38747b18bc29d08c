/* A plugin declared by tables: capabilities, parameters, settings and events, each said once. What is called was checked
 * before: the number and kind of inputs, the parameters, the settings. */
#ifndef LAO_C_DECLARE_H
#define LAO_C_DECLARE_H

#include "../ext/batch.h"
#include "../ext/events.h"
#include "../ext/lifecycle.h"
#include "../ext/state.h"
#include "schema.h"
#include "settings.h"

/* One capability; a table of them ends with {0}. */
typedef struct lao_capability_entry {
    const char *name;
    const char *description;
    uint32_t input_kind;
    uint32_t output_kind;
    uint32_t flags; /* LAO_CAPABILITY_* */
    uint32_t max_batch;
    const lao_field_t *params; /* NULL = none, as below */
    const lao_field_t *input_fields; /* of a JSON input */
    const lao_field_t *output_fields; /* of a JSON output */
    /* Runs one request. NULL where `run_batch` does. */
    lao_status_t (*run)(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                        lao_error_t *error);
    /* Runs 1 to max_batch requests, and sets the status of each. */
    void (*run_batch)(lao_instance_t *instance, uint32_t count, const lao_request_t *const *requests,
                      lao_response_t *const *responses, lao_error_t *const *errors, lao_status_t *statuses);
} lao_capability_entry_t;

/* An event that the plugin emits; a table of them ends with {0}. */
typedef struct lao_event_entry {
    const char *name;
    const char *description;
    const lao_field_t *fields;
} lao_event_entry_t;

/* A plugin. The tables live until the process ends. All but name, version, capabilities, create and destroy may be NULL. */
typedef struct lao_declaration {
    const char *name;
    const char *version;
    const char *description;
    uint32_t thread_role;
    uint32_t state_version; /* of what `save` writes */
    const lao_capability_entry_t *capabilities;
    const lao_field_t *settings;
    const lao_event_entry_t *events;
    lao_status_t (*create)(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance,
                           lao_error_t *error);
    void(LAO_CALL *destroy)(lao_instance_t *instance);
    lao_status_t (*configure)(lao_instance_t *instance, const lao_config_t *config, lao_error_t *error);
    lao_status_t(LAO_CALL *health)(lao_instance_t *instance, lao_error_t *error);
    lao_status_t(LAO_CALL *save)(lao_instance_t *instance, lao_value_t *state, lao_error_t *error);
    lao_status_t (*load)(lao_instance_t *instance, const void *data, uint64_t size, lao_error_t *error);
    lao_status_t(LAO_CALL *on_event)(lao_instance_t *instance, const char *callback, const char *name, const char *json,
                                     uint64_t json_size, lao_error_t *error);
    void(LAO_CALL *shutdown)(void);
} lao_declaration_t;

/* What was declared; the one copy is in the file that calls lao_declare. */
static inline const lao_declaration_t **lao__declared(void) {
    static const lao_declaration_t *declaration;
    return &declaration;
}

/* --- Calls --- */

/* The capability that a request asks for, once its input and its parameters were checked. */
static inline lao_status_t lao__wanted(const lao_request_t *request, const lao_capability_entry_t **wanted,
                                       lao_error_t *error) {
    const lao_capability_entry_t *entry = (*lao__declared())->capabilities;
    uint32_t index;
    for (index = 0; entry->name != NULL && index < request->capability; index++) {
        entry++;
    }
    if (entry->name == NULL) {
        return lao_fail(error, LAO_UNKNOWN_CAPABILITY, "the plugin has no such capability");
    }
    *wanted = entry;
    if (entry->input_kind != LAO_KIND_NONE && (entry->flags & LAO_CAPABILITY_STREAMS_IN) == 0) {
        if (request->input_count != 1) {
            return lao_fail(error, LAO_INVALID_INPUT, "this capability takes one input");
        }
        if (entry->input_kind != LAO_KIND_ANY && request->inputs[0]->kind != entry->input_kind) {
            return lao_fail(error, LAO_INVALID_INPUT, "the input is of another kind than this capability takes");
        }
    }
    return lao_fields_check(entry->params, request, error);
}

static inline lao_status_t LAO_CALL lao__declared_call(lao_instance_t *instance, const lao_request_t *request,
                                                       lao_response_t *response, lao_error_t *error) {
    const lao_capability_entry_t *entry;
    lao_status_t status = lao__wanted(request, &entry, error);
    if (status != LAO_OK || entry->run != NULL) {
        return status != LAO_OK ? status : entry->run(instance, request, response, error);
    }
    status = LAO_FAILED;
    entry->run_batch(instance, 1, &request, &response, &error, &status);
    return status;
}

static inline void LAO_CALL lao__declared_call_batch(lao_instance_t *instance, uint32_t count,
                                                     const lao_request_t *const *requests,
                                                     lao_response_t *const *responses, lao_error_t *const *errors,
                                                     lao_status_t *statuses) {
    const lao_capability_entry_t *entry = NULL, *wanted;
    uint32_t i, good = 0;
    /* What the ones that are run together need, in one piece of memory. */
    const size_t each = sizeof(void *) * 3 + sizeof(lao_status_t) + sizeof(uint32_t);
    void **memory = (void **)calloc(count, each);
    const lao_request_t **good_requests = (const lao_request_t **)memory;
    lao_response_t **good_responses = (lao_response_t **)(memory + count);
    lao_error_t **good_errors = (lao_error_t **)(memory + 2 * (size_t)count);
    lao_status_t *good_statuses = (lao_status_t *)(memory + 3 * (size_t)count);
    uint32_t *places = (uint32_t *)(good_statuses + count);
    for (i = 0; i < count; i++) {
        statuses[i] = memory == NULL ? (lao_status_t)LAO_OUT_OF_MEMORY : lao__wanted(requests[i], &wanted, errors[i]);
        if (statuses[i] == LAO_OK && (wanted->run_batch == NULL || (entry != NULL && entry != wanted))) {
            statuses[i] = lao_fail(errors[i], LAO_INVALID_INPUT, "a batch is of one capability, which takes batches");
        }
        if (statuses[i] == LAO_OK) {
            entry = wanted;
            good_requests[good] = requests[i];
            good_responses[good] = responses[i];
            good_errors[good] = errors[i];
            good_statuses[good] = LAO_FAILED;
            places[good++] = i;
        }
    }
    if (good > 0) {
        entry->run_batch(instance, good, good_requests, good_responses, good_errors, good_statuses);
        for (i = 0; i < good; i++) {
            statuses[places[i]] = good_statuses[i];
        }
    }
    free((void *)memory);
}

/* --- Instances --- */

static inline lao_status_t LAO_CALL lao__declared_create(const lao_host_t *host, const lao_config_t *config,
                                                         lao_instance_t **instance, lao_error_t *error) {
    const lao_status_t status = lao_settings_check((*lao__declared())->settings, config, error);
    return status != LAO_OK ? status : (*lao__declared())->create(host, config, instance, error);
}

static inline lao_status_t LAO_CALL lao__declared_configure(lao_instance_t *instance, const lao_config_t *config,
                                                            lao_error_t *error) {
    const lao_status_t status = lao_settings_check((*lao__declared())->settings, config, error);
    if (status != LAO_OK) {
        return status;
    }
    if ((*lao__declared())->configure == NULL) {
        return lao_fail(error, LAO_UNSUPPORTED, "the plugin cannot change its configuration while it runs");
    }
    return (*lao__declared())->configure(instance, config, error);
}

static inline lao_status_t LAO_CALL lao__declared_health(lao_instance_t *instance, lao_error_t *error) {
    return (*lao__declared())->health != NULL ? (*lao__declared())->health(instance, error) : (lao_status_t)LAO_OK;
}

static inline lao_status_t LAO_CALL lao__declared_load(lao_instance_t *instance, const void *data, uint64_t size,
                                                       uint32_t state_version, lao_error_t *error) {
    if (state_version != (*lao__declared())->state_version) {
        return lao_failf(error, LAO_INVALID_INPUT, "the state is of version %" PRIu32 ", not %" PRIu32, state_version,
                         (*lao__declared())->state_version);
    }
    return (*lao__declared())->load(instance, data, size, error);
}

static inline const void *LAO_CALL lao__declared_extension(const char *id) {
    static lao_state_plugin_t state;
    static const lao_batch_plugin_t batch = {sizeof batch, 0, lao__declared_call_batch};
    static const lao_lifecycle_plugin_t lifecycle = {sizeof lifecycle, 0, lao__declared_configure,
                                                     lao__declared_health};
    static lao_events_plugin_t events;
    const lao_declaration_t *declaration = *lao__declared();
    const lao_capability_entry_t *entry;
    if (strcmp(id, LAO_EXT_STATE) == 0 && declaration->save != NULL && declaration->load != NULL) {
        state.struct_size = sizeof state;
        state.state_version = declaration->state_version;
        state.save = declaration->save;
        state.load = lao__declared_load;
        return &state;
    }
    if (strcmp(id, LAO_EXT_LIFECYCLE) == 0 && (declaration->configure != NULL || declaration->health != NULL)) {
        return &lifecycle;
    }
    if (strcmp(id, LAO_EXT_EVENTS) == 0 && declaration->on_event != NULL) {
        events.struct_size = sizeof events;
        events.on_event = declaration->on_event;
        return &events;
    }
    for (entry = declaration->capabilities; strcmp(id, LAO_EXT_BATCH) == 0 && entry->name != NULL; entry++) {
        if (entry->run_batch != NULL && entry->max_batch > 1) {
            return &batch;
        }
    }
    return NULL;
}

/* --- The table --- */

static inline lao_capability_t *lao__declared_capability(const lao_capability_entry_t *entry) {
    lao_capability_t *made = (lao_capability_t *)calloc(1, sizeof *made);
    if (made != NULL) {
        made->struct_size = sizeof *made;
        made->flags = entry->flags;
        made->name = entry->name;
        made->description = entry->description;
        made->input_kind = entry->input_kind;
        made->output_kind = entry->output_kind;
        made->max_batch = entry->max_batch;
        made->params_schema = lao_fields_schema(entry->params, 0);
        made->input_schema = entry->input_fields != NULL ? lao_fields_schema(entry->input_fields, 1) : NULL;
        made->output_schema = entry->output_fields != NULL ? lao_fields_schema(entry->output_fields, 1) : NULL;
    }
    return made;
}

static inline int lao__declare_events(lao_plugin_t *plugin, const lao_event_entry_t *events) {
    const lao_declared_event_t **made;
    while (events != NULL && events[plugin->event_count].name != NULL) {
        plugin->event_count++;
    }
    made = (const lao_declared_event_t **)calloc((size_t)plugin->event_count + 1, sizeof *made);
    for (uint32_t i = 0; made != NULL && i < plugin->event_count; i++) {
        lao_declared_event_t *event = (lao_declared_event_t *)calloc(1, sizeof *event);
        if (event == NULL) {
            return 0;
        }
        event->struct_size = sizeof *event;
        event->name = events[i].name;
        event->description = events[i].description;
        event->data_schema = lao_fields_schema(events[i].fields, 0);
        made[i] = event;
    }
    plugin->events = made;
    return made != NULL;
}

/* What lao_plugin_entry returns: NULL when the host speaks another ABI, or there is no memory. The table is made at the
 * first call, and lives until the process ends. Called in one file of the plugin. [thread: any] */
static inline const lao_plugin_t *lao_declare(const lao_host_t *host, const lao_declaration_t *declaration) {
    static lao_plugin_t plugin;
    const lao_capability_t **capabilities;
    uint32_t count = 0, i;
    if (host == NULL || LAO_ABI_MAJOR_OF(host->abi_version) != LAO_ABI_MAJOR || plugin.struct_size != 0) {
        return plugin.struct_size != 0 ? &plugin : NULL;
    }
    *lao__declared() = declaration;
    while (declaration->capabilities[count].name != NULL) {
        count++;
    }
    capabilities = (const lao_capability_t **)calloc((size_t)count + 1, sizeof *capabilities);
    for (i = 0; capabilities != NULL && i < count; i++) {
        capabilities[i] = lao__declared_capability(&declaration->capabilities[i]);
        if (capabilities[i] == NULL) {
            return NULL;
        }
    }
    if (capabilities == NULL || !lao__declare_events(&plugin, declaration->events)) {
        return NULL;
    }
    plugin.abi_version = LAO_ABI_VERSION;
    plugin.name = declaration->name;
    plugin.version = declaration->version;
    plugin.description = declaration->description;
    plugin.thread_role = declaration->thread_role;
    plugin.capability_count = count;
    plugin.capabilities = capabilities;
    plugin.create = lao__declared_create;
    plugin.destroy = declaration->destroy;
    plugin.call = lao__declared_call;
    plugin.get_extension = lao__declared_extension;
    plugin.shutdown = declaration->shutdown;
    plugin.config_schema = declaration->settings != NULL ? lao_fields_schema(declaration->settings, 1) : NULL;
    plugin.struct_size = sizeof plugin;
    return &plugin;
}

#endif /* LAO_C_DECLARE_H */
