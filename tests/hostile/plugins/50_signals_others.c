/* Sends signals to the host, to the sibling's worker, to its group and to everybody. The input is the sibling's process. */
#include "hostile.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    pid_t host = getppid(), sibling = (pid_t)atoi(input_text(request));
    siginfo_t info = {.si_code = SI_QUEUE};
    int output = 1;
    (void)error;
    tried("host", kill(host, SIGKILL));
    tried("host_probe", kill(host, 0));
    tried("host_thread", syscall(SYS_tgkill, host, host, SIGKILL));
    tried("host_tkill", syscall(SYS_tkill, host, SIGKILL));
    tried("host_queue", syscall(SYS_rt_sigqueueinfo, host, SIGKILL, &info));
    tried("host_thread_queue", syscall(SYS_rt_tgsigqueueinfo, host, host, SIGKILL, &info));
    tried("sibling", kill(sibling, SIGKILL));
    tried("first", kill(1, SIGTERM));
    tried("everybody", kill(-1, SIGKILL));
    tried("group", kill(0, SIGKILL));
    tried("other_group", kill(-host, SIGKILL));
    tried("pidfd_open", syscall(SYS_pidfd_open, host, 0));
    tried("pidfd_send_signal", syscall(SYS_pidfd_send_signal, 3, SIGKILL, NULL, 0));
    tried("owner", fcntl(output, F_SETOWN, host)); /* has the kernel send them */
    tried("signal_of_owner", fcntl(output, F_SETSIG, SIGKILL));
    return give_report(response);
}

HOSTILE_PLUGIN("signals-others")
