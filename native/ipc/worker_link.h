/* The host's end of one worker process: its life, its memory, and why it ended. */
#ifndef LAO_IPC_WORKER_LINK_H
#define LAO_IPC_WORKER_LINK_H

#include "../core/monitor.h"
#include "cgroup.h"
#include "lane.h"
#include "output_log.h"
#include "process.h"
#include "region.h"
#include "wakeup.h"

#define LAO__REGION_BYTES ((uint64_t)16 << 30) /* address space of a region; memory is taken as it is touched */

enum { /* lao__worker_link_t.state */
       LAO__LINK_STOPPED = 0, /* no process, no memory */
       LAO__LINK_STARTING = 1,
       LAO__LINK_RUNNING = 2,
       LAO__LINK_ENDING = 3 /* nobody enters any more; whoever is in it is on the way out */
};

typedef enum lao__end_cause { /* why the host ended a worker */
                              LAO__END_NONE = 0,        /* it did not: the worker died by itself */
                              LAO__END_DEADLINE,
                              LAO__END_CANCELLED,
                              LAO__END_VIOLATION,
                              LAO__END_LIMIT,
                              LAO__END_CLOSED
} lao__end_cause_t;

typedef struct lao__worker_link {
    pthread_mutex_t life; /* held to start, to end and to take down */
    _Atomic uint32_t state;
    _Atomic uint32_t users; /* lanes that are in an exchange, or about to look whether they may be */
    _Atomic uint32_t generation; /* counts starts */
    _Atomic uint32_t counted_death; /* the generation whose death was counted last */
    pthread_mutex_t handle_lock; /* the process handle, for those who end a worker without holding its life */
    lao__process_t process;
    _Atomic int32_t pid; /* 0: none */
    lao__cgroup_t cgroup;
    uint64_t memory_bytes; /* its limit; 0: none */
    lao__memory_file_t signals;
    lao__memory_file_t requests;
    lao__region_t *responses;
    uint32_t lane_count; /* agreed with the worker when the plugin was opened */
    lao__lane_t lanes[LAO__MAX_LANES];
    pthread_mutex_t buffers_lock;
    uint64_t *sent_buffers; /* ids of shared buffers that the worker has */
    _Atomic uint32_t sent_buffer_count;
    uint32_t sent_buffer_capacity;
    lao__watch_t death;
    lao__watch_t output;
    lao__output_log_t *log;
    _Atomic bool dead; /* `end` is set */
    lao__process_end_t end;
    _Atomic uint32_t cause; /* lao__end_cause_t; the first one stays */
    uint32_t culprit;       /* 1 + the lane whose call the host ended it for; 0: none */
    char limit[32];         /* LAO__END_LIMIT */
    double used;
    double allowed;
    _Atomic int64_t started_ns;
    _Atomic int64_t idle_since_ns; /* coarse; of the last call's end */
    _Atomic uint64_t calls;        /* of this process */
    _Atomic uint32_t cgroup_kept;  /* LAO__CGROUP_* of this process, for those who do not hold its life */
    _Atomic uint32_t deaths;       /* processes that ended by themselves, ever */
    _Atomic uint32_t memory_kills; /* among those: by the kernel, for their memory */
} lao__worker_link_t;

void lao__worker_link_init(lao__worker_link_t *link, lao__output_log_t *log);
void lao__worker_link_deinit(lao__worker_link_t *link);

/* Starts the process, in a cgroup of its own where one can be had; nothing is loaded yet. Where no cgroup bounds memory,
 * the region that it answers in is no larger than its limit. [life held, STOPPED -> STARTING] */
lao_status_t lao__worker_link_start(lao__worker_link_t *link, const char *executable, char *const *environment,
                                    const lao__cgroup_limits_t *limits, lao__error_t *error);

/* Ends the process for the stated reason, if it lives, and waits until it is gone. Calls in it fail. Any thread; does
 * nothing for a process that is gone or is not of `generation` (0: whichever runs). `lane` is the one whose call was the
 * reason, or LAO__MAX_LANES. */
void lao__worker_link_end(lao__worker_link_t *link, uint32_t generation, lao__end_cause_t cause, uint32_t lane);

/* The same with LAO__END_LIMIT and what is known of it. */
void lao__worker_link_end_for_limit(lao__worker_link_t *link, uint32_t generation, const char *limit, double used,
                                    double allowed);

/* Notes the limit as the reason for the end that will come, and ends nothing yet. False when the process is gone, or not of
 * `generation`, or has another reason already. */
bool lao__worker_link_blame(lao__worker_link_t *link, uint32_t generation, const char *limit, double used,
                            double allowed);

/* Takes down the memory of a process that was ended; outputs that are held stay readable. Waits for those who are still
 * in it. [life held -> STOPPED] */
void lao__worker_link_take_down(lao__worker_link_t *link);

/* What a call on `lane` is told after the worker died under it. */
lao_status_t lao__worker_link_explain(lao__worker_link_t *link, uint32_t lane, lao__error_t *error);

/* True while the process lives and takes calls: not any more once there is a reason to end it. */
static inline bool lao__worker_link_serves(lao__worker_link_t *link) {
    return atomic_load(&link->state) == LAO__LINK_RUNNING && !atomic_load(&link->dead) &&
           atomic_load(&link->cause) == LAO__END_NONE;
}

#endif
