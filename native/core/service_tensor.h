/* Arrays that go to the host's services and come back: the elements in C order, and what they are beside them. */
#ifndef LAO_CORE_SERVICE_TENSOR_H
#define LAO_CORE_SERVICE_TENSOR_H

#include <lao/value.h>

#include "services.h"
#include "text_buffer.h"

/* Describes a tensor of the host's memory in the question's header and makes a body of its elements: `body` borrows them
 * where they lie in C order, else `*copy` owns them (free). */
lao_status_t lao__service_put_tensor(const lao_value_t *value, lao__text_buffer_t *header, lao_value_t *body,
                                     void **copy, lao_error_t *error);

/* Makes a value of a reply whose header describes a tensor (struct lao__service_tensor, then its shape as int64); takes
 * the reply's memory over on success. */
lao_status_t lao__service_give_tensor(lao__service_reply_t *reply, lao_value_t *value, lao_error_t *error);

/* The head of such a header. */
typedef struct lao__service_tensor {
    uint8_t code;
    uint8_t bits;
    uint8_t reserved[2];
    int32_t rank;
    uint32_t sample_rate_hz;
    uint32_t color_space;
    uint32_t channel_order;
} lao__service_tensor_t;

#endif
