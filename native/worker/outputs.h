/* What the worker hands to the host: written into the response region, kept alive by leases. */
#ifndef LAO_WORKER_OUTPUTS_H
#define LAO_WORKER_OUTPUTS_H

#include "../core/services.h"
#include "../ipc/frame_writer.h"
#include "../ipc/wakeup.h"

/* Outputs are born and kept in this region, behind the frames of all lanes and their inline room. Once, at start. */
void lao__outputs_init(char *base, uint64_t size);

/* What the plugin's host table leads to in a worker. */
extern const lao__services_t lao__worker_services;

/* Writes a value into `response` and takes it over: what the host copies is released here at once, what it reads in
 * place when it gives the lease back. A value that does not fit is released as well. */
lao_status_t lao__outputs_write(lao__frame_writer_t *writer, lao_value_t *value, lao__frame_response_t *response,
                                lao__error_t *error);

/* The host is done with an output. Unknown leases are ignored. */
void lao__outputs_give_back(uint32_t lease);

#endif
