/* Goes out of its directory by `..`, in a path, from a descriptor, and by way of the working directory. */
#include "hostile.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    struct open_how how = {.flags = O_RDONLY};
    int directory = open(data_dir, O_RDONLY | O_DIRECTORY);
    int file = open(own_path("own.txt"), O_CREAT | O_RDWR, 0600);
    (void)request, (void)error;
    tried("own_directory", directory);
    tried("own_file", file);
    tried("path", open(own_path("../outside/secret.txt"), O_RDONLY));
    tried("roundabout", open(own_path("./../data/../outside/secret.txt"), O_RDONLY));
    tried("openat", openat(directory, "../outside/secret.txt", O_RDONLY));
    tried("openat2", syscall(SYS_openat2, directory, "../outside/secret.txt", &how, sizeof how));
    tried("create", openat(directory, "../new.txt", O_CREAT | O_WRONLY, 0600));
    tried("chdir", chdir(data_dir));
    tried("relative", open("../outside/secret.txt", O_RDONLY));
    tried("unlink", unlinkat(directory, "../outside/secret.txt", 0));
    tried("rmdir", unlinkat(directory, "../outside", AT_REMOVEDIR));
    tried("mkdir", mkdirat(directory, "../made", 0700));
    return give_report(response);
}

HOSTILE_PLUGIN("dot-dot")
