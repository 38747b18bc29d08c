/* Takes memory of the kind that the limit on data does not count: "anonymous", shared and anonymous; "zero", the same by
 * way of a device; "stack", memory that grows downwards. */
#include "hostile.h"

#include <fcntl.h>
#include <sys/mman.h>

#define BLOCK ((size_t)8 << 20)

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    int flags = input_is(request, "stack") ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN : MAP_SHARED | MAP_ANONYMOUS;
    int device = -1;
    long long taken_mib = 0;
    (void)error;
    if (input_is(request, "zero")) {
        device = open("/dev/zero", O_RDWR);
        flags = MAP_SHARED;
        if (tried("open", device) < 0) {
            report_number("mib", 0);
            return give_report(response);
        }
    }
    for (; taken_mib < 1024; taken_mib += BLOCK >> 20) {
        void *block = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, flags, device, 0);
        if (block == MAP_FAILED) {
            tried("mmap", -1);
            break;
        }
        fill(block, BLOCK);
    }
    report_number("mib", taken_mib);
    return give_report(response);
}

HOSTILE_PLUGIN("shared-memory-bomb")
