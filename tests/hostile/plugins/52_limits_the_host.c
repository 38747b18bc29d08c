/* Changes limits, affinity and priority of the host. */
#include "hostile.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    pid_t host = getppid();
    struct rlimit none = {0, 0};
    struct sched_param parameter = {.sched_priority = 0};
    cpu_set_t one;
    (void)request, (void)error;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    tried("prlimit_set", prlimit(host, RLIMIT_NOFILE, &none, NULL));
    tried("prlimit_get", prlimit(host, RLIMIT_NOFILE, NULL, &none));
    tried("affinity", sched_setaffinity(host, sizeof one, &one));
    tried("priority", setpriority(PRIO_PROCESS, (id_t)host, 19));
    tried("own_priority", setpriority(PRIO_PROCESS, 0, -20));
    tried("scheduler", sched_setscheduler(host, SCHED_IDLE, &parameter));
    tried("own_scheduler", sched_setscheduler(0, SCHED_FIFO, &parameter));
    tried("io_priority", syscall(SYS_ioprio_set, 1, host, 0));
    tried("raise_own", setrlimit(RLIMIT_NOFILE, &(struct rlimit){1 << 20, 1 << 20}));
    tried("raise_core", setrlimit(RLIMIT_CORE, &(struct rlimit){1 << 20, 1 << 20}));
    return give_report(response);
}

HOSTILE_PLUGIN("limits-the-host")
