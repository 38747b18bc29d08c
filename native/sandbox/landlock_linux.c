#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "steps.h"

/* The kernel's interface, by its published numbers: headers of older systems lack the newer ones. */
#define SYS_LANDLOCK_CREATE 444
#define SYS_LANDLOCK_ADD 445
#define SYS_LANDLOCK_RESTRICT 446
#define ASK_VERSION 1u
#define RULE_PATH 1

enum {
    FS_EXECUTE = 1u << 0,
    FS_WRITE_FILE = 1u << 1,
    FS_READ_FILE = 1u << 2,
    FS_READ_DIR = 1u << 3,
    FS_REMOVE_DIR = 1u << 4,
    FS_REMOVE_FILE = 1u << 5,
    FS_MAKE_CHAR = 1u << 6,
    FS_MAKE_DIR = 1u << 7,
    FS_MAKE_REG = 1u << 8,
    FS_MAKE_SOCK = 1u << 9,
    FS_MAKE_FIFO = 1u << 10,
    FS_MAKE_BLOCK = 1u << 11,
    FS_MAKE_SYM = 1u << 12,
    FS_REFER = 1u << 13,    /* version 2 */
    FS_TRUNCATE = 1u << 14, /* version 3 */
    FS_IOCTL_DEV = 1u << 15 /* version 5 */
};

#define FS_OF_FILES (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)
#define NET_ALL 3u   /* bind and connect over TCP; version 4 */
#define NO_LOG 1u    /* a plugin that is refused in a loop must not fill the system's log; version 7 */
#define SCOPE_ALL 3u /* abstract sockets and signals; version 6 */

typedef struct ruleset {
    uint64_t handled_fs;
    uint64_t handled_net;
    uint64_t scoped;
} ruleset_t;

typedef struct __attribute__((packed)) path_rule {
    uint64_t allowed;
    int32_t parent;
} path_rule_t;

int lao__landlock_version(void) {
    long version = syscall(SYS_LANDLOCK_CREATE, NULL, 0, ASK_VERSION);
    return version > 0 ? (int)version : 0;
}

static uint64_t handled_by(int version) {
    uint64_t all = (FS_IOCTL_DEV << 1) - 1;
    all &= version >= 2 ? all : ~(uint64_t)FS_REFER;
    all &= version >= 3 ? all : ~(uint64_t)FS_TRUNCATE;
    all &= version >= 5 ? all : ~(uint64_t)FS_IOCTL_DEV;
    return all;
}

static uint64_t allowed_by(uint32_t access) {
    uint64_t allowed = 0;
    if ((access & LAO__PLAN_READ) != 0) {
        allowed |= FS_READ_FILE | FS_READ_DIR;
    }
    if ((access & LAO__PLAN_LIST) != 0) {
        allowed |= FS_READ_DIR;
    }
    if ((access & LAO__PLAN_WRITE) != 0) {
        /* FS_REFER: between directories of which both are granted so; it opens no other. */
        allowed |= FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE | FS_TRUNCATE | FS_REMOVE_DIR | FS_REMOVE_FILE |
                   FS_MAKE_DIR | FS_MAKE_REG | FS_REFER;
    }
    if ((access & LAO__PLAN_DEVICE) != 0) {
        allowed |= FS_READ_FILE | FS_WRITE_FILE | FS_IOCTL_DEV;
    }
    if ((access & LAO__PLAN_EXECUTE) != 0) {
        allowed |= FS_READ_FILE | FS_READ_DIR | FS_EXECUTE;
    }
    return allowed;
}

/* Refuses links anywhere in the path: a directory that was granted may have been swapped for one. Only the kernel's own
 * /proc/self is one that is meant: this process, whose number the host did not know when it wrote the plan. */
static int open_root(const char *path) {
    static const char own[] = "/proc/self";
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    size_t size = sizeof own - 1;
    char numbered[128];
    if (strncmp(path, own, size) == 0 && (path[size] == '\0' || path[size] == '/')) {
        int written = snprintf(numbered, sizeof numbered, "/proc/%d%s", (int)getpid(), path + size);
        path = written > 0 && (size_t)written < sizeof numbered ? numbered : "";
    }
    return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

static lao_status_t add_path(int ruleset, const lao__plan_path_t *path, uint64_t handled, lao__error_t *error) {
    struct stat stat;
    path_rule_t rule = {.allowed = allowed_by(path->access) & handled, .parent = open_root(path->path)};
    long added;
    if (rule.parent < 0) {
        if (errno == ENOENT) {
            return LAO_OK; /* nothing there, nothing granted */
        }
        return lao__fail(error, LAO_PERMISSION_DENIED, "`%s` cannot be granted: %s", path->path,
                         errno == ELOOP ? "there is a symbolic link in it" : strerror(errno));
    }
    if (fstat(rule.parent, &stat) == 0 && !S_ISDIR(stat.st_mode)) {
        rule.allowed &= FS_OF_FILES;
    }
    added = rule.allowed == 0 ? 0 : syscall(SYS_LANDLOCK_ADD, ruleset, RULE_PATH, &rule, 0);
    close(rule.parent);
    return added == 0 ? LAO_OK
                      : lao__fail(error, LAO_SYSTEM, "the sandbox cannot grant `%s`: %s", path->path, strerror(errno));
}

lao_status_t lao__apply_landlock(const lao__plan_t *plan, lao__reached_t *reached, lao__error_t *error) {
    int offered = lao__landlock_version();
    int version = plan->landlock_most < (uint64_t)offered ? (int)plan->landlock_most : offered;
    ruleset_t rules = {.handled_fs = handled_by(version),
                       .handled_net = version >= 4 ? NET_ALL : 0,
                       .scoped = version >= 6 ? SCOPE_ALL : 0};
    size_t size = version >= 6 ? sizeof rules : version >= 4 ? 2 * sizeof rules.scoped : sizeof rules.scoped;
    lao_status_t status = LAO_OK;
    uint32_t index;
    int ruleset;
    if (version == 0) {
        return LAO_OK; /* the report says so, and whoever required it is refused */
    }
    ruleset = (int)syscall(SYS_LANDLOCK_CREATE, &rules, size, 0);
    if (ruleset < 0) {
        return lao__fail(error, LAO_SYSTEM, "the sandbox cannot restrict files: %s", strerror(errno));
    }
    for (index = 0; index < plan->path_count && status == LAO_OK; index++) {
        status = add_path(ruleset, &plan->paths[index], rules.handled_fs, error);
    }
    if (status == LAO_OK && reached->scratch) {
        static const lao__plan_path_t scratch = {LAO__PLAN_WRITE, "/tmp"}; /* its own by now */
        status = add_path(ruleset, &scratch, rules.handled_fs, error);
    }
    if (status == LAO_OK && syscall(SYS_LANDLOCK_RESTRICT, ruleset, version >= 7 ? NO_LOG : 0) != 0) {
        status = lao__fail(error, LAO_SYSTEM, "the sandbox cannot restrict files: %s", strerror(errno));
    }
    close(ruleset);
    reached->landlock = status == LAO_OK ? version : 0;
    return status;
}
