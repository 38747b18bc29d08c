/* Of those that may start programs: starts processes without end, each of which leaves its parent, its group and its session
 * behind, blocks what can be blocked, and stays. */
#include "hostile.h"

#include <signal.h>
#include <sys/prctl.h>

static void stay(void) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    prctl(PR_SET_PDEATHSIG, 0);
    for (;;) {
        sleep_ms(1000);
    }
}

static void leave(void) {
    pid_t child;
    setsid();
    child = fork();
    if (child > 0) {
        _exit(0);
    }
    setsid();
    stay(); /* where no more came of it, this one */
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    int started = 0;
    (void)request, (void)error;
    while (started < 500) {
        pid_t child = fork();
        if (child == 0) {
            leave();
        }
        if (child < 0) {
            tried("fork", -1);
            break;
        }
        sleep_ms(1);
        started++;
    }
    report_number("started", started);
    return give_report(response);
}

HOSTILE_PLUGIN("escaping-programs")
