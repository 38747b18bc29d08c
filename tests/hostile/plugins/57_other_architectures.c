/* Calls the kernel as another architecture does, where each number means another call: "int80", 32-bit programs; "x32",
 * those of 64 bits with small pointers. */
#include "hostile.h"

#include <sys/syscall.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)error;
#if defined(__x86_64__)
    if (input_is(request, "int80")) {
        long answer = 20; /* getpid */
        __asm__ volatile("int $0x80" : "+a"(answer) : : "memory", "r8", "r9", "r10", "r11");
        report_number("answer", answer);
    } else {
        report_number("answer", syscall(0x40000000 | SYS_getpid));
    }
#else
    (void)request;
    report_string("skipped", "this architecture has no other calls");
#endif
    return give_report(response);
}

HOSTILE_PLUGIN("other-architectures")
