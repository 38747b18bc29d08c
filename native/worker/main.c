/* lao-worker: runs one plugin in a process of its own. Started by the host, never by hand. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../ipc/process.h"
#include "../ipc/worker_link.h"
#include "outputs.h"
#include "serve.h"

/* Ends the process when the host is gone: its end of the socket hangs up. */
static void *watch_host(void *control) {
    struct pollfd polled = {.fd = *(const int *)control, .events = POLLRDHUP};
    for (;;) {
        if (poll(&polled, 1, -1) > 0 && (polled.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0) {
            _exit(0);
        }
    }
    return NULL;
}

static bool map_memory(lao__worker_memory_t *memory) {
    lao__error_t error;
    bool mapped =
        lao__memory_file_map(&memory->signals, LAO__WORKER_SIGNALS, sizeof(lao__signal_page_t), true, &error) ==
            LAO_OK &&
        lao__memory_file_map(&memory->requests, LAO__WORKER_REQUESTS, LAO__REGION_BYTES, false, &error) == LAO_OK &&
        lao__memory_file_map(&memory->responses, LAO__WORKER_RESPONSES, LAO__REGION_BYTES, true, &error) == LAO_OK;
    if (!mapped) {
        fprintf(stderr, "lao-worker: %s\n", error.text);
    }
    return mapped;
}

int main(void) {
    static lao__worker_memory_t memory = {.control = LAO__WORKER_CONTROL};
    static int control = LAO__WORKER_CONTROL;
    pthread_t watcher;
    (void)syscall(SYS_close_range, LAO__WORKER_RESPONSES + 1, ~0u, 0);
    if (!map_memory(&memory)) {
        fprintf(stderr, "lao-worker: it is started by LAO, not by hand\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0); /* what a plugin printed before it crashed is not lost */
    if (pthread_create(&watcher, NULL, watch_host, &control) != 0) {
        return 2;
    }
    lao__outputs_init(memory.responses.base, memory.responses.size);
    return lao__serve(&memory);
}
