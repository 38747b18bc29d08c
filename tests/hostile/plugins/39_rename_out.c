/* Moves and links files across the border of its directory, in both directions. */
#include "hostile.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>

#define EXCHANGE 2u /* RENAME_EXCHANGE */

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)error;
    tried("own_file", open(own_path("own.txt"), O_CREAT | O_RDWR, 0600));
    tried("rename_inside", rename(own_path("own.txt"), own_path("renamed.txt")));
    tried("rename_out", rename(own_path("renamed.txt"), outside_path(request, "moved.txt")));
    tried("rename_in", rename(outside_path(request, "secret.txt"), own_path("moved.txt")));
    tried("exchange", syscall(SYS_renameat2, AT_FDCWD, own_path("renamed.txt"), AT_FDCWD,
                              outside_path(request, "secret.txt"), EXCHANGE));
    tried("rename_itself", rename(data_dir, outside_path(request, "data")));
    tried("link_out", link(own_path("renamed.txt"), outside_path(request, "linked.txt")));
    tried("link_in", link(outside_path(request, "secret.txt"), own_path("linked.txt")));
    tried("linkat", linkat(AT_FDCWD, outside_path(request, "secret.txt"), AT_FDCWD, own_path("linked.txt"), 0));
    return give_report(response);
}

HOSTILE_PLUGIN("rename-out")
