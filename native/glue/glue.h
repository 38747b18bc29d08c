/* What cffi sees of the core: thin wrappers where a call would take several crossings. */
#ifndef LAO_GLUE_GLUE_H
#define LAO_GLUE_GLUE_H

#include "../core/flight.h"
#include "../core/log.h"
#include "../core/monitor.h"
#include "../core/pool.h"
#include "../core/services.h"
#include "../core/target.h"
#include "../ipc/isolated.h"
#include "../ipc/shared_buffer.h"

typedef struct lao__glue_options {
    const char *library;      /* absolute path */
    const char *config_json;  /* NULL = {} */
    const char *resource_dir; /* NULL = none */
    const char *data_dir;     /* NULL = none */
    int64_t timeout_ns;       /* of each call; INT64_MAX = none */
    const char *executable;   /* isolated only, like the rest: the worker */
    const char *const *environment; /* "NAME=value", ended by NULL; NULL = empty */
    const char *sandbox_plan;       /* NULL = the worker is not confined */
    uint32_t workers;
    uint32_t lanes;         /* calls at once in one worker; 0 = as many as there can be */
    uint32_t services;      /* LAO__SERVICE_*: also in-process */
    uint32_t max_threads;   /* of the plugin itself: also in-process; 0 = no bound */
    uint64_t tenant;        /* in-process only: by which lao__glue_serve knows the instance; above 0 */
    int32_t service_listener; /* -1 = none */
    uint32_t stable;        /* not 0: arrays are copied out of the worker's memory */
    uint64_t memory_bytes; /* of each worker, like the next two; 0 = no bound */
    uint64_t cpu_permille; /* 1000 = one CPU */
    uint32_t tasks;
    uint64_t recycle_calls; /* 0 = never */
    int64_t open_timeout_ns;
    int64_t grace_ns;
} lao__glue_options_t;

typedef struct lao__glue_stats {
    lao__stats_t calls;
    uint64_t restarts;
} lao__glue_stats_t;

/* One row of the status list of lao/status.h. */
typedef struct lao__glue_status {
    uint32_t code;
    const char *name;
    const char *origin; /* "P" or "H" */
    const char *python_exception;
    const char *message;
} lao__glue_status_t;

/* Both: `*description` is JSON, freed with lao__glue_free. */
uint32_t lao__glue_open_in_process(const lao__glue_options_t *options, lao__target_t **target, char **description,
                                   lao__error_t *error);
uint32_t lao__glue_open_isolated(const lao__glue_options_t *options, lao__target_t **target, char **description,
                                 lao__error_t *error);
void lao__glue_free(void *memory);

/* One operation; see core/operation.h. `kind` LAO__SAVE_STATE fills `*state` (freed with lao__glue_free), `*state_size` and
 * `*state_version`. `data` is followed by a NUL byte. */
uint32_t lao__glue_operate(lao__target_t *target, uint32_t worker, int64_t timeout_ns, uint32_t kind,
                           const char *callback, const char *event, const char *data, uint64_t size, char **state,
                           uint64_t *state_size, uint32_t *state_version, lao__error_t *error);

void lao__glue_stats(lao__target_t *target, lao__glue_stats_t *stats);
uint32_t lao__glue_in_flight(lao__target_t *target);

/* Answers plugins of this process; written in Python. [thread: any] */
void lao__glue_serve(const lao__service_request_t *request, lao__service_reply_t *reply);

/* Whether it is asked; not before it exists, and not while the interpreter ends. */
void lao__glue_serve_services(bool on);

/* The deadline that the calling thread's calls must keep besides the plugin's own; INT64_MAX = none. */
void lao__glue_set_deadline(int64_t deadline_ns);
int64_t lao__glue_get_deadline(void);
int64_t lao__glue_now_ns(void);

uint32_t lao__glue_status_count(void);
const lao__glue_status_t *lao__glue_status(uint32_t index);

#endif
