#include "probe.h"

#include <stdio.h>

#include "../sandbox/sandbox.h"

#define PLAN_BYTES 65536u
#define REPORT_BYTES 16384u

int lao__probe(void) {
    static char plan[PLAN_BYTES];
    static char report[REPORT_BYTES];
    static lao__error_t error;
    uint32_t report_size = 0;
    size_t size = fread(plan, 1, sizeof plan, stdin);
    if (size == sizeof plan) {
        fprintf(stderr, "the plan is too long\n");
        return 1;
    }
    if (lao__sandbox_enter(plan, size, report, sizeof report, &report_size, &error) != LAO_OK) {
        fprintf(stderr, "%.*s\n", (int)error.size, error.text);
        return 1;
    }
    printf("%.*s\n", (int)report_size, report);
    return 0;
}
