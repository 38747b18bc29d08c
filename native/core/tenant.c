#include "tenant.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "host_table.h"
#include "module.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* the modules' lists of tenants */

void lao__tenant_init_entry(lao__tenant_t *tenant, lao__module_t *module, uint32_t granted) {
    memset(tenant, 0, sizeof *tenant);
    lao__host_table_init(&tenant->host, tenant);
    tenant->module = module;
    tenant->is_entry = true;
    atomic_store(&tenant->granted, granted);
}

lao__tenant_t *lao__tenant_begin(lao__module_t *module, uint64_t id, uint32_t granted) {
    lao__tenant_t **link;
    lao__tenant_t *tenant;
    pthread_mutex_lock(&lock);
    for (link = &module->tenants; *link != NULL && atomic_load(&(*link)->id) != 0; link = &(*link)->next) {
    }
    tenant = *link;
    if (tenant != NULL) {
        *link = tenant->next;
    } else {
        tenant = calloc(1, sizeof *tenant);
        if (tenant == NULL) {
            pthread_mutex_unlock(&lock);
            return NULL;
        }
        lao__host_table_init(&tenant->host, tenant);
        tenant->module = module;
    }
    tenant->next = module->tenants;
    module->tenants = tenant;
    atomic_store(&tenant->granted, granted);
    atomic_store(&module->entry.granted, granted);
    atomic_store(&tenant->id, id);
    pthread_mutex_unlock(&lock);
    return tenant;
}

void lao__tenant_end(lao__tenant_t *tenant) { atomic_store(&tenant->id, 0); }

uint64_t lao__tenant_id(const lao__tenant_t *tenant) {
    uint64_t id = 0;
    if (!tenant->is_entry) {
        return atomic_load(&tenant->id);
    }
    pthread_mutex_lock(&lock);
    for (tenant = tenant->module->tenants; tenant != NULL && id == 0; tenant = tenant->next) {
        id = atomic_load(&tenant->id);
    }
    pthread_mutex_unlock(&lock);
    return id;
}
