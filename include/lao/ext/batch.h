/* lao.batch/1, offered by the plugin: several requests of one capability in one call. */
#ifndef LAO_EXT_BATCH_H
#define LAO_EXT_BATCH_H

#include "../plugin.h"

#define LAO_EXT_BATCH "lao.batch/1"

typedef struct lao_batch_plugin {
    uint32_t struct_size;
    uint32_t reserved;

    /* Runs `count` requests (at most the capability's max_batch), all with the same parameters. Element i succeeds or
     * fails by itself: its status goes to statuses[i], its outputs to *responses[i], its error to *errors[i].
     * [thread: role] [state: created] */
    void(LAO_CALL *call_batch)(lao_instance_t *instance, uint32_t count, const lao_request_t *const *requests,
                               lao_response_t *const *responses, lao_error_t *const *errors, lao_status_t *statuses);
} lao_batch_plugin_t;

#endif /* LAO_EXT_BATCH_H */
