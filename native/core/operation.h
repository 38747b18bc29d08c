/* What the host asks of an instance besides calls: its state, its configuration, its health, and the delivery of events. */
#ifndef LAO_CORE_OPERATION_H
#define LAO_CORE_OPERATION_H

#include <lao/value.h>

#include "error.h"
#include "flight.h"

enum { /* lao__operation_t.kind */
       LAO__SAVE_STATE = 1,
       LAO__LOAD_STATE = 2,
       LAO__CONFIGURE = 3,
       LAO__CHECK_HEALTH = 4,
       LAO__DELIVER_EVENT = 5
};

typedef struct lao__operation {
    uint32_t kind;
    uint32_t state_version; /* of the state: saved, or to be loaded */
    const char *callback; /* DELIVER_EVENT; NUL-terminated UTF-8, as is the next */
    const char *event;
    const void *data; /* LOAD_STATE: bytes; CONFIGURE: a JSON object; DELIVER_EVENT: a JSON document */
    uint64_t size; /* of the data, without the NUL that ends it in any case */
    lao_value_t state; /* SAVE_STATE: of kind binary on LAO_OK; released by the caller */
    const lao__flight_t *flight; /* set by the target */
} lao__operation_t;

/* The extension of the plugin that an operation needs, such as "lao.state/1"; NULL for an unknown kind. */
const char *lao__operation_extension(uint32_t kind);

#endif
