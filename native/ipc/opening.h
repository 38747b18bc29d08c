/* What a fresh worker is told before it takes calls: to confine itself, then to load the plugin. */
#ifndef LAO_IPC_OPENING_H
#define LAO_IPC_OPENING_H

#include "worker_link.h"

/* Everything that a start takes; the same for each worker of a plugin. Strings are owned by it. */
typedef struct lao__opening {
    char *executable;
    char **environment; /* NULL-terminated */
    char *sandbox_plan; /* NULL: the worker is not confined */
    char *library;
    char *resource_dir; /* NULL = none; so is the next */
    char *data_dir;
    uint32_t lanes;    /* calls at the same time that the host would make; the worker has the last word */
    uint32_t services; /* LAO__SERVICE_* */
    uint32_t max_threads;
    int service_listener; /* -1: none; gets each worker's service socket */
    int64_t open_timeout_ns;
    int64_t grace_ns;
    _Atomic int64_t opened_in_ns; /* what starting took the first time; 0 = not yet */
    pthread_mutex_t lock;         /* the rest */
    char *config_json;
    lao__cgroup_limits_t limits;  /* each 0: none */
    char *report;                 /* what the first worker said of its sandbox: JSON */
    char *description;            /* what the first worker said of the plugin; the others must say the same */
    uint32_t *capabilities;       /* output kind | flags << 8, by capability */
    uint32_t capability_count;
    uint32_t agreed_lanes;
} lao__opening_t;

/* Starts a worker, confines it, loads the plugin in it. `deadline_ns` is the call's that needs it, and `flight` its
 * cancel word; both may be absent (LAO__NO_DEADLINE, NULL). On failure the process is ended and taken down.
 * [life held; STOPPED -> RUNNING] */
lao_status_t lao__opening_start(lao__opening_t *opening, lao__worker_link_t *link, uint32_t index, int64_t deadline_ns,
                                const lao__flight_t *flight, lao__error_t *error);

/* Tells the worker to destroy the instance and to end, and waits at most the grace period for it. [life held] */
void lao__opening_close(const lao__opening_t *opening, lao__worker_link_t *link);

void lao__opening_deinit(lao__opening_t *opening);

#endif
