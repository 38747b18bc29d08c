/* The parts of an input on their way to a call: somebody puts them in, the call takes them out. A producer that is faster than
 * the plugin waits for it. */
#ifndef LAO_CORE_FEED_H
#define LAO_CORE_FEED_H

#include "call.h"

#define LAO__FEED_QUEUE 4u /* parts that wait */

typedef struct lao__feed lao__feed_t;

/* NULL without memory. */
lao__feed_t *lao__feed_create(void);

/* What a call that takes its input in parts gets. */
lao__source_t *lao__feed_source(lao__feed_t *feed);

/* Takes the part over and waits while the queue is full. False when the call wants no more: the part is released. */
bool lao__feed_put(lao__feed_t *feed, lao_value_t *part);

/* No part follows; with `broken`, since the producer failed. */
void lao__feed_end(lao__feed_t *feed, bool broken);

/* Whether the call was told that the producer failed. */
bool lao__feed_told(lao__feed_t *feed);

/* The call is over: nobody takes a part any more. */
void lao__feed_stop(lao__feed_t *feed);

/* Frees it with what is in it. No call has it, and nobody is in `put`. */
void lao__feed_destroy(lao__feed_t *feed);

#endif
