/* Waiting for a plugin's lock without missing the deadline or a cancel. One file per platform. */
#ifndef LAO_CORE_LOCK_H
#define LAO_CORE_LOCK_H

#include <pthread.h>

#include "flight.h"

/* LAO_OK with the lock held, LAO_CANCELLED or LAO_TIMED_OUT without it. */
uint32_t lao__lock_for_call(pthread_mutex_t *lock, const lao__flight_t *flight);

#endif
