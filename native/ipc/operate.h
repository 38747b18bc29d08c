/* Operations on an instance that lives in a worker. */
#ifndef LAO_IPC_OPERATE_H
#define LAO_IPC_OPERATE_H

#include "../core/operation.h"
#include "workers.h"

/* In the worker with index `worker`, or in any (LAO__ANY_WORKER); it is started where it does not run. */
lao_status_t lao__operate(lao__workers_t *workers, uint32_t worker, lao__operation_t *operation, lao__error_t *error);

#endif
