/* Empties a file outside of its directory. */
#include "hostile.h"

#include <fcntl.h>
#include <sys/stat.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    const char *secret = outside_path(request, "secret.txt");
    int file;
    (void)error;
    tried("truncate", truncate(secret, 0));
    tried("open_trunc", open(secret, O_WRONLY | O_TRUNC));
    tried("open_read_trunc", open(secret, O_RDONLY | O_TRUNC));
    tried("creat", creat(secret, 0600));
    file = open(own_path("own.txt"), O_CREAT | O_RDWR, 0600);
    tried("own_file", ftruncate(file, 10));
    tried("own_path", truncate(own_path("own.txt"), 5));
    return give_report(response);
}

HOSTILE_PLUGIN("truncates")
