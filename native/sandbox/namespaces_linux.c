#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "steps.h"

static bool write_file(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    bool written = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text);
    if (file >= 0) {
        close(file);
    }
    return written;
}

/* In a user namespace the process stays who it is. */
static bool enter_user(void) {
    char map[64];
    unsigned user = (unsigned)geteuid();
    unsigned group = (unsigned)getegid();
    if (unshare(CLONE_NEWUSER) != 0) {
        return false;
    }
    (void)write_file("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "%u %u 1", group, group);
    if (!write_file("/proc/self/gid_map", map)) {
        return false;
    }
    snprintf(map, sizeof map, "%u %u 1", user, user);
    return write_file("/proc/self/uid_map", map);
}

/* A /tmp of its own, bounded in bytes and in files. */
static bool mount_scratch(const lao__plan_t *plan) {
    char options[128];
    snprintf(options, sizeof options, "size=%llu,nr_inodes=%llu,mode=0700", (unsigned long long)plan->scratch_bytes,
             (unsigned long long)(plan->scratch_bytes / 4096 + 64));
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) == 0;
}

lao_status_t lao__enter_namespaces(const lao__plan_t *plan, lao__reached_t *reached, lao__error_t *error) {
    static const struct {
        uint32_t bit;
        int flag;
    } kinds[] = {{LAO__PLAN_MOUNT, CLONE_NEWNS}, {LAO__PLAN_NET, CLONE_NEWNET}, {LAO__PLAN_IPC, CLONE_NEWIPC}};
    size_t index;
    (void)error;
    if ((plan->namespaces & LAO__PLAN_USER) != 0 && enter_user()) {
        reached->namespaces |= LAO__PLAN_USER;
    }
    for (index = 0; index < sizeof kinds / sizeof *kinds; index++) {
        if ((plan->namespaces & kinds[index].bit) != 0 && unshare(kinds[index].flag) == 0) {
            reached->namespaces |= kinds[index].bit;
        }
    }
    if (plan->scratch_bytes > 0 && (reached->namespaces & LAO__PLAN_MOUNT) != 0) {
        reached->scratch = mount_scratch(plan);
    }
    return LAO_OK;
}
