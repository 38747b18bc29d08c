/* Makes itself a world of its own, in which it would be root. */
#include "hostile.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)request, (void)error;
    tried("unshare_user", unshare(CLONE_NEWUSER));
    tried("unshare_mount", unshare(CLONE_NEWNS));
    tried("unshare_files", unshare(CLONE_FILES));
    tried("setns", setns(3, 0));
    tried("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
    tried("umount", umount2("/proc", MNT_DETACH));
    tried("chroot", chroot("/usr/lib"));
    tried("pivot_root", syscall(SYS_pivot_root, ".", "."));
    tried("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1));
    tried("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
    tried("move_mount", syscall(SYS_move_mount, AT_FDCWD, "/usr/lib", AT_FDCWD, "/tmp", 0));
    tried("open_by_handle", syscall(SYS_open_by_handle_at, AT_FDCWD, "", O_RDONLY));
    return give_report(response);
}

HOSTILE_PLUGIN("namespaces")
