/* lao-worker: runs one plugin in a process of its own. Started by the host, never by hand. */
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../ipc/process.h"
#include "../ipc/wakeup.h"
#include "../ipc/worker_link.h"
#include "outputs.h"
#include "probe.h"
#include "run.h"
#include "serve.h"

static bool map_memory(lao__worker_memory_t *memory) {
    lao__error_t error;
    bool mapped =
        lao__memory_file_map(&memory->signals, LAO__WORKER_SIGNALS, LAO__SIGNAL_BYTES, true, &error) == LAO_OK &&
        lao__memory_file_map(&memory->requests, LAO__WORKER_REQUESTS, 0, false, &error) == LAO_OK &&
        lao__memory_file_map(&memory->responses, LAO__WORKER_RESPONSES, 0, true, &error) == LAO_OK;
    if (!mapped) {
        fprintf(stderr, "lao-worker: %s\n", error.text);
    }
    return mapped;
}

int main(int argument_count, char **arguments) {
    static lao__worker_memory_t memory = {.control = LAO__WORKER_CONTROL};
    if (argument_count > 1 && strcmp(arguments[1], "--run") == 0) {
        return lao__run_program(argument_count, arguments);
    }
    if (argument_count == 2 && strcmp(arguments[1], "--probe") == 0) {
        return lao__probe();
    }
    (void)syscall(SYS_close_range, LAO__WORKER_SERVICES + 1, ~0u, 0);
    if (!map_memory(&memory)) {
        fprintf(stderr, "lao-worker: it is started by LAO, not by hand\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0); /* what a plugin printed before it crashed is not lost */
    lao__outputs_init(memory.responses.base, memory.responses.size);
    return lao__serve(&memory);
}
