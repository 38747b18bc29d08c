/* Opens its own descriptors a second time, by way of /proc, with more rights than they have. The input is the path of a
 * file that it may read. */
#include "hostile.h"

#include <fcntl.h>
#include <sys/mman.h>

enum { CONTROL = 3, SIGNALS, REQUESTS, RESPONSES, SERVICES };

static int open_again(const char *folder, int descriptor) {
    char path[64];
    snprintf(path, sizeof path, "%s/%d", folder, descriptor);
    return open(path, O_RDWR);
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    int requests = open_again("/proc/self/fd", REQUESTS), library = open(input_text(request), O_RDONLY);
    (void)error;
    tried("control", open_again("/proc/self/fd", CONTROL));
    tried("services", open_again("/proc/self/fd", SERVICES));
    tried("requests_write", pwrite(requests, "x", 1, 0));
    tried("requests_map", mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, requests, 0) == MAP_FAILED ? -1 : 0);
    tried("requests_truncate", ftruncate(requests, 0));
    tried("requests_seal", fcntl(requests, F_ADD_SEALS, F_SEAL_WRITE));
    tried("signals_truncate", ftruncate(open_again("/proc/self/fd", SIGNALS), 0));
    tried("responses_truncate", ftruncate(open_again("/proc/self/fd", RESPONSES), 0));
    tried("library_read", library);
    tried("library_write", open_again("/proc/self/fd", library));
    tried("library_write_dev", open_again("/dev/fd", library));
    return give_report(response);
}

HOSTILE_PLUGIN("reopens-descriptors")
