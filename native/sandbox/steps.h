/* The steps of the sandbox on Linux, in the order in which they are taken. Each fails with LAO_SYSTEM and says why. */
#ifndef LAO_SANDBOX_STEPS_H
#define LAO_SANDBOX_STEPS_H

#include "plan.h"

/* What the steps reached; the report is made of it. */
typedef struct lao__reached {
    int landlock;        /* ABI version that was applied; 0: none */
    bool seccomp;
    int listener;        /* where the host takes requests to connect; -1: there are none */
    uint32_t namespaces; /* LAO__PLAN_* that were entered */
    bool scratch;        /* /tmp is private and bounded */
    bool data_limit;     /* RLIMIT_DATA bounds memory */
    bool thread_limit;   /* RLIMIT_NPROC bounds this process alone */
    bool parent_death;   /* the kernel ends this process with the host */
    char canaries[2048]; /* what was tried, and the answers: JSON strings with commas between them */
} lao__reached_t;

lao_status_t lao__enter_namespaces(const lao__plan_t *plan, lao__reached_t *reached, lao__error_t *error);
lao_status_t lao__set_limits(const lao__plan_t *plan, lao__reached_t *reached, lao__error_t *error);
lao_status_t lao__drop_privileges(const lao__plan_t *plan, lao__reached_t *reached, lao__error_t *error);
lao_status_t lao__apply_landlock(const lao__plan_t *plan, lao__reached_t *reached, lao__error_t *error);
lao_status_t lao__apply_seccomp(const lao__plan_t *plan, lao__reached_t *reached, lao__error_t *error);
lao_status_t lao__try_canaries(const lao__plan_t *plan, lao__reached_t *reached, lao__error_t *error);

/* The ABI version of this kernel's Landlock; 0: it has none. */
int lao__landlock_version(void);

#endif
