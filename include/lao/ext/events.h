/* lao.events/1, offered by both sides: named events with JSON data. */
#ifndef LAO_EXT_EVENTS_H
#define LAO_EXT_EVENTS_H

#include "../plugin.h"

#define LAO_EXT_EVENTS "lao.events/1"

typedef struct lao_events_host {
    uint32_t struct_size;
    uint32_t reserved;

    /* Emits an event that the manifest declares. `name` is NUL-terminated, `json` one JSON document. Queued and
     * delivered later; refused with LAO_PERMISSION_DENIED or LAO_INVALID_INPUT. [thread: any] */
    lao_status_t(LAO_CALL *emit)(const lao_host_t *host, const char *name, const char *json, uint64_t json_size);
} lao_events_host_t;

typedef struct lao_events_plugin {
    uint32_t struct_size;
    uint32_t reserved;

    /* Delivers one event to a subscribed callback of the instance. [thread: role] [state: created] */
    lao_status_t(LAO_CALL *on_event)(lao_instance_t *instance, const char *callback, const char *name, const char *json,
                                     uint64_t json_size, lao_error_t *error);
} lao_events_plugin_t;

#endif /* LAO_EXT_EVENTS_H */
