/* Ends every other thread of its worker, whatever that was there for, and hangs. */
#include "hostile.h"

#include <signal.h>
#include <sys/syscall.h>

static void end_thread(int number) {
    (void)number;
    syscall(SYS_exit, 0); /* this thread alone */
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    pid_t process = getpid(), self = (pid_t)syscall(SYS_gettid);
    (void)request, (void)error;
    signal(SIGUSR1, end_thread);
    for (pid_t thread = process; thread < process + 512; thread++) { /* /proc may be closed: guess */
        if (thread != self) {
            syscall(SYS_tgkill, process, thread, SIGUSR1);
        }
    }
    sleep_ms(60000);
    return give_report(response);
}

HOSTILE_PLUGIN("kills-its-watchdog")
