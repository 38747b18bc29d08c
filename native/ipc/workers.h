/* The workers of one plugin: who is free, who has to be started, who waits. */
#ifndef LAO_IPC_WORKERS_H
#define LAO_IPC_WORKERS_H

#include "opening.h"

#define LAO__MAX_WORKERS 64u

typedef struct lao__workers {
    lao__opening_t opening;
    lao__output_log_t log;
    lao__worker_link_t *links;
    uint32_t count;
    _Atomic uint32_t waiting; /* calls that found no free lane */
    pthread_mutex_t lock;     /* with `freed`: for those */
    pthread_cond_t freed;
    _Atomic uint32_t deaths_in_a_row;
    _Atomic uint64_t *restarts;     /* counts starts that replaced a worker */
    uint64_t recycle_calls;         /* a worker is replaced after so many; 0: never */
} lao__workers_t;

/* What is known of one worker. */
typedef struct lao__worker_view {
    int32_t pid; /* 0: it does not run */
    uint32_t index;
    uint32_t generation; /* counts its starts: names the process, as `pid` could be another's by now */
    uint32_t starting;   /* not 0 while it starts and loads the plugin */
    uint32_t in_flight;   /* calls */
    uint32_t cgroup_kept; /* LAO__CGROUP_*: what the kernel bounds */
    uint32_t deaths;       /* of processes of this index that ended by themselves, ever */
    uint32_t memory_kills; /* among those: that the kernel ended for their memory */
    uint64_t calls;      /* that this process has served */
    int64_t started_ns;  /* on the clock of lao__now_ns */
    int64_t idle_since_ns; /* the same, to a timer tick; means something while nothing is in flight */
} lao__worker_view_t;

/* What a worker uses. */
typedef struct lao__worker_usage {
    uint64_t memory_bytes; /* that its cgroup is charged with; 0: no cgroup bounds its memory */
    uint64_t memory_peak;  /* the most that ever was; 0: not known */
    uint64_t output_bytes; /* written to the region of its outputs; among `memory_bytes` */
    uint64_t throttled_ns; /* that its cgroup waited for its share of the CPU */
    uint64_t tasks_refused;
} lao__worker_usage_t;

/* `count` links; `opening` was filled by the caller and is taken over. False without memory. */
bool lao__workers_init(lao__workers_t *workers, uint32_t count);
void lao__workers_deinit(lao__workers_t *workers);

/* A free lane of a worker that serves; starts one where none does, and waits where all are busy, until the flight's
 * deadline or its cancel. */
lao_status_t lao__workers_take(lao__workers_t *workers, const lao__flight_t *flight, lao__lane_t **lane,
                               lao__error_t *error);

/* The same of one worker. */
lao_status_t lao__workers_take_of(lao__workers_t *workers, uint32_t index, const lao__flight_t *flight,
                                  lao__lane_t **lane, lao__error_t *error);

/* Gives it back; `status` is how the call ended. */
void lao__workers_give_back(lao__workers_t *workers, lao__lane_t *lane, lao_status_t status);

/* Starts the first worker, at load. */
lao_status_t lao__workers_open(lao__workers_t *workers, lao__error_t *error);

/* Starts those that do not run; false when one failed. */
bool lao__workers_start_all(lao__workers_t *workers);

/* Ends a worker in good order if no call is in it; it starts again when it is needed. False when it was busy, or is not
 * of `generation`. */
bool lao__workers_retire(lao__workers_t *workers, uint32_t index, uint32_t generation);

/* Other limits for running workers and for those that start later. False where a running one could not be changed. */
bool lao__workers_change_limits(lao__workers_t *workers, const lao__cgroup_limits_t *limits);

/* Ends all in good order. No call is in flight and none follows. */
void lao__workers_close(lao__workers_t *workers);

/* Tells the calls in a worker to stop because a limit was reached: their cancel words are set, and a call that stops for it
 * fails with LAO_LIMIT_EXCEEDED and these figures. The worker is to be ended soon after. False when it does not serve, or
 * is not of `generation`. */
bool lao__workers_stop(lao__workers_t *workers, uint32_t index, uint32_t generation, const char *limit, double used,
                       double allowed);

/* False when the worker does not run, is being started or ended just now, or is not of `generation`. Never waits. */
bool lao__workers_usage(lao__workers_t *workers, uint32_t index, uint32_t generation, lao__worker_usage_t *usage);

uint32_t lao__workers_view(lao__workers_t *workers, lao__worker_view_t *views, uint32_t capacity);

#endif
