/* Locks memory, which the system then cannot take back. */
#include "hostile.h"

#include <sys/mman.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    size_t size = (size_t)32 << 20;
    void *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)request, (void)error;
    tried("mlock", mlock(block, size));
    tried("mlock2", mlock2(block, size, MLOCK_ONFAULT));
    tried("mlockall", mlockall(MCL_CURRENT | MCL_FUTURE));
    tried("MAP_LOCKED",
          mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) == MAP_FAILED ? -1
                                                                                                                  : 0);
    return give_report(response);
}

HOSTILE_PLUGIN("locked-memory")
