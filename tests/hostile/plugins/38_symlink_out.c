/* Makes links out of its directory, and goes through those that lie there already. */
#include "hostile.h"

#include <fcntl.h>
#include <sys/stat.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    int directory = open(data_dir, O_RDONLY | O_DIRECTORY);
    (void)error;
    tried("symlink", symlink(input_text(request), own_path("link")));
    tried("symlinkat", symlinkat(input_text(request), directory, "link"));
    tried("read", open(own_path("planted/secret.txt"), O_RDONLY));
    tried("write", open(own_path("planted/secret.txt"), O_WRONLY));
    tried("create", open(own_path("planted/new.txt"), O_CREAT | O_WRONLY, 0600));
    tried("openat", openat(directory, "planted/secret.txt", O_RDONLY));
    tried("dangling", open(own_path("dangling"), O_CREAT | O_WRONLY, 0600));
    return give_report(response);
}

HOSTILE_PLUGIN("symlink-out")
