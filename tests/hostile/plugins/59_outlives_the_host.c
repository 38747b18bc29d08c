/* Clears the mark by which it ends with its host, and whatever else of itself it could change for that. */
#include "hostile.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    int signal_number = 0;
    (void)request, (void)error;
    tried("clear", prctl(PR_SET_PDEATHSIG, 0));
    tried("subreaper", prctl(PR_SET_CHILD_SUBREAPER, 1));
    tried("dumpable", prctl(PR_SET_DUMPABLE, 1));
    tried("setsid", setsid());
    tried("setpgid", setpgid(0, 0));
    tried("setuid", setuid(getuid())); /* as a side effect, it clears the mark */
    tried("setresuid", setresuid(getuid(), getuid(), getuid()));
    tried("setgid", setgid(getgid()));
    tried("get", prctl(PR_GET_PDEATHSIG, &signal_number));
    report_number("signal", signal_number);
    return give_report(response);
}

HOSTILE_PLUGIN("outlives-the-host")
