/* The host's side of the extensions that are services (lao/ext/services.h, lao/ext/events.h). */
#ifndef LAO_CORE_SERVICE_TABLES_H
#define LAO_CORE_SERVICE_TABLES_H

#include <lao/ext/services.h>

#include "call.h"
#include "services.h"
#include "tenant.h"
#include "text_buffer.h"

/* The table of a service, or NULL for one that is unknown or was not granted. */
const void *lao__service_table(const char *id, uint32_t granted);

/* --- For the tables' own functions --- */

/* Puts a question; `header` (taken over) is one JSON object. On any status but LAO_OK `error` (may be NULL) has the
 * reason and the reply nothing; otherwise the reply's memory and descriptor are the caller's. */
lao_status_t lao__service_ask(const lao__tenant_t *tenant, uint32_t service, lao__text_buffer_t *header,
                              const lao_value_t *body, lao__service_reply_t *reply, lao_error_t *error);

/* The same without waiting for an answer. */
void lao__service_tell(const lao__tenant_t *tenant, uint32_t service, lao__text_buffer_t *header);

/* Makes a value of the reply's body, which takes the memory over. The value was cleared before. */
void lao__service_give_body(lao__service_reply_t *reply, lao_value_t *value);

/* Makes a JSON value of the reply's header, as a copy. */
lao_status_t lao__service_give_header(const lao__service_reply_t *reply, lao_value_t *value, lao_error_t *error);

/* Clears a value that a plugin wants filled, but for its size; false when it is too small for that. */
bool lao__service_clear_value(lao_value_t *value);

/* Text that a plugin hands over: NUL-terminated UTF-8 of at most `limit` bytes. */
lao_status_t lao__service_check_text(const char *text, size_t limit, const char *what, lao_error_t *error);

extern const lao_http_host_t lao__service_http;
extern const lao_commands_host_t lao__service_commands;
extern const lao_calls_host_t lao__service_calls;

#endif
