/* Who speaks to the host: each instance has a host table of its own, and the library's entry has one besides.
 *
 * A plugin may use a host table until the process ends, long after its instance is gone: tables are never freed, but
 * those of ended instances serve the next instances of the same library. */
#ifndef LAO_CORE_TENANT_H
#define LAO_CORE_TENANT_H

#include <lao/host.h>
#include <stdatomic.h>
#include <stdbool.h>

struct lao__module;

typedef struct lao__tenant {
    lao_host_t host; /* its context is this tenant */
    struct lao__module *module;
    bool is_entry;           /* the table that lao_plugin_entry got: speaks for the newest instance */
    _Atomic uint64_t id;      /* by which the host knows the instance; 0: there is none */
    _Atomic uint32_t granted; /* LAO__SERVICE_* */
    struct lao__tenant *next; /* of the same module, newest first */
} lao__tenant_t;

/* Fills in the entry's table of a module. */
void lao__tenant_init_entry(lao__tenant_t *tenant, struct lao__module *module, uint32_t granted);

/* A tenant for a new instance; NULL without memory. `id` is above 0. */
lao__tenant_t *lao__tenant_begin(struct lao__module *module, uint64_t id, uint32_t granted);

/* The instance is gone; whoever still uses its table is told that. */
void lao__tenant_end(lao__tenant_t *tenant);

/* By which the host knows who uses this table; 0: nobody. */
uint64_t lao__tenant_id(const lao__tenant_t *tenant);

#endif
