#ifndef LAO_SANDBOX_SANDBOX_H
#define LAO_SANDBOX_SANDBOX_H
#include "../core/error.h"
lao_status_t lao__sandbox_enter(const char *plan, uint64_t plan_size, char *report, uint32_t capacity,
                                uint32_t *report_size, lao__error_t *error);
#endif
