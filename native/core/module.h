/* A loaded plugin library: opened, negotiated with, checked, and described in the host's own memory.
 *
 * Both dialects look alike from here on: a library with `lao_plugin_entry`, and a LAO 0.x library behind its adapter. */
#ifndef LAO_CORE_MODULE_H
#define LAO_CORE_MODULE_H

#include <lao/ext/batch.h>
#include <lao/ext/events.h>
#include <lao/ext/lifecycle.h>
#include <lao/ext/state.h>
#include <lao/plugin.h>
#include <pthread.h>

#include "error.h"
#include "services.h"
#include "tenant.h"

typedef struct lao__vtable lao__vtable_t;

/* One capability, copied and checked at load. */
typedef struct lao__capability {
    uint32_t flags;
    uint32_t input_kind;
    uint32_t output_kind;
    uint32_t max_batch; /* 1 where the plugin takes no batches */
    char *name;
    char *description; /* the rest may be NULL */
    char *input_schema;
    char *output_schema;
    char *params_schema;
} lao__capability_t;

/* One event that the plugin emits, copied and checked at load. */
typedef struct lao__declared_event {
    char *name;
    char *description; /* the rest may be NULL */
    char *data_schema;
} lao__declared_event_t;

typedef struct lao__module {
    lao__tenant_t entry; /* whose host table its entry gets */
    lao__tenant_t *tenants; /* one for each instance, and some for instances to come */
    const lao__services_t *services;
    void *handle;
    char *path;
    const lao_plugin_t *plugin; /* the library's own table; NULL for LAO 0.x */
    lao__vtable_t *vtable;      /* the adapter; NULL for the current ABI */
    /* The plugin's extensions; each NULL where it has none. */
    const lao_batch_plugin_t *batch; /* also NULL where no capability takes batches */
    const lao_state_plugin_t *state;
    const lao_lifecycle_plugin_t *lifecycle;
    const lao_events_plugin_t *receiver;
    char *name;
    char *version;
    char *description;
    uint32_t abi_version;
    uint32_t thread_role;
    uint32_t capability_count;
    lao__capability_t *capabilities;
    char *config_schema; /* NULL: it declares none */
    uint32_t event_count;
    lao__declared_event_t *events;
    pthread_mutex_t lock; /* held during a call where the thread role is `unsafe` */
    struct lao__module *next;
    uint32_t users;
} lao__module_t;

/* Loads the library at an absolute path, or returns the module of that path that is loaded already. `services`
 * (static) is what the plugin's host table leads to, `granted` which services its entry is offered. The library stays
 * mapped until the process ends. */
lao_status_t lao__module_open(const char *path, const lao__services_t *services, uint32_t granted,
                              lao__module_t **module, lao__error_t *error);

/* Counts one user less. The module stays mapped and known: the same path may be opened again, and outputs that are
 * still held release themselves through its code. */
void lao__module_release(lao__module_t *module);

/* Tells every loaded plugin that the process ends. For a worker, after its instances are gone. */
void lao__modules_shut_down(void);

/* A copy of a string, or NULL for NULL. */
char *lao__copy_string(const char *text);

#endif
