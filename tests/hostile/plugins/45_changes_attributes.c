/* Changes what is said of a file outside: mode, owner, times and extended attributes, none of which opens it. */
#include "hostile.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <utime.h>

#define SYS_FCHMODAT2 452
#define SYS_FILE_SETATTR 469

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    const char *secret = outside_path(request, "secret.txt");
    int handle = open(secret, O_PATH); /* opens nothing, names it */
    char by_handle[64];
    (void)error;
    snprintf(by_handle, sizeof by_handle, "/proc/self/fd/%d", handle);
    tried("chmod", chmod(secret, 0777));
    tried("fchmodat", fchmodat(AT_FDCWD, secret, 0777, 0));
    tried("fchmodat2", syscall(SYS_FCHMODAT2, AT_FDCWD, secret, 0777, 0));
    tried("chmod_handle", chmod(by_handle, 0777));
    tried("chown", chown(secret, 0, 0));
    tried("lchown", lchown(secret, 0, 0));
    tried("fchownat", fchownat(handle, "", 0, 0, AT_EMPTY_PATH));
    tried("utime", utime(secret, NULL));
    tried("utimes", utimes(secret, NULL));
    tried("utimensat", utimensat(AT_FDCWD, secret, NULL, 0));
    tried("setxattr", setxattr(secret, "user.hostile", "x", 1, 0));
    tried("removexattr", removexattr(secret, "user.hostile"));
    tried("file_setattr", syscall(SYS_FILE_SETATTR, AT_FDCWD, secret, NULL, 0, 0));
    return give_report(response);
}

HOSTILE_PLUGIN("changes-attributes")
