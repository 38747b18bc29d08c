/* Writes to its own memory by way of /proc, which ignores that a page is read-only. */
#include "hostile.h"

#include <fcntl.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    char path[64];
    (void)request, (void)error;
    tried("write", open("/proc/self/mem", O_RDWR));
    tried("read", open("/proc/self/mem", O_RDONLY));
    tried("maps", open("/proc/self/maps", O_RDONLY));
    snprintf(path, sizeof path, "/proc/%d/mem", (int)getpid());
    tried("by_number", open(path, O_RDWR));
    tried("thread", open("/proc/thread-self/mem", O_RDWR));
    tried("clear_refs", open("/proc/self/clear_refs", O_WRONLY));
    tried("oom_score_adj", open("/proc/self/oom_score_adj", O_WRONLY));
    return give_report(response);
}

HOSTILE_PLUGIN("own-memory")
