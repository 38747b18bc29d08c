/* Takes memory by huge pages: "pool", reserved ones; "transparent", where one byte that it writes takes two mebibytes. */
#include "hostile.h"

#include <sys/mman.h>

#define HUGE ((size_t)2 << 20)

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    bool pool = input_is(request, "pool");
    long long taken_mib = 0;
    for (; taken_mib < 1024; taken_mib += 2) {
        int flags = MAP_PRIVATE | MAP_ANONYMOUS | (pool ? MAP_HUGETLB : 0);
        char *block = (char *)mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, flags, -1, 0);
        if (block == MAP_FAILED && pool) {
            tried("mmap", -1);
            break;
        }
        if (block == MAP_FAILED) {
            return lao_failf(error, LAO_OUT_OF_MEMORY, "no more after %lld MiB", taken_mib);
        }
        if (!pool) {
            char *aligned = (char *)(((uintptr_t)block + HUGE - 1) & ~(uintptr_t)(HUGE - 1));
            madvise(aligned, HUGE, MADV_HUGEPAGE);
            *aligned = 1;
        }
    }
    report_number("mib", taken_mib);
    return give_report(response);
}

HOSTILE_PLUGIN("huge-pages")
