/* The isolated backend: a target whose calls run in worker processes. */
#ifndef LAO_IPC_ISOLATED_H
#define LAO_IPC_ISOLATED_H

#include "../core/target.h"
#include "workers.h"

typedef struct lao__isolated_options {
    const char *executable; /* the worker; absolute path */
    const char *const *environment; /* "NAME=value" entries, ended by NULL; NULL = empty */
    const char *sandbox_plan;       /* NULL = the worker is not confined */
    const char *library;    /* absolute path */
    const char *config_json;
    const char *resource_dir; /* NULL = none */
    const char *data_dir;     /* NULL = none */
    uint32_t workers;         /* 1..LAO__MAX_WORKERS; all but the first start when they are needed */
    uint32_t lanes; /* calls at the same time in one worker, where its plugin may: 1..LAO__MAX_LANES; 0 = all */
    uint32_t services; /* LAO__SERVICE_* that the plugin may ask for */
    uint32_t max_threads; /* that the plugin is told it may have; 0 = no bound */
    int service_listener; /* a socket that gets each worker's service socket; -1 = none */
    bool stable; /* arrays are copied out of the worker's memory */
    lao__cgroup_limits_t limits; /* of each worker; 0: none */
    uint64_t recycle_calls; /* a worker is replaced after so many calls; 0 = never */
    int64_t timeout_ns; /* of each call; LAO__NO_DEADLINE = none */
    int64_t open_timeout_ns; /* of starting a worker and loading the plugin in it */
    int64_t grace_ns; /* between the cancel word and the end of the worker */
} lao__isolated_options_t;

/* Starts the first worker and loads the plugin in it. `*description` is the JSON of lao__describe, freed by the
 * caller. */
lao_status_t lao__isolated_open(const lao__isolated_options_t *options, lao__target_t **target, char **description,
                                lao__error_t *error);

/* The newest bytes that the workers printed, and how many there ever were and were pushed out. */
uint32_t lao__isolated_output(lao__target_t *target, char *bytes, uint32_t size);
void lao__isolated_output_count(lao__target_t *target, uint64_t *written, uint64_t *dropped);

/* What the first worker reported of its sandbox: JSON, cut at `size`; 0 bytes without a sandbox. */
uint32_t lao__isolated_report(lao__target_t *target, char *bytes, uint32_t size);

/* One view for each worker, up to `capacity`; returns how many. Any thread; never waits. */
uint32_t lao__isolated_workers(lao__target_t *target, lao__worker_view_t *views, uint32_t capacity);

/* Ends a worker because a limit was reached: its calls fail with LAO_LIMIT_EXCEEDED and these figures. Does nothing when
 * it is not of `generation` any more. */
void lao__isolated_end(lao__target_t *target, uint32_t index, uint32_t generation, const char *limit, double used,
                       double allowed);

/* Tells the calls in a worker to stop because a limit was reached; it is to be ended soon after. See lao__workers_stop. */
bool lao__isolated_stop(lao__target_t *target, uint32_t index, uint32_t generation, const char *limit, double used,
                        double allowed);

/* What a worker uses. False when it does not run just now, or is not of `generation`. Any thread; never waits. */
bool lao__isolated_usage(lao__target_t *target, uint32_t index, uint32_t generation, lao__worker_usage_t *usage);

/* Other limits for running workers and for those that start later. False where a running one could not be changed. */
bool lao__isolated_change_limits(lao__target_t *target, const lao__cgroup_limits_t *limits);

/* The configuration of workers that start later; those that run keep theirs. False without memory. */
bool lao__isolated_set_config(lao__target_t *target, const char *config_json);

/* Ends a worker that broke the rules of its service socket: its calls fail with LAO_PROTOCOL_VIOLATION. */
void lao__isolated_end_for_violation(lao__target_t *target, uint32_t index, uint32_t generation);

/* Ends a worker in good order, unless a call is in it; it starts again when it is needed. */
bool lao__isolated_retire(lao__target_t *target, uint32_t index, uint32_t generation);

/* Starts all workers that do not run; takes as long as that takes. */
bool lao__isolated_start_all(lao__target_t *target);

/* The process id of a running worker, or 0. */
int32_t lao__isolated_pid(lao__target_t *target, uint32_t index);

#endif
