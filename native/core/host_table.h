/* The host table that a plugin gets (lao/host.h). */
#ifndef LAO_CORE_HOST_TABLE_H
#define LAO_CORE_HOST_TABLE_H

#include <lao/host.h>

struct lao__tenant;

#ifndef LAO_VERSION
#define LAO_VERSION "0.0.0"
#endif

/* Fills the table of one tenant. */
void lao__host_table_init(lao_host_t *host, struct lao__tenant *tenant);

#endif
