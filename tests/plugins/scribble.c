/* A plugin that attacks its own channel: it finds memory that its worker shares with the host and writes rubbish over it
 * while calls go on, so that whatever the host reads twice may differ. "start" begins with it: the parameter `target` is
 * "lao-outputs" (the frames of its answers, the default) or "lao-signals" (the words that wake the sides), `seed` a
 * number, `pause_us` the time between two writes. "stop" ends it; "text", "json" and "tensor" answer soundly meanwhile. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "tensors.h"

#include <pthread.h>

static atomic_int writing;
static uint64_t state;
static volatile char *frame;
static size_t frame_size; /* bytes to overwrite */
static int64_t pause_ns; /* between two writes: the more, the more answers get through half spoiled */

static uint64_t next(void) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(2685821657736338717);
}

/* A second view of the memory that the worker and its host share, by the descriptor that the worker has it from.
 * In-process there is none. */
static volatile char *find_file(const char *name) {
    int descriptor = strcmp(name, "lao-signals") == 0 ? 4 : 6;
    struct stat stat;
    int is_ours = fcntl(descriptor, F_GET_SEALS) > 0 && fstat(descriptor, &stat) == 0;
    void *base = !is_ours ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    return base == MAP_FAILED ? NULL : base;
}

static void *scribble(void *unused) {
    static const uint64_t numbers[] = {0,          1,         2,          3,     UINT32_MAX, UINT64_MAX,
                                       INT64_MAX,  1u << 31,  4096,       65536, 1ull << 34, 1ull << 40,
                                       1ull << 63, INT32_MAX, 0xFFFFFFFE, 33,    10,         77};
    (void)unused;
    while (atomic_load(&writing)) {
        uint64_t choice = next();
        size_t at = choice % frame_size;
        if (choice >> 62 == 0) {
            frame[at] = (char)(choice >> 32);
        } else {
            uint64_t number = numbers[(choice >> 16) % COUNT_OF(numbers)];
            memcpy((char *)(uintptr_t)frame + at / 8 * 8, &number, choice >> 61 & 1 ? 8 : 4);
        }
        if (pause_ns > 0) {
            sleep_ns(pause_ns);
        }
    }
    return NULL;
}

static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    static const int64_t shape[2] = {100, 200};
    json_t json = {.size = 0};
    (void)instance;
    switch (request->capability) {
    case 0: {
        pthread_t thread;
        const char *target = text_param(request, "target", "lao-outputs");
        frame = find_file(target);
        frame_size = strcmp(target, "lao-signals") == 0 ? 128 : 640; /* both words; head, shape and strides */
        if (frame == NULL) {
            return lao_fail(error, LAO_UNSUPPORTED, "there is no frame in this process");
        }
        state = (uint64_t)int_param(request, "seed", 1) * 7919 + 1;
        pause_ns = int_param(request, "pause_us", 0) * 1000;
        atomic_store(&writing, 1);
        if (pthread_create(&thread, NULL, scribble, NULL) != 0) {
            return LAO_FAILED;
        }
        pthread_detach(thread);
        return give_text(request, response, "started");
    }
    case 1:
        atomic_store(&writing, 0);
        sleep_ns(2000000);
        return give_text(request, response, "stopped");
    case 2:
        return give_text(request, response, "a sound text");
    case 3:
        json_add(&json, "{\"sound\":[1,2,3]}");
        return give_json(request, response, &json);
    default: {
        lao_dtype_t dtype = {.code = LAO_DTYPE_FLOAT, .bits = 32, .lanes = 1};
        return give_tensor(request, response, LAO_KIND_TENSOR, dtype, 2, shape) != NULL ? LAO_OK : LAO_OUT_OF_MEMORY;
    }
    }
}

static lao_status_t LAO_CALL create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance,
                                    lao_error_t *error) {
    (void)host, (void)config, (void)error;
    *instance = (lao_instance_t *)&writing;
    return LAO_OK;
}

static void LAO_CALL destroy(lao_instance_t *instance) {
    (void)instance;
    atomic_store(&writing, 0);
}

#define CAPABILITY(title, output)                                                                                      \
    &(const lao_capability_t){.struct_size = sizeof(lao_capability_t),                                                 \
                              .name = (title),                                                                         \
                              .input_kind = LAO_KIND_NONE,                                                             \
                              .output_kind = LAO_KIND_##output}

static const lao_capability_t *const capabilities[] = {CAPABILITY("start", TEXT), CAPABILITY("stop", TEXT),
                                                       CAPABILITY("text", TEXT), CAPABILITY("json", JSON),
                                                       CAPABILITY("tensor", TENSOR)};
static const lao_plugin_t plugin = {.struct_size = sizeof plugin,
                                    .abi_version = LAO_ABI_VERSION,
                                    .name = "scribble",
                                    .version = "1.0.0",
                                    .capability_count = COUNT_OF(capabilities),
                                    .capabilities = capabilities,
                                    .create = create,
                                    .destroy = destroy,
                                    .call = call};

LAO_EXPORT const lao_plugin_t *LAO_CALL lao_plugin_entry(const lao_host_t *host) {
    the_host = host;
    return &plugin;
}
