/* lao.stream/1, offered by the host: a call that hands out its output, or takes its input, in parts. */
#ifndef LAO_EXT_STREAM_H
#define LAO_EXT_STREAM_H

#include "../plugin.h"

#define LAO_EXT_STREAM "lao.stream/1"

enum { /* what push and pull answer */
       LAO_STREAM_CONTINUE = 0,
       LAO_STREAM_WAIT = 1, /* only with LAO_STREAM_NO_WAIT: the consumer is behind; try again later */
       LAO_STREAM_STOP = 2, /* push: nobody wants more, return soon; pull: there is no more input */
       LAO_STREAM_ERROR = 3 /* the value is not valid, or this is not a streaming call */
};

enum { LAO_STREAM_NO_WAIT = 1u }; /* flags */

typedef struct lao_stream_host {
    uint32_t struct_size;
    uint32_t reserved;

    /* Hands one part to the consumer and waits while the consumer is behind. With CONTINUE and with STOP the part is the
     * host's (released as outputs are); with WAIT and with ERROR the plugin keeps it. What the call itself returns, if
     * anything, is the last part. [thread: call] */
    uint32_t(LAO_CALL *push)(lao_call_t *call, lao_value_t *part, uint32_t flags);

    /* Gets the next part of the input into `part` (a cleared struct with struct_size set). The plugin owns it from a
     * CONTINUE on and calls its release, once, when done; inputs may be released before the last output is made.
     * [thread: call] */
    uint32_t(LAO_CALL *pull)(lao_call_t *call, lao_value_t *part, uint32_t flags);
} lao_stream_host_t;

#endif /* LAO_EXT_STREAM_H */
