/* lao.lifecycle/1, offered by the plugin: changes of its configuration while it lives, and its health. */
#ifndef LAO_EXT_LIFECYCLE_H
#define LAO_EXT_LIFECYCLE_H

#include "../plugin.h"

#define LAO_EXT_LIFECYCLE "lao.lifecycle/1"

typedef struct lao_lifecycle_plugin {
    uint32_t struct_size;
    uint32_t reserved;

    /* Replaces the configuration; on failure the old one stays in force. [thread: role] [state: created] */
    lao_status_t(LAO_CALL *configure)(lao_instance_t *instance, const lao_config_t *config, lao_error_t *error);

    /* LAO_OK while the instance can serve. Returns within a second. [thread: role] [state: created] */
    lao_status_t(LAO_CALL *health)(lao_instance_t *instance, lao_error_t *error);
} lao_lifecycle_plugin_t;

#endif /* LAO_EXT_LIFECYCLE_H */
