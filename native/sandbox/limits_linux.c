#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "steps.h"

#define LOCKED_BYTES 65536u
#define STACK_BYTES (UINT64_C(64) << 20)
#define SPARE_ADDRESSES (UINT64_C(64) << 30)
#define OWN_THREADS 10u /* of the worker itself: one for each call, one that watches the host */

static lao_status_t failed(const char *what, lao__error_t *error) {
    return lao__fail(error, LAO_SYSTEM, "the sandbox cannot %s: %s", what, strerror(errno));
}

static bool bound(int resource, uint64_t value) {
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0) {
        return false;
    }
    if (value < limit.rlim_max) {
        limit.rlim_max = value;
    }
    if (value < limit.rlim_cur || limit.rlim_cur > limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max < value ? limit.rlim_max : value;
    }
    return setrlimit(resource, &limit) == 0;
}

/* Address space that is in use: the regions shared with the host are far larger than what is ever touched. */
static uint64_t addresses_in_use(void) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fscanf(file, "%lu", &pages) != 1) {
            pages = 0;
        }
        fclose(file);
    }
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* RLIMIT_DATA counts neither the stack nor page tables: memory that is only read costs a page of tables for each 2 MiB of
 * addresses, so that those are bounded too, generously. */
static bool bound_memory(uint64_t bytes) {
    uint64_t used = addresses_in_use();
    return bound(RLIMIT_DATA, bytes) && used != 0 && bound(RLIMIT_AS, used + bytes + SPARE_ADDRESSES);
}

lao_status_t lao__set_limits(const lao__plan_t *plan, lao__reached_t *reached, lao__error_t *error) {
    bool own_count = (reached->namespaces & LAO__PLAN_USER) != 0 && geteuid() != 0;
    if (!bound(RLIMIT_CORE, 0) || !bound(RLIMIT_MEMLOCK, LOCKED_BYTES) || !bound(RLIMIT_MSGQUEUE, 0) ||
        !bound(RLIMIT_RTPRIO, 0) || !bound(RLIMIT_STACK, STACK_BYTES)) {
        return failed("set its limits", error);
    }
    if (plan->file_bytes > 0) {
        (void)signal(SIGXFSZ, SIG_IGN); /* a file that is too large is an error of the write, not the plugin's end */
        if (!bound(RLIMIT_FSIZE, plan->file_bytes)) {
            return failed("bound the size of files", error);
        }
    }
    if (plan->descriptors > 0 && !bound(RLIMIT_NOFILE, plan->descriptors)) {
        return failed("bound the descriptors", error);
    }
    /* Drivers of GPUs map far more than they use. */
    if (plan->memory_bytes > 0 && !plan->cgroup_memory && (plan->tiers & (LAO__PLAN_CUDA | LAO__PLAN_GPU)) == 0) {
        if (!bound_memory(plan->memory_bytes)) {
            return failed("bound the memory", error);
        }
        reached->data_limit = true;
    }
    /* Elsewhere this limit counts all processes of the user, and root is exempt from it. */
    if (plan->threads > 0 && own_count) {
        if (!bound(RLIMIT_NPROC, plan->threads + OWN_THREADS)) {
            return failed("bound the threads", error);
        }
        reached->thread_limit = true;
    }
    return LAO_OK;
}

static void drop_bounding_set(void) {
    int capability;
    for (capability = 0; capability < 64; capability++) {
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) {
            break; /* the kernel knows no more of them, or this user may not and can gain none */
        }
    }
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    (void)prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                       SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED);
}

lao_status_t lao__drop_privileges(const lao__plan_t *plan, lao__reached_t *reached, lao__error_t *error) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct none[2];
    memset(none, 0, sizeof none);
    if (chdir(plan->working_directory != NULL ? plan->working_directory : "/") != 0) {
        return failed("enter its working directory", error);
    }
    drop_bounding_set();
    if (syscall(SYS_capset, &header, none) != 0) {
        return failed("drop its capabilities", error);
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return failed("give up new privileges", error);
    }
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
        return failed("be ended with its host", error);
    }
    if (plan->parent != 0 && getppid() != (pid_t)plan->parent) {
        return lao__fail(error, LAO_SYSTEM, "the host was gone before the worker was confined");
    }
    reached->parent_death = true;
    return LAO_OK;
}
