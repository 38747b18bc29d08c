/* Changes its outputs while the host reads them: a thread writes over the bytes of the newest one, without pause, once it
 * was handed out. "text" and "binary" take the parameters `size` and `letter`. In-process nothing is changed. */
#include <fcntl.h>

#include "tensors.h"

#include <pthread.h>

static _Atomic(volatile unsigned char *) target;
static atomic_size_t target_size;
static atomic_int writing;

static void *rewrite(void *unused) {
    static const unsigned char bytes[] = {0xC3, 0xFF, 'b', 0xF0, 0xA9, 'a'};
    size_t round;
    (void)unused;
    for (round = 0;; round++) {
        volatile unsigned char *at = atomic_load(&target);
        size_t size = atomic_load(&target_size);
        size_t index;
        for (index = round % 61; at != NULL && index < size; index += 61) {
            at[index] = bytes[round % COUNT_OF(bytes)];
        }
    }
    return NULL;
}

STATELESS

static void LAO_CALL release(lao_value_t *value) { the_host->free(the_host, value->owner); }

static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    size_t size = (size_t)int_param(request, "size", 1 << 20);
    lao_value_t *output = response->outputs[0];
    char *memory = the_host->alloc(the_host, size, 0);
    pthread_t thread;
    (void)instance, (void)error;
    if (memory == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    memset(memory, 'a', size);
    output->kind = request->capability == 0 ? LAO_KIND_TEXT : LAO_KIND_BINARY;
    output->data = output->owner = memory;
    output->size = size;
    output->release = release;
    response->output_count = 1;
    atomic_store(&target_size, size);
    atomic_store(&target, (volatile unsigned char *)memory);
    if (fcntl(6, F_GET_SEALS) > 0 && atomic_exchange(&writing, 1) == 0) { /* its answers' memory: this is a worker */
        if (pthread_create(&thread, NULL, rewrite, NULL) != 0) {
            return LAO_FAILED;
        }
        pthread_detach(thread);
    }
    return LAO_OK;
}

#define CAPABILITY(title, kind)                                                                                        \
    &(const lao_capability_t){                                                                                         \
        .struct_size = sizeof(lao_capability_t), .name = (title), .input_kind = LAO_KIND_NONE, .output_kind = (kind)}

static const lao_capability_t *const capabilities[] = {CAPABILITY("text", LAO_KIND_TEXT),
                                                       CAPABILITY("binary", LAO_KIND_BINARY)};

PLUGIN("fickle", LAO_THREADS_INSTANCE, .shutdown = NULL)
