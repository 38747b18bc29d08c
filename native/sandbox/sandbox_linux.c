#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "report.h"
#include "sandbox.h"

static lao_status_t take_steps(const lao__plan_t *plan, lao__reached_t *reached, lao__error_t *error) {
    static lao_status_t (*const steps[])(const lao__plan_t *, lao__reached_t *, lao__error_t *) = {
        lao__enter_namespaces, lao__set_limits,    lao__drop_privileges,
        lao__apply_landlock,   lao__apply_seccomp, lao__try_canaries,
    };
    size_t index;
    for (index = 0; index < sizeof steps / sizeof *steps; index++) {
        lao_status_t status = steps[index](plan, reached, error);
        if (status != LAO_OK) {
            return status;
        }
    }
    return LAO_OK;
}

/* What runtimes need before the plugin: their code is foreign too, and runs in the sandbox. */
static lao_status_t load_runtimes(const lao__plan_t *plan, lao__error_t *error) {
    uint32_t index;
    for (index = 0; index < plan->environment_count; index++) {
        char *name = strdup(plan->environment[index]);
        char *value = name != NULL ? strchr(name, '=') : NULL;
        bool set = false;
        if (value != NULL) {
            *value++ = '\0';
            set = setenv(name, value, 1) == 0;
        }
        free(name);
        if (!set) {
            return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
        }
    }
    for (index = 0; index < plan->preload_count; index++) {
        if (dlopen(plan->preloads[index], RTLD_NOW | RTLD_GLOBAL) == NULL) {
            return lao__fail(error, LAO_LOAD_FAILED, "a library that it needs cannot be loaded: %s", dlerror());
        }
    }
    return LAO_OK;
}

static int listener = -1;

int lao__sandbox_take_listener(void) {
    int taken = listener;
    listener = -1;
    return taken;
}

lao_status_t lao__sandbox_enter(const char *text, uint64_t text_size, char *report, uint32_t capacity,
                                uint32_t *report_size, lao__error_t *error) {
    static lao__plan_t plan; /* large, and used once */
    static lao__reached_t reached = {.listener = -1};
    lao__promise_t promises[LAO__PROMISES];
    lao_status_t status = lao__plan_parse(&plan, text, text_size, error);
    if (status == LAO_OK) {
        status = take_steps(&plan, &reached, error);
    }
    if (status == LAO_OK) {
        lao__judge(&plan, &reached, promises);
        status = lao__check_required(&plan, promises, error);
    }
    if (status == LAO_OK) {
        *report_size = lao__write_report(&plan, &reached, promises, report, capacity);
        status = *report_size > 0 ? LAO_OK : lao__fail(error, LAO_SYSTEM, "the sandbox's report is too long");
    }
    if (status == LAO_OK) {
        status = load_runtimes(&plan, error);
    }
    listener = reached.listener;
    lao__plan_deinit(&plan);
    return status;
}

uint32_t lao__sandbox_probe(char *report, uint32_t capacity) {
    int written =
        snprintf(report, capacity, "{\"landlock\": %d, \"seccomp\": %s, \"root\": %s}", lao__landlock_version(),
                 prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0 ? "true" : "false", geteuid() == 0 ? "true" : "false");
    return written > 0 && (uint32_t)written < capacity ? (uint32_t)written : 0;
}
