/* The report of a sandbox: how far each promise is kept, and why. */
#ifndef LAO_SANDBOX_REPORT_H
#define LAO_SANDBOX_REPORT_H

#include "steps.h"

typedef struct lao__promise {
    const char *level; /* kernel, host, soft, none */
    const char *why;
} lao__promise_t;

/* What the reached steps mean for P1..P12. Pure. */
void lao__judge(const lao__plan_t *plan, const lao__reached_t *reached, lao__promise_t promises[LAO__PROMISES]);

/* LAO_PERMISSION_DENIED when a promise that the plan requires is not kept. */
lao_status_t lao__check_required(const lao__plan_t *plan, const lao__promise_t promises[LAO__PROMISES],
                                 lao__error_t *error);

/* Writes JSON; returns the bytes, cut at `capacity`. */
uint32_t lao__write_report(const lao__plan_t *plan, const lao__reached_t *reached,
                           const lao__promise_t promises[LAO__PROMISES], char *report, uint32_t capacity);

#endif
