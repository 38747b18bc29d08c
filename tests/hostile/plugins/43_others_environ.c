/* Reads the environment, the memory and the command line of the host, of the sibling's worker and of the first process. */
#include "hostile.h"

#include <fcntl.h>

static void try_open(const char *what, int process, const char *file) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", process, file);
    tried(what, open(path, O_RDONLY));
}

/* The input is the number of the sibling's process. */
static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    char bytes[64];
    int own, sibling = atoi(input_text(request));
    (void)error;
    try_open("host_environ", (int)getppid(), "environ");
    try_open("host_mem", (int)getppid(), "mem");
    try_open("host_maps", (int)getppid(), "maps");
    try_open("host_cmdline", (int)getppid(), "cmdline");
    try_open("host_fd", (int)getppid(), "fd");
    try_open("sibling_environ", sibling, "environ");
    try_open("sibling_mem", sibling, "mem");
    try_open("init_environ", 1, "environ");
    own = open("/proc/self/environ", O_RDONLY);
    report_number("own_environ_bytes", own >= 0 ? (long long)read(own, bytes, sizeof bytes) : 0);
    return give_report(response);
}

HOSTILE_PLUGIN("others-environ")
