#include "target.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "monitor.h"

static _Atomic uint32_t fork_epoch = 1;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void in_forked_child(void) { atomic_fetch_add(&fork_epoch, 1); }

static void watch_forks(void) { pthread_atfork(NULL, NULL, in_forked_child); }

uint32_t lao__fork_epoch(void) { return atomic_load_explicit(&fork_epoch, memory_order_relaxed); }

lao_status_t lao__target_init(lao__target_t *target, const lao__target_ops_t *ops, int64_t timeout_ns,
                              uint32_t capability_count, const uint32_t *output_kinds, lao__error_t *error) {
    pthread_once(&fork_once, watch_forks);
    lao__counter_start();
    target->output_kinds = calloc(capability_count, sizeof *output_kinds);
    if (target->output_kinds == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    memcpy(target->output_kinds, output_kinds, capability_count * sizeof *output_kinds);
    target->ops = ops;
    target->timeout_ns = timeout_ns;
    target->capability_count = capability_count;
    target->fork_epoch = lao__fork_epoch();
    return LAO_OK;
}

void lao__target_monitor(lao__target_t *target) {
    target->monitored = true;
    lao__monitor_add_target(target);
}

#define HELD_LOOK_US 200u /* a waiting call looks this often */
#define SHORT_TIMEOUT_NS 100000000 /* below it a timer tick would matter */

/* The earlier of the time-out, counted from now, and the absolute deadline. Long time-outs may end a timer tick late. */
static int64_t deadline_of(const lao__target_t *target, const lao_call_t *call) {
    int64_t timeout_ns = call->timeout_ns != 0 ? call->timeout_ns : target->timeout_ns;
    int64_t now_ns;
    int64_t deadline_ns;
    if (timeout_ns == LAO__NO_DEADLINE) {
        return call->deadline_ns;
    }
    now_ns = timeout_ns < SHORT_TIMEOUT_NS ? lao__now_ns() : lao__coarse_now_ns() + LAO__TICK_NS;
    if (__builtin_add_overflow(now_ns, timeout_ns, &deadline_ns)) {
        return call->deadline_ns;
    }
    return deadline_ns < call->deadline_ns ? deadline_ns : call->deadline_ns;
}

static lao_status_t closed(const lao__target_t *target, lao__error_t *error) {
    if (target->fork_epoch != lao__fork_epoch()) {
        return lao__fail(error, LAO_CLOSED, "it was loaded before this process forked; load it again here");
    }
    return lao__fail(error, LAO_CLOSED, "it was closed");
}

/* A status with the reason that the caller is owed: the cancel word decides between what was asked and what expired. */
static lao_status_t settle(const lao_call_t *call, lao_status_t status, lao_value_t *output, lao__error_t *error) {
    uint32_t cancelled = lao__flight_cancelled(call->flight);
    bool late = cancelled == LAO__CANCEL_DEADLINE;
    if (status == LAO_OK && !late) {
        return LAO_OK;
    }
    if (status == LAO_OK) {
        if (call->batch != NULL) {
            lao__batch_release(call->batch, call->batch->count);
        } else {
            lao__value_release(output);
        }
        return lao__fail(error, LAO_TIMED_OUT, "it finished after the deadline");
    }
    late = late || (cancelled == LAO__CANCEL_NONE && lao__now_ns() >= call->flight->deadline_ns);
    if ((status == LAO_CANCELLED || status == LAO_FAILED) && late) {
        return lao__fail(error, LAO_TIMED_OUT, "the deadline passed");
    }
    if (status == LAO_CANCELLED && error->status != LAO_CANCELLED) {
        return lao__fail(error, LAO_CANCELLED, "the call was cancelled");
    }
    return status;
}

/* --- Holding --- */

static bool is_cancelled_early(const lao_call_t *call) {
    return call->cancel_flag != NULL && atomic_load(call->cancel_flag) != 0;
}

/* Waits while the target is held. */
static lao_status_t await_release(lao__target_t *target, const lao_call_t *call, lao__error_t *error) {
    int64_t deadline_ns = deadline_of(target, call);
    while (atomic_load(&target->closed) == LAO__TARGET_HELD) {
        if (is_cancelled_early(call)) {
            return lao__fail(error, LAO_CANCELLED, "the call was cancelled before it began");
        }
        if (lao__now_ns() >= deadline_ns) {
            return lao__fail(error, LAO_TIMED_OUT, "the deadline passed while the plugin was reloaded");
        }
        usleep(HELD_LOOK_US);
    }
    return LAO_OK;
}

lao_status_t lao__target_hold(lao__target_t *target, int64_t timeout_ns, lao__error_t *error) {
    int64_t until_ns = timeout_ns == LAO__NO_DEADLINE ? LAO__NO_DEADLINE : lao__now_ns() + timeout_ns;
    uint32_t open = LAO__TARGET_OPEN;
    if (target->fork_epoch != lao__fork_epoch() ||
        !atomic_compare_exchange_strong(&target->closed, &open, LAO__TARGET_HELD)) {
        return open == LAO__TARGET_HELD ? lao__fail(error, LAO_FAILED, "it is being reloaded already")
                                        : closed(target, error);
    }
    while (lao__flights_count(&target->flights) > 0) {
        if (lao__now_ns() >= until_ns) {
            lao__target_let_go(target);
            return lao__fail(error, LAO_TIMED_OUT, "its calls did not end in time");
        }
        usleep(HELD_LOOK_US);
    }
    return LAO_OK;
}

void lao__target_let_go(lao__target_t *target) {
    uint32_t held = LAO__TARGET_HELD;
    (void)atomic_compare_exchange_strong(&target->closed, &held, LAO__TARGET_OPEN);
}

lao_status_t lao__target_operate(lao__target_t *target, uint32_t worker, int64_t timeout_ns,
                                 lao__operation_t *operation, lao__error_t *error) {
    const lao_call_t like = {.timeout_ns = timeout_ns, .deadline_ns = LAO__NO_DEADLINE};
    lao__flight_t *flight;
    lao_status_t status;
    if (target->fork_epoch != lao__fork_epoch() || atomic_load(&target->closed) == LAO__TARGET_CLOSED) {
        return closed(target, error);
    }
    flight = lao__flight_begin(&target->flights, deadline_of(target, &like), 0);
    if (flight == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    operation->flight = flight;
    memset(&operation->state, 0, sizeof operation->state);
    if (atomic_load(&target->closed) == LAO__TARGET_CLOSED) {
        lao__flight_end(flight);
        return closed(target, error);
    }
    status = target->ops->operate(target, worker, operation, error);
    lao__flight_end(flight);
    return status;
}

/* --- Calling --- */

lao_status_t lao__target_call(lao__target_t *target, lao_call_t *call, lao_value_t *output, lao__error_t *error) {
    lao_status_t status;
    uint64_t started;
    if (target->fork_epoch != lao__fork_epoch()) {
        return closed(target, error); /* before any lock: another thread may have held it while forking */
    }
    if (call->capability >= target->capability_count) {
        return lao__fail(error, LAO_UNKNOWN_CAPABILITY, "it has no capability %u", call->capability);
    }
    started = lao__counter();
    call->output_kind = target->output_kinds[call->capability];
    call->flight = lao__flight_begin(&target->flights, deadline_of(target, call), call->token);
    if (call->flight == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    if (atomic_load(&target->closed) != LAO__TARGET_OPEN) {
        lao__flight_end(call->flight);
        status = await_release(target, call, error);
        if (status != LAO_OK) {
            return status;
        }
        return atomic_load(&target->closed) == LAO__TARGET_CLOSED ? closed(target, error)
                                                                  : lao__target_call(target, call, output, error);
    }
    if (is_cancelled_early(call)) {
        status = lao__fail(error, LAO_CANCELLED, "the call was cancelled before it began");
    } else {
        status = target->ops->call(target, call, output, error);
    }
    status = settle(call, status, output, error);
    lao__tally_record(&call->flight->tally, lao__counter() - started, status != LAO_OK);
    lao__flight_end(call->flight);
    return status;
}

uint32_t lao__target_cancel(lao__target_t *target, uint64_t token) {
    return target->fork_epoch == lao__fork_epoch() ? lao__flights_cancel(&target->flights, token) : 0;
}

static void end(lao__target_t *target, bool cancel) {
    if (target->fork_epoch != lao__fork_epoch() ||
        atomic_exchange(&target->closed, LAO__TARGET_CLOSED) == LAO__TARGET_CLOSED) {
        return;
    }
    while (lao__flights_count(&target->flights) > 0) {
        if (cancel) {
            lao__flights_cancel(&target->flights, 0);
        }
        usleep(500);
    }
    if (target->monitored) {
        lao__monitor_remove_target(target);
    }
    target->ops->close(target);
}

void lao__target_close(lao__target_t *target) { end(target, true); }

void lao__target_drain(lao__target_t *target) { end(target, false); }

void lao__target_destroy(lao__target_t *target) {
    lao__target_close(target);
    lao__flights_deinit(&target->flights);
    free(target->output_kinds);
    target->ops->destroy(target);
}
