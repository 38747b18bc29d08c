/* An instance of a loaded module, and its backend: calls that run in this process. */
#ifndef LAO_CORE_INSTANCE_H
#define LAO_CORE_INSTANCE_H

#include "module.h"
#include "target.h"

typedef struct lao__instance_options {
    const char *config_json;  /* one JSON object; NULL = {} */
    const char *resource_dir; /* NULL = none */
    const char *data_dir;     /* NULL = none */
    int64_t timeout_ns;       /* of each call; LAO__NO_DEADLINE = none */
    uint64_t tenant;          /* by which the host's services know it, above 0 */
    uint32_t services;        /* LAO__SERVICE_* that it was granted */
    uint32_t max_threads;     /* of its own; 0 = no bound */
} lao__instance_options_t;

/* Creates an instance and makes it callable. The module's user count goes over to it. */
lao_status_t lao__instance_open(lao__module_t *module, const lao__instance_options_t *options, lao__target_t **target,
                                lao__error_t *error);

#endif
