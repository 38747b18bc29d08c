/* Of those that may start programs: makes processes that are not its own children but its host's, which waits for none of
 * them: each would stay a zombie until there are no numbers left. */
#include "hostile.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

static long make_child_of_parent(unsigned long flags) {
    long child = syscall(SYS_clone, flags | CLONE_PARENT, 0, 0, 0, 0);
    if (child == 0) {
        _exit(0);
    }
    return child;
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)request, (void)error;
    tried("plain", make_child_of_parent(SIGCHLD));
    tried("silent", make_child_of_parent(0));
    tried("killing", make_child_of_parent(SIGKILL));
    return give_report(response);
}

HOSTILE_PLUGIN("child-of-the-host")
