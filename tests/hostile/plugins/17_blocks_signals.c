/* Blocks and ignores every signal that it can, and hangs. */
#include "hostile.h"

#include <signal.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    sigset_t all;
    (void)request, (void)error;
    sigfillset(&all);
    for (int number = 1; number < NSIG; number++) {
        signal(number, SIG_IGN);
    }
    sigprocmask(SIG_SETMASK, &all, NULL);
    sleep_ms(60000);
    return give_report(response);
}

HOSTILE_PLUGIN("blocks-signals")
