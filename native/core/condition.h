/* Waiting on a condition until a moment of lao__now_ns. One file per platform: not all can wait on that clock. */
#ifndef LAO_CORE_CONDITION_H
#define LAO_CORE_CONDITION_H

#include <pthread.h>
#include <stdint.h>

/* Afterwards pthread_cond_destroy ends it. */
void lao__condition_init(pthread_cond_t *condition);

/* As pthread_cond_wait, but returns at `until_ns` at the latest; also earlier, without a reason. The caller holds `lock`. */
void lao__condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_ns);

#endif
