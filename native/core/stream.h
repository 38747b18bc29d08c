/* A streaming call seen from its consumer: the call runs on a thread of its own and its parts wait in a bounded queue,
 * so that a plugin that is faster than its consumer waits for it. */
#ifndef LAO_CORE_STREAM_H
#define LAO_CORE_STREAM_H

#include "target.h"

#define LAO__STREAM_QUEUE 4u /* parts that wait */

#define LAO__STREAM_IDLE UINT32_MAX

typedef struct lao__stream lao__stream_t;

/* Starts the call. `call`, its inputs and parameters must live until destroy. */
lao_status_t lao__stream_open(lao__target_t *target, lao_call_t *call, lao__stream_t **stream, lao__error_t *error);

/* Waits for the next part. LAO_OK with `*part` filled (kind LAO_KIND_NONE: the stream has ended), or the call's failure.
 * LAO__STREAM_IDLE when nothing came for `idle_ns`. Consumer's thread. */
lao_status_t lao__stream_next(lao__stream_t *stream, int64_t idle_ns, lao_value_t *part, lao__error_t *error);

/* Stops the call, waits for its end, releases what nobody took. */
void lao__stream_destroy(lao__stream_t *stream);

#endif
