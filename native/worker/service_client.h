/* The worker's side of the host's services: questions of all its threads over one socket. */
#ifndef LAO_WORKER_SERVICE_CLIENT_H
#define LAO_WORKER_SERVICE_CLIENT_H

#include "../core/services.h"

/* Puts a question and waits for the answer, unless it is one-way. Any thread. */
void lao__service_client_ask(const lao__service_request_t *request, lao__service_reply_t *reply);

/* For tests: the socket to use in place of LAO__WORKER_SERVICES; before the first question. */
void lao__service_client_use(int socket);

#endif
