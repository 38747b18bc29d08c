#include "host_table.h"

#include <lao/ext/stream.h>
#include <string.h>

#include "call.h"
#include "clock.h"
#include "module.h"
#include "service_tables.h"

#define MAX_LOG_LINE 4096u

static const lao__module_t *module_of(const lao_host_t *host) { return ((const lao__tenant_t *)host->context)->module; }

static void *LAO_CALL host_alloc(const lao_host_t *host, uint64_t size, uint64_t alignment) {
    return module_of(host)->services->alloc(size, alignment);
}

static void LAO_CALL host_free(const lao_host_t *host, void *memory) { module_of(host)->services->free(memory); }

static void LAO_CALL host_log(const lao_host_t *host, uint32_t level, const char *text, uint64_t size) {
    const lao__module_t *module = module_of(host);
    if (text != NULL) {
        module->services->log(module->name != NULL ? module->name : module->path, level, text,
                              size < MAX_LOG_LINE ? size : MAX_LOG_LINE);
    }
}

static int64_t LAO_CALL host_now_ns(const lao_host_t *host) {
    (void)host;
    return lao__now_ns();
}

static uint32_t LAO_CALL stream_push(lao_call_t *call, lao_value_t *part, uint32_t flags) {
    return lao__call_push(call, part, flags);
}

static uint32_t LAO_CALL stream_pull(lao_call_t *call, lao_value_t *part, uint32_t flags) {
    return lao__call_pull(call, part, flags);
}

static const lao_stream_host_t stream = {
    .struct_size = sizeof(lao_stream_host_t), .reserved = 0, .push = stream_push, .pull = stream_pull};

static const void *LAO_CALL host_get_extension(const lao_host_t *host, const char *id) {
    const lao__tenant_t *tenant = host->context;
    if (id == NULL) {
        return NULL;
    }
    return strcmp(id, LAO_EXT_STREAM) == 0 ? &stream : lao__service_table(id, atomic_load(&tenant->granted));
}

void lao__host_table_init(lao_host_t *host, lao__tenant_t *tenant) {
    memset(host, 0, sizeof *host);
    host->struct_size = sizeof *host;
    host->abi_version = LAO_ABI_VERSION;
    host->lao_version = LAO_VERSION;
    host->context = tenant;
    host->alloc = host_alloc;
    host->free = host_free;
    host->log = host_log;
    host->now_ns = host_now_ns;
    host->get_extension = host_get_extension;
}
