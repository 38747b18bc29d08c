#include "sandbox.h"

lao_status_t lao__sandbox_enter(const char *plan, uint64_t plan_size, char *report, uint32_t capacity,
                                uint32_t *report_size, lao__error_t *error) {
    (void)plan;
    (void)plan_size;
    (void)report;
    (void)capacity;
    (void)report_size;
    return lao__fail(error, LAO_PERMISSION_DENIED, "this build has no sandbox");
}
