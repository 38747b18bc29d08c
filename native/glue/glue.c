#include "glue.h"

#include <stdlib.h>
#include <string.h>

#include "../core/clock.h"
#include "../core/describe.h"
#include "../core/instance.h"

uint32_t lao__glue_open_in_process(const lao__glue_options_t *options, lao__target_t **target, char **description,
                                   lao__error_t *error) {
    const lao__instance_options_t instance_options = {
        .config_json = options->config_json,
        .resource_dir = options->resource_dir,
        .data_dir = options->data_dir,
        .timeout_ns = options->timeout_ns,
        .tenant = options->tenant,
        .services = options->services,
        .max_threads = options->max_threads,
    };
    lao__module_t *module;
    lao_status_t status = lao__module_open(options->library, &lao__local_services, options->services, &module, error);
    if (status != LAO_OK) {
        return status;
    }
    *description = lao__describe(module);
    if (*description == NULL) {
        lao__module_release(module);
        return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    status = lao__instance_open(module, &instance_options, target, error);
    if (status != LAO_OK) {
        lao__module_release(module);
        free(*description);
        *description = NULL;
        return status;
    }
    lao__target_monitor(*target);
    return LAO_OK;
}

uint32_t lao__glue_open_isolated(const lao__glue_options_t *options, lao__target_t **target, char **description,
                                 lao__error_t *error) {
    const lao__isolated_options_t isolated_options = {
        .executable = options->executable,
        .environment = options->environment,
        .sandbox_plan = options->sandbox_plan,
        .lanes = options->lanes,
        .services = options->services,
        .max_threads = options->max_threads,
        .service_listener = options->service_listener,
        .stable = options->stable != 0,
        .limits = {.memory_bytes = options->memory_bytes,
                   .cpu_permille = options->cpu_permille,
                   .tasks = options->tasks},
        .recycle_calls = options->recycle_calls,
        .library = options->library,
        .config_json = options->config_json,
        .resource_dir = options->resource_dir,
        .data_dir = options->data_dir,
        .workers = options->workers,
        .timeout_ns = options->timeout_ns,
        .open_timeout_ns = options->open_timeout_ns,
        .grace_ns = options->grace_ns,
    };
    lao_status_t status = lao__isolated_open(&isolated_options, target, description, error);
    if (status == LAO_OK) {
        lao__target_monitor(*target);
    }
    return status;
}

void lao__glue_serve_services(bool on) { lao__services_serve(on ? lao__glue_serve : NULL); }

void lao__glue_free(void *memory) { free(memory); }

uint32_t lao__glue_operate(lao__target_t *target, uint32_t worker, int64_t timeout_ns, uint32_t kind,
                           const char *callback, const char *event, const char *data, uint64_t size, char **state,
                           uint64_t *state_size, uint32_t *state_version, lao__error_t *error) {
    lao__operation_t operation = {.kind = kind,
                                  .state_version = *state_version,
                                  .callback = callback,
                                  .event = event,
                                  .data = data,
                                  .size = size};
    lao_status_t status = lao__target_operate(target, worker, timeout_ns, &operation, error);
    if (status != LAO_OK || kind != LAO__SAVE_STATE) {
        return status;
    }
    *state = malloc((size_t)operation.state.size + 1);
    if (*state == NULL) {
        status = lao__fail(error, LAO_OUT_OF_MEMORY, "no memory for a state of %llu bytes",
                           (unsigned long long)operation.state.size);
    } else {
        if (operation.state.size > 0) {
            memcpy(*state, operation.state.data, (size_t)operation.state.size);
        }
        *state_size = operation.state.size;
        *state_version = operation.state_version;
    }
    lao__value_release(&operation.state);
    return status;
}

void lao__glue_stats(lao__target_t *target, lao__glue_stats_t *stats) {
    lao__flights_stats(&target->flights, &stats->calls);
    stats->restarts = atomic_load_explicit(&target->restarts, memory_order_relaxed);
}

uint32_t lao__glue_in_flight(lao__target_t *target) {
    return target->fork_epoch == lao__fork_epoch() ? lao__flights_count(&target->flights) : 0;
}

/* As in core/flight.c: read by every call. */
static _Thread_local int64_t thread_deadline_ns __attribute__((tls_model("initial-exec"))) = LAO__NO_DEADLINE;

void lao__glue_set_deadline(int64_t deadline_ns) { thread_deadline_ns = deadline_ns; }
int64_t lao__glue_get_deadline(void) { return thread_deadline_ns; }
int64_t lao__glue_now_ns(void) { return lao__now_ns(); }

static const lao__glue_status_t statuses[] = {
#define ROW(name, code, who, python, message) {code, #name, #who, #python, message},
    LAO_STATUS_LIST(ROW)
#undef ROW
};

uint32_t lao__glue_status_count(void) { return sizeof statuses / sizeof *statuses; }

const lao__glue_status_t *lao__glue_status(uint32_t index) {
    return index < lao__glue_status_count() ? &statuses[index] : NULL;
}
