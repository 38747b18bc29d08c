/* Answers with pointers to memory that is not the host's, and forged leases of memory that is. */
#define HOSTILE_OUTPUT_KIND LAO_KIND_ANY
#include "channel.h"

static char own[64] = "bytes of its own";

static lao_status_t give_at(lao_response_t *response, const void *data, uint64_t size) {
    lao_value_t *output = response->outputs[0];
    output->kind = LAO_KIND_BINARY;
    output->data = data;
    output->size = size;
    response->output_count = 1;
    return LAO_OK;
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)error;
    open_channel();
    if (input_is(request, "own")) {
        return give_at(response, own, 16);
    }
    if (input_is(request, "input")) { /* in the memory that the host writes */
        return give_at(response, request->inputs[0]->data, request->inputs[0]->size);
    }
    if (input_is(request, "wild")) {
        return give_at(response, (void *)(uintptr_t)0x10, 16);
    }
    if (input_is(request, "kernel")) {
        return give_at(response, (void *)(uintptr_t)0xffff800000000000, 16);
    }
    if (input_is(request, "beyond_the_end")) {
        char *pages = (char *)mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        mprotect(pages + 4096, 4096, PROT_NONE);
        return give_at(response, pages, 8192);
    }
    if (input_is(request, "free")) {
        the_host->free(the_host, own);
        return give_report(response);
    }
    if (input_is(request, "free_inside")) {
        char *block = (char *)the_host->alloc(the_host, 4096, 0);
        the_host->free(the_host, block + 64);
        return give_report(response);
    }
    forge_tensor();
    if (input_is(request, "lease")) {
        answer_frame->lease = 0xdeadbeef;
    } else if (input_is(request, "no_lease")) {
        answer_frame->lease = LAO__NO_LEASE;
    }
    publish(request_frame->sequence);
    sleep_ms(20); /* and then the worker answers too */
    return give_at(response, own, 16);
}

HOSTILE_PLUGIN("outside-the-arena")
