/* Has the system's loader run a program that it wrote itself. */
#include "hostile.h"

#include <fcntl.h>
#include <sys/stat.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    static const char *const loaders[] = {"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"};
    char *const arguments[] = {(char *)(uintptr_t)"ld.so", (char *)(uintptr_t)own_path("program"), NULL};
    int file = open(own_path("program"), O_CREAT | O_WRONLY, 0700);
    (void)request, (void)error;
    tried("own_file", file);
    if (file >= 0 && write(file, "\177ELF", 4) != 4) {
        report_string("write", "failed");
    }
    close(file);
    tried("x86_64", execve(loaders[0], arguments, arguments + 2));
    tried("aarch64", execve(loaders[1], arguments, arguments + 2));
    tried("program", execve(own_path("program"), arguments, arguments + 2));
    tried("sh", execve("/bin/sh", arguments, arguments + 2));
    tried("set_id", chmod(own_path("program"), 04755));
    return give_report(response);
}

HOSTILE_PLUGIN("runs-the-loader")
