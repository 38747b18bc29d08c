/* Connections that a confined worker was granted: the kernel stops its connect(), the host makes the connection in its
 * place and puts it where the worker's socket was. The worker itself can reach nobody: not by other calls than connect,
 * and not by changing the address after it was looked at, since the host copies it first. */
#ifndef LAO_IPC_CONNECTOR_H
#define LAO_IPC_CONNECTOR_H

#include <stdbool.h>

#include "../core/error.h"

/* True when the sandbox's plan grants connections. */
bool lao__connector_is_wanted(const char *plan);

/* Takes the worker's requests to connect, which arrive at the descriptor that the worker sends over `control`, on a
 * thread that ends with the worker. `plan` names the addresses, each in a line `connect HOST:PORT`: addresses of this
 * machine only. */
lao_status_t lao__connector_start(int control, const char *plan, lao__error_t *error);

#endif
