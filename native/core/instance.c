#include "instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "clock.h"
#include "dynlib.h"
#include "lock.h"
#include "vtable_adapter.h"

typedef struct instance {
    lao__target_t target;
    lao__module_t *module;
    lao__tenant_t *tenant;
    lao_instance_t *plugin_instance;
    pthread_mutex_t lock;
    pthread_mutex_t *call_lock; /* what the thread role asks for; NULL: none */
    char *resource_dir;         /* NULL: none, as the next */
    char *data_dir;
    uint32_t max_threads;
} instance_t;

/* --- Turns: what the thread role asks for --- */

static lao_status_t begin_turn(instance_t *instance, const lao__flight_t *flight, lao__error_t *error) {
    lao_status_t status = instance->call_lock != NULL ? lao__lock_for_call(instance->call_lock, flight) : LAO_OK;
    return status == LAO_OK
               ? LAO_OK
               : lao__fail(error, status, "%s while it waited for the calls before it", lao_status_message(status));
}

static void end_turn(instance_t *instance) {
    if (instance->call_lock != NULL) {
        pthread_mutex_unlock(instance->call_lock);
    }
}

/* --- One call --- */

/* A plugin may return only what status.h allows it; anything else would let it pose as the host. */
static lao_status_t plugin_status(lao_status_t status) {
    switch (status) {
#define ALLOWED_P(code)                                                                                                \
    case code:                                                                                                         \
        return code;
#define ALLOWED_H(code)
#define ALLOW(name, code, who, python, message) ALLOWED_##who(code)
        LAO_STATUS_LIST(ALLOW)
    default:
        return LAO_FAILED;
    }
}

/* The text was written in place, into `error`. Where the plugin moved the pointer or claims more bytes than there are,
 * nobody knows what it wrote, and its text is left out. */
static lao_status_t take_error(lao_status_t reported, const lao_error_t *source, lao__error_t *error) {
    lao_status_t status = plugin_status(reported);
    bool sound = source->text == error->text && source->text_size < LAO__ERROR_CAPACITY;
    uint32_t size = sound ? source->text_size : 0;
    if (status != reported) {
        char said[512]; /* a copy: the text is about to be overwritten */
        snprintf(said, sizeof said, "%.*s", (int)size, error->text);
        return lao__fail(error, status, "it returned the status %u, which a plugin may not return%s%s", reported,
                         size > 0 ? ": " : "", said);
    }
    lao__error_init(error, status);
    if (size == 0) {
        return lao__fail(error, status, "%s", lao_status_message(status));
    }
    error->size = size;
    error->text[size] = '\0';
    return status;
}

static const uint32_t *cancel_word(const lao_call_t *call) {
    return call->cancel_word != NULL ? call->cancel_word : &call->flight->cancel;
}

static lao_request_t request_of(const lao_call_t *call, lao_value_t *const *inputs, uint32_t input_count) {
    return (lao_request_t){
        .struct_size = sizeof(lao_request_t),
        .capability = call->capability,
        .input_count = input_count,
        .param_count = call->param_count,
        .inputs = inputs,
        .params = call->params,
        .params_json = call->params_json,
        .params_json_size = call->params_json_size,
        .deadline_ns = call->flight->deadline_ns,
        .cancel = cancel_word(call),
        .device_stream = NULL,
        .call = (lao_call_t *)(uintptr_t)call,
    };
}

static void clear_output(lao_value_t *output) {
    memset(output, 0, sizeof *output);
    output->struct_size = sizeof *output;
    output->file_handle = -1;
}

static lao_error_t error_into(lao__error_t *error) {
    return (lao_error_t){
        .struct_size = sizeof(lao_error_t), .text_capacity = LAO__ERROR_CAPACITY - 1, .text = error->text};
}

/* What one request came to: its output is checked, or its error taken. */
static lao_status_t take_result(const lao_call_t *call, lao_status_t status, uint32_t output_count,
                                const lao_error_t *reported, lao_value_t *output, lao__error_t *error) {
    if (status != LAO_OK) {
        return take_error(status, reported, error);
    }
    if (output_count != 1) {
        if (output_count == 0 && call->sink != NULL) {
            memset(output, 0, sizeof *output); /* a stream may end without a last part */
            return LAO_OK;
        }
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "it returned %u outputs where 1 was asked for", output_count);
    }
    status = lao__check_output(output, call->output_kind, error);
    if (status != LAO_OK && output->release != NULL && lao__dynlib_is_code((const void *)(uintptr_t)output->release)) {
        lao__value_release(output);
    }
    return status;
}

static lao_status_t call_native(instance_t *instance, const lao_call_t *call, lao_value_t *output,
                                lao__error_t *error) {
    lao_value_t *const slots[1] = {output};
    lao_request_t request = request_of(call, call->inputs, call->input_count);
    lao_response_t response = {.struct_size = sizeof response, .output_capacity = 1, .outputs = slots};
    lao_error_t reported = error_into(error);
    lao_status_t status;
    clear_output(output);
    status = instance->module->plugin->call(instance->plugin_instance, &request, &response, &reported);
    return take_result(call, status, response.output_count, &reported, output, error);
}

/* --- One call with several requests --- */

/* What one request of a batch needs, and the pointers to it lie in tables of their own. */
typedef struct element {
    lao_request_t request;
    lao_response_t response;
    lao_error_t reported;
    lao_value_t *slot;
} element_t;

typedef struct batch_tables {
    element_t *elements;
    const lao_request_t **requests;
    lao_response_t **responses;
    lao_error_t **errors;
} batch_tables_t;

static bool make_tables(batch_tables_t *tables, uint32_t count) {
    tables->elements = calloc(count, sizeof *tables->elements);
    tables->requests = calloc(count, sizeof *tables->requests);
    tables->responses = calloc(count, sizeof *tables->responses);
    tables->errors = calloc(count, sizeof *tables->errors);
    return tables->elements != NULL && tables->requests != NULL && tables->responses != NULL && tables->errors != NULL;
}

static void drop_tables(batch_tables_t *tables) {
    free(tables->elements);
    free(tables->requests);
    free(tables->responses);
    free(tables->errors);
}

static lao_status_t call_batch(instance_t *instance, const lao_call_t *call, lao__error_t *error) {
    lao__batch_t *batch = call->batch;
    batch_tables_t tables;
    uint32_t index;
    if (instance->module->batch == NULL || batch->count > instance->module->capabilities[call->capability].max_batch) {
        return lao__fail(error, LAO_UNSUPPORTED, "it does not take %u requests at once", batch->count);
    }
    if (!make_tables(&tables, batch->count)) {
        drop_tables(&tables);
        return lao__fail(error, LAO_OUT_OF_MEMORY, "no memory for %u requests", batch->count);
    }
    for (index = 0; index < batch->count; index++) {
        element_t *element = &tables.elements[index];
        element->slot = &batch->outputs[index];
        element->request = request_of(call, &batch->inputs[index], 1);
        element->response =
            (lao_response_t){.struct_size = sizeof(lao_response_t), .output_capacity = 1, .outputs = &element->slot};
        element->reported = error_into(&batch->errors[index]);
        tables.requests[index] = &element->request;
        tables.responses[index] = &element->response;
        tables.errors[index] = &element->reported;
        batch->statuses[index] = LAO_FAILED; /* unless it says otherwise */
        clear_output(element->slot);
    }
    instance->module->batch->call_batch(instance->plugin_instance, batch->count, tables.requests, tables.responses,
                                        tables.errors, batch->statuses);
    for (index = 0; index < batch->count; index++) {
        const element_t *element = &tables.elements[index];
        batch->statuses[index] = take_result(call, batch->statuses[index], element->response.output_count,
                                             &element->reported, &batch->outputs[index], &batch->errors[index]);
    }
    drop_tables(&tables);
    return LAO_OK;
}

static lao_status_t call_vtable(instance_t *instance, const lao_call_t *call, lao_value_t *output,
                                lao__error_t *error) {
    const lao_value_t *input = call->input_count == 1 ? call->inputs[0] : NULL;
    lao_status_t status;
    char *text;
    if (input == NULL || input->kind != LAO_KIND_TEXT) {
        return lao__fail(error, LAO_INVALID_INPUT, "a LAO 0.x plugin takes one text");
    }
    if (call->param_count > 0) {
        return lao__fail(error, LAO_INVALID_PARAMETER, "a LAO 0.x plugin takes no parameters");
    }
    if (input->size > 0 && memchr(input->data, '\0', (size_t)input->size) != NULL) {
        return lao__fail(error, LAO_INVALID_INPUT, "a LAO 0.x plugin takes text without NUL characters");
    }
    text = malloc((size_t)input->size + 1);
    if (text == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "no memory for the input");
    }
    if (input->size > 0) { /* an empty text may have no data */
        if (input->size > 0) {
            memcpy(text, input->data, (size_t)input->size);
        }
    }
    text[input->size] = '\0';
    memset(output, 0, sizeof *output);
    output->struct_size = sizeof *output;
    output->file_handle = -1;
    status = lao__vtable_call(instance->module->vtable, text, output, error);
    free(text);
    return status;
}

static lao_status_t call_instance(lao__target_t *target, lao_call_t *call, lao_value_t *output, lao__error_t *error) {
    instance_t *instance = (instance_t *)target;
    const uint32_t *outer;
    lao_status_t status;
    call->tenant = instance->tenant;
    status = begin_turn(instance, call->flight, error);
    if (status != LAO_OK) {
        return status;
    }
    outer = lao__services_calling(cancel_word(call));
    status = call->batch != NULL                ? call_batch(instance, call, error)
             : instance->module->vtable != NULL ? call_vtable(instance, call, output, error)
                                                : call_native(instance, call, output, error);
    (void)lao__services_calling(outer); /* the plugin of that call asked for this one, on the same thread */
    end_turn(instance);
    return status;
}

/* --- Operations --- */

static lao_status_t save_state(instance_t *instance, lao__operation_t *operation, lao_error_t *reported,
                               lao__error_t *error) {
    const lao_state_plugin_t *table = instance->module->state;
    lao_value_t *state = &operation->state;
    lao_status_t status;
    clear_output(state);
    status = table->save(instance->plugin_instance, state, reported);
    if (status != LAO_OK) {
        return take_error(status, reported, error);
    }
    status = lao__check_output(state, LAO_KIND_BINARY, error);
    if (status != LAO_OK && state->release != NULL && lao__dynlib_is_code((const void *)(uintptr_t)state->release)) {
        lao__value_release(state);
    }
    operation->state_version = table->state_version;
    return status;
}

static lao_config_t config_of(const instance_t *instance, const char *json) {
    return (lao_config_t){.struct_size = sizeof(lao_config_t),
                          .max_threads = instance->max_threads,
                          .json = json,
                          .json_size = strlen(json),
                          .resource_dir = instance->resource_dir,
                          .data_dir = instance->data_dir};
}

static lao_status_t run_operation(instance_t *instance, lao__operation_t *operation, lao__error_t *error) {
    const lao__module_t *module = instance->module;
    lao_error_t reported = error_into(error);
    lao_config_t config;
    lao_status_t status = LAO_OK;
    switch (operation->kind) {
    case LAO__SAVE_STATE:
        return save_state(instance, operation, &reported, error);
    case LAO__LOAD_STATE:
        status = module->state->load(instance->plugin_instance, operation->data, operation->size,
                                     operation->state_version, &reported);
        break;
    case LAO__CONFIGURE:
        config = config_of(instance, operation->data);
        status = module->lifecycle->configure(instance->plugin_instance, &config, &reported);
        break;
    case LAO__CHECK_HEALTH:
        status = module->lifecycle->health(instance->plugin_instance, &reported);
        break;
    case LAO__DELIVER_EVENT:
        status = module->receiver->on_event(instance->plugin_instance, operation->callback, operation->event,
                                            operation->data, operation->size, &reported);
        break;
    }
    return status == LAO_OK ? LAO_OK : take_error(status, &reported, error);
}

static bool has_extension(const lao__module_t *module, uint32_t kind) {
    switch (kind) {
    case LAO__SAVE_STATE:
    case LAO__LOAD_STATE:
        return module->state != NULL;
    case LAO__CONFIGURE:
    case LAO__CHECK_HEALTH:
        return module->lifecycle != NULL;
    case LAO__DELIVER_EVENT:
        return module->receiver != NULL;
    default:
        return false;
    }
}

static lao_status_t operate_instance(lao__target_t *target, uint32_t worker, lao__operation_t *operation,
                                     lao__error_t *error) {
    instance_t *instance = (instance_t *)target;
    const char *extension = lao__operation_extension(operation->kind);
    lao_status_t status;
    (void)worker; /* it is the only one */
    if (!has_extension(instance->module, operation->kind)) {
        return lao__fail(error, LAO_UNSUPPORTED, "it has no %s", extension != NULL ? extension : "such operation");
    }
    status = begin_turn(instance, operation->flight, error);
    if (status != LAO_OK) {
        return status;
    }
    status = run_operation(instance, operation, error);
    end_turn(instance);
    return status;
}

/* --- Life cycle --- */

static void close_instance(lao__target_t *target) {
    instance_t *instance = (instance_t *)target;
    bool library_wide = instance->call_lock == &instance->module->lock;
    if (instance->module->plugin != NULL) {
        if (library_wide) {
            pthread_mutex_lock(instance->call_lock); /* other instances may be in a call */
        }
        instance->module->plugin->destroy(instance->plugin_instance);
        if (library_wide) {
            pthread_mutex_unlock(instance->call_lock);
        }
    }
    lao__tenant_end(instance->tenant);
    lao__module_release(instance->module);
}

static void destroy_instance(lao__target_t *target) {
    instance_t *instance = (instance_t *)target;
    pthread_mutex_destroy(&instance->lock);
    free(instance->resource_dir);
    free(instance->data_dir);
    free(instance);
}

static const lao__target_ops_t instance_ops = {
    .call = call_instance,
    .operate = operate_instance,
    .close = close_instance,
    .destroy = destroy_instance,
};

static lao_status_t create(instance_t *instance, const lao__instance_options_t *options, lao__error_t *error) {
    lao_error_t reported = error_into(error);
    lao_config_t config = config_of(instance, options->config_json != NULL ? options->config_json : "{}");
    bool library_wide = instance->call_lock == &instance->module->lock;
    lao_status_t status;
    if (library_wide) {
        pthread_mutex_lock(instance->call_lock);
    }
    status = instance->module->plugin->create(&instance->tenant->host, &config, &instance->plugin_instance, &reported);
    if (library_wide) {
        pthread_mutex_unlock(instance->call_lock);
    }
    return status == LAO_OK ? LAO_OK : take_error(status, &reported, error);
}

lao_status_t lao__instance_open(lao__module_t *module, const lao__instance_options_t *options, lao__target_t **target,
                                lao__error_t *error) {
    instance_t *instance = calloc(1, sizeof *instance);
    uint32_t *output_kinds = calloc(module->capability_count, sizeof *output_kinds);
    lao_status_t status = LAO_OK;
    uint32_t index;
    if (instance == NULL || output_kinds == NULL) {
        free(instance);
        free(output_kinds);
        return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    for (index = 0; index < module->capability_count; index++) {
        output_kinds[index] = module->capabilities[index].output_kind;
    }
    pthread_mutex_init(&instance->lock, NULL);
    instance->module = module;
    instance->resource_dir = lao__copy_string(options->resource_dir);
    instance->data_dir = lao__copy_string(options->data_dir);
    instance->max_threads = options->max_threads;
    instance->tenant = lao__tenant_begin(module, options->tenant, options->services);
    instance->call_lock = module->thread_role == LAO_THREADS_UNSAFE     ? &module->lock
                          : module->thread_role == LAO_THREADS_INSTANCE ? &instance->lock
                                                                        : NULL;
    if (instance->tenant == NULL) {
        status = lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    } else if (module->plugin != NULL) {
        status = create(instance, options, error);
    }
    if (status == LAO_OK) {
        status = lao__target_init(&instance->target, &instance_ops, options->timeout_ns, module->capability_count,
                                  output_kinds, error);
        if (status != LAO_OK && module->plugin != NULL) {
            module->plugin->destroy(instance->plugin_instance);
        }
    }
    free(output_kinds);
    if (status != LAO_OK) {
        if (instance->tenant != NULL) {
            lao__tenant_end(instance->tenant);
        }
        destroy_instance(&instance->target);
        return status;
    }
    *target = &instance->target;
    return LAO_OK;
}
