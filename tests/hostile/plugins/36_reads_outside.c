/* Reads what it was not given: beside its directory, the system's, the user's, by name and by listing. */
#include "hostile.h"

#include <dirent.h>
#include <fcntl.h>

static void try_list(const char *what, const char *path) { tried(what, opendir(path) != NULL ? 0 : -1); }

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)error;
    tried("secret", open(outside_path(request, "secret.txt"), O_RDONLY));
    tried("write", open(outside_path(request, "secret.txt"), O_WRONLY));
    tried("create", open(outside_path(request, "new.txt"), O_CREAT | O_WRONLY, 0600));
    tried("path_only", open(outside_path(request, "secret.txt"), O_PATH));
    try_list("list", input_text(request));
    tried("passwd", open("/etc/passwd", O_RDONLY));
    tried("hosts", open("/etc/hosts", O_RDONLY));
    try_list("list_root", "/");
    try_list("list_etc", "/etc");
    try_list("list_home", "/root");
    try_list("list_tmp", "/tmp");
    try_list("list_proc", "/proc");
    return give_report(response);
}

HOSTILE_PLUGIN("reads-outside")
