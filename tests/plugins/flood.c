/* A plugin with a thread that prints without end, on standard output and standard error: whoever reads it all, or stops
 * reading, or lets it through to his own output, is in trouble. The capability "text" echoes meanwhile. */
#include "support.h"

#include <pthread.h>
#include <unistd.h>

static void *print_for_ever(void *unused) {
    static const char line[] = "flood, and flood, and flood, and flood, and flood, and flood\n";
    (void)unused;
    for (uint64_t i = 0;; i++) {
        if (write(i % 2 ? STDOUT_FILENO : STDERR_FILENO, line, sizeof line - 1) < 0) {
            sleep_ns(1000000);
        }
    }
    return NULL;
}

static lao_status_t LAO_CALL create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance,
                                    lao_error_t *error) {
    pthread_t thread;
    (void)host, (void)config;
    if (pthread_create(&thread, NULL, print_for_ever, NULL) != 0) {
        return lao_fail(error, LAO_FAILED, "no thread");
    }
    pthread_detach(thread);
    *instance = (lao_instance_t *)&the_host;
    return LAO_OK;
}

static void LAO_CALL destroy(lao_instance_t *instance) { (void)instance; }

static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    (void)instance, (void)error;
    return give_data(request, response, LAO_KIND_TEXT, request->inputs[0]->data, request->inputs[0]->size);
}

static const lao_capability_t capability = {
    .struct_size = sizeof capability, .name = "text", .input_kind = LAO_KIND_TEXT, .output_kind = LAO_KIND_TEXT};
static const lao_capability_t *const capabilities[] = {&capability};
static const lao_plugin_t plugin = {.struct_size = sizeof plugin,
                                    .abi_version = LAO_ABI_VERSION,
                                    .name = "flood",
                                    .version = "1.0.0",
                                    .capability_count = 1,
                                    .capabilities = capabilities,
                                    .create = create,
                                    .destroy = destroy,
                                    .call = call};

LAO_EXPORT const lao_plugin_t *LAO_CALL lao_plugin_entry(const lao_host_t *host) {
    the_host = host;
    return &plugin;
}
