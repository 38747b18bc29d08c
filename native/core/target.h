/* A plugin that can be called: the one face of both backends. */
#ifndef LAO_CORE_TARGET_H
#define LAO_CORE_TARGET_H

#include "call.h"
#include "operation.h"

typedef struct lao__target lao__target_t;

typedef struct lao__target_ops {
    /* Runs one call; the flight has begun. On LAO_OK `output` is filled and checked. */
    lao_status_t (*call)(lao__target_t *target, lao_call_t *call, lao_value_t *output, lao__error_t *error);
    /* Runs one operation; the flight has begun. `worker` is the index of one, LAO__ANY_WORKER for any. */
    lao_status_t (*operate)(lao__target_t *target, uint32_t worker, lao__operation_t *operation, lao__error_t *error);
    /* Ends the instance or the worker. No call is in flight and none follows. */
    void (*close)(lao__target_t *target);
    /* Frees the memory, after close. In a forked child it alone is called. */
    void (*destroy)(lao__target_t *target);
} lao__target_ops_t;

/* The head of every backend's own struct. */
struct lao__target {
    const lao__target_ops_t *ops;
    int64_t timeout_ns; /* of each call; LAO__NO_DEADLINE = none */
    uint32_t fork_epoch;
    uint32_t capability_count;
    uint32_t *output_kinds; /* declared, by capability */
    _Atomic uint32_t closed; /* LAO__TARGET_* */
    _Atomic uint64_t restarts; /* of workers */
    lao__flights_t flights;
    bool monitored;
    struct lao__target *next; /* the monitor's list */
};

enum { LAO__TARGET_OPEN = 0, LAO__TARGET_CLOSED = 1, LAO__TARGET_HELD = 2 };

#define LAO__ANY_WORKER UINT32_MAX

/* Sets up the head. `output_kinds` is copied. */
lao_status_t lao__target_init(lao__target_t *target, const lao__target_ops_t *ops, int64_t timeout_ns,
                              uint32_t capability_count, const uint32_t *output_kinds, lao__error_t *error);

/* Shows the target to the monitor, which then watches over deadlines and Ctrl-C. Before the first call. */
void lao__target_monitor(lao__target_t *target);

/* Runs one call with its deadline, its cancel word and its counters. On any status but LAO_OK, `error` is filled and
 * `output` (and every output of a batch) is not. Any thread. LAO_CLOSED after close, and in a child that forked from the process that loaded. */
lao_status_t lao__target_call(lao__target_t *target, lao_call_t *call, lao_value_t *output, lao__error_t *error);

/* Runs one operation within `timeout_ns`; in workers, in the one with index `worker`, which is started where it does not
 * run. LAO_UNSUPPORTED where the plugin lacks the extension. Any thread; also while the target is held. */
lao_status_t lao__target_operate(lao__target_t *target, uint32_t worker, int64_t timeout_ns,
                                 lao__operation_t *operation, lao__error_t *error);

/* Lets further calls wait, within their own deadlines, and waits until none is in flight: LAO_TIMED_OUT when that takes
 * longer than `timeout_ns`, and nothing waits any more. Until `lao__target_let_go`, or until it is closed: the calls that
 * waited then fail with LAO_CLOSED. One holder at a time. */
lao_status_t lao__target_hold(lao__target_t *target, int64_t timeout_ns, lao__error_t *error);
void lao__target_let_go(lao__target_t *target);

/* Refuses further calls, cancels those in flight, waits for them to end, and ends the backend. Idempotent. */
void lao__target_close(lao__target_t *target);

/* Refuses further calls, lets those in flight finish, and ends the backend. Idempotent, like close. */
void lao__target_drain(lao__target_t *target);

/* Closes if needed, and frees. */
void lao__target_destroy(lao__target_t *target);

/* Cancels the calls with `token`, or all with 0; returns how many. */
uint32_t lao__target_cancel(lao__target_t *target, uint64_t token);

/* Changes with every fork: handles made in another epoch are not ours. */
uint32_t lao__fork_epoch(void);

#endif
