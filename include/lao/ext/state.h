/* lao.state/1, offered by the plugin: hands its state over to a new instance on hot reload. */
#ifndef LAO_EXT_STATE_H
#define LAO_EXT_STATE_H

#include "../plugin.h"

#define LAO_EXT_STATE "lao.state/1"

typedef struct lao_state_plugin {
    uint32_t struct_size;
    uint32_t state_version; /* of what save writes */

    /* Writes the state as bytes into `state` (cleared, struct_size set; released as an output).
     * [thread: any, no call running] [state: created] */
    lao_status_t(LAO_CALL *save)(lao_instance_t *instance, lao_value_t *state, lao_error_t *error);

    /* Takes over what save of `state_version` wrote. Bytes of another version or from a broken save are answered with
     * LAO_INVALID_INPUT, and the instance stays as created. [thread: any, no call running] [state: created] */
    lao_status_t(LAO_CALL *load)(lao_instance_t *instance, const void *data, uint64_t size, uint32_t state_version,
                                 lao_error_t *error);
} lao_state_plugin_t;

#endif /* LAO_EXT_STATE_H */
