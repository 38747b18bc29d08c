/* Changes all that belongs to a process and not to a call, and leaves it so. */
#include "hostile.h"

#include <locale.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    struct rlimit few = {32, 32};
    sigset_t all;
    (void)request, (void)error;
    report_number("locale", setlocale(LC_ALL, "C") != NULL);
    report_number("directory", chdir("/usr/lib") == 0 || chdir("/") == 0);
    umask(0777);
#if defined(__x86_64__)
    _mm_setcsr(_mm_getcsr() | 0x8040 | 0x4000); /* denormals are zero, and all is rounded up */
#endif
    sigfillset(&all);
    report_number("mask", sigprocmask(SIG_SETMASK, &all, NULL) == 0);
    for (int number = 1; number < 32; number++) {
        signal(number, SIG_IGN);
    }
    report_number("environment", setenv("HOSTILE_STATE", "1", 1) == 0);
    report_number("limit", setrlimit(RLIMIT_NOFILE, &few) == 0);
    close(0);
    return give_report(response);
}

HOSTILE_PLUGIN("process-state")
