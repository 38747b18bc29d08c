#include "workers.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/clock.h"
#include "../core/condition.h"
#include "../core/lock.h"

#define DEATHS_IN_A_ROW 5u /* after that the plugin is refused until it is reloaded */
#define ANY_WORKER UINT32_MAX
#define LOOK_NS 20000000   /* a waiting call looks at its cancel word this often */

/* How long a start is put off after so many deaths in a row. */
static const int64_t back_off_ns[DEATHS_IN_A_ROW] = {0, 0, 10000000, 50000000, 250000000};

bool lao__workers_init(lao__workers_t *workers, uint32_t count) {
    uint32_t index;
    workers->links = calloc(count, sizeof *workers->links);
    if (workers->links == NULL) {
        return false;
    }
    workers->count = count;
    lao__output_log_init(&workers->log);
    pthread_mutex_init(&workers->lock, NULL);
    lao__condition_init(&workers->freed);
    for (index = 0; index < count; index++) {
        lao__worker_link_init(&workers->links[index], &workers->log);
    }
    return true;
}

void lao__workers_deinit(lao__workers_t *workers) {
    uint32_t index;
    for (index = 0; index < workers->count; index++) {
        lao__worker_link_deinit(&workers->links[index]);
    }
    if (workers->links != NULL) {
        lao__output_log_deinit(&workers->log);
        pthread_mutex_destroy(&workers->lock);
        pthread_cond_destroy(&workers->freed);
    }
    free(workers->links);
    lao__opening_deinit(&workers->opening);
}

/* --- Free lanes --- */

static bool grab(lao__lane_t *lane) {
    return atomic_load_explicit(&lane->busy, memory_order_relaxed) == 0 && atomic_exchange(&lane->busy, 1) == 0;
}

/* Of a worker that serves the first free lane; of workers the first that has one, and rather one that runs. */
static lao__lane_t *grab_any(lao__workers_t *workers) {
    uint32_t lanes = workers->opening.agreed_lanes;
    uint32_t lane;
    uint32_t index;
    for (lane = 0; lane < lanes; lane++) {
        for (index = 0; index < workers->count; index++) {
            lao__worker_link_t *link = &workers->links[index];
            if (lao__worker_link_serves(link) && grab(&link->lanes[lane])) {
                return &link->lanes[lane];
            }
        }
        if (lane > 0) {
            continue;
        }
        /* Every worker that runs has work: start another before one gets a second call. */
        for (index = 0; index < workers->count; index++) {
            if (!lao__worker_link_serves(&workers->links[index]) && grab(&workers->links[index].lanes[0])) {
                return &workers->links[index].lanes[0];
            }
        }
    }
    return NULL;
}

static lao_status_t given_up(const lao__flight_t *flight, lao__error_t *error) {
    uint32_t cancelled = lao__flight_cancelled(flight);
    if (cancelled == LAO__CANCEL_ASKED) {
        return lao__fail(error, LAO_CANCELLED, "the call was cancelled while it waited for the calls before it");
    }
    if (cancelled != LAO__CANCEL_NONE || lao__now_ns() >= flight->deadline_ns) {
        return lao__fail(error, LAO_TIMED_OUT, "the deadline passed while it waited for the calls before it");
    }
    return LAO_OK;
}

/* A free lane of the worker with this index, or of any. */
static lao__lane_t *grab_of(lao__workers_t *workers, uint32_t index) {
    lao__worker_link_t *link;
    uint32_t lane;
    if (index == ANY_WORKER) {
        return grab_any(workers);
    }
    link = &workers->links[index];
    for (lane = 0; lane < (lao__worker_link_serves(link) ? workers->opening.agreed_lanes : 1); lane++) {
        if (grab(&link->lanes[lane])) {
            return &link->lanes[lane];
        }
    }
    return NULL;
}

static lao_status_t await_lane(lao__workers_t *workers, uint32_t index, const lao__flight_t *flight, lao__lane_t **lane,
                               lao__error_t *error) {
    lao_status_t status = LAO_OK;
    pthread_mutex_lock(&workers->lock);
    atomic_fetch_add(&workers->waiting, 1); /* before the look: who frees a lane after it will signal */
    while ((*lane = grab_of(workers, index)) == NULL && (status = given_up(flight, error)) == LAO_OK) {
        int64_t until_ns = lao__now_ns() + LOOK_NS;
        lao__condition_wait(&workers->freed, &workers->lock,
                            until_ns < flight->deadline_ns ? until_ns : flight->deadline_ns);
    }
    atomic_fetch_sub(&workers->waiting, 1);
    pthread_mutex_unlock(&workers->lock);
    return status;
}

static void free_lane(lao__workers_t *workers, lao__lane_t *lane) {
    atomic_store(&lane->busy, 0);
    if (atomic_load(&workers->waiting) > 0) {
        pthread_mutex_lock(&workers->lock);
        pthread_cond_broadcast(&workers->freed); /* one may wait for another worker's lane */
        pthread_mutex_unlock(&workers->lock);
    }
}

/* --- Entering and leaving a worker --- */

static bool is_due(const lao__workers_t *workers, lao__worker_link_t *link) {
    return workers->recycle_calls != 0 &&
           atomic_load_explicit(&link->calls, memory_order_relaxed) >= workers->recycle_calls;
}

/* Counts the caller as a user of a worker that serves. */
static bool enter(lao__worker_link_t *link) {
    atomic_fetch_add(&link->users, 1); /* before the look: who takes it down looks at the users after closing it */
    if (lao__worker_link_serves(link)) {
        return true;
    }
    atomic_fetch_sub(&link->users, 1);
    return false;
}

static void take_down_if_dead(lao__worker_link_t *link) {
    if (atomic_load(&link->state) == LAO__LINK_RUNNING && atomic_load(&link->dead)) {
        lao__worker_link_take_down(link);
    }
}

/* Takes the caller from among the users of a worker. The last one out of a dead worker takes its memory down, so that
 * nothing lies around until the next call. */
static void leave(lao__worker_link_t *link) {
    if (atomic_fetch_sub(&link->users, 1) == 1 && atomic_load(&link->dead) && pthread_mutex_trylock(&link->life) == 0) {
        take_down_if_dead(link);
        pthread_mutex_unlock(&link->life);
    }
}

/* Ends a worker in good order, unless a call is in it. [life held] */
static bool retire(lao__workers_t *workers, lao__worker_link_t *link) {
    uint32_t running = LAO__LINK_RUNNING;
    if (!atomic_compare_exchange_strong(&link->state, &running, LAO__LINK_ENDING)) {
        return false;
    }
    if (atomic_load(&link->users) > 0) {
        atomic_store(&link->state, LAO__LINK_RUNNING);
        return false;
    }
    lao__opening_close(&workers->opening, link);
    lao__worker_link_take_down(link);
    return true;
}

static lao_status_t back_off(lao__workers_t *workers, const lao__flight_t *flight, lao__error_t *error) {
    uint32_t deaths = atomic_load(&workers->deaths_in_a_row);
    int64_t until_ns;
    lao_status_t status = LAO_OK;
    if (deaths >= DEATHS_IN_A_ROW) {
        return lao__fail(error, LAO_CRASHED, "its worker died %u times in a row; reload the plugin to try again",
                         DEATHS_IN_A_ROW);
    }
    until_ns = lao__now_ns() + back_off_ns[deaths];
    while (back_off_ns[deaths] > 0 && lao__now_ns() < until_ns && (status = given_up(flight, error)) == LAO_OK) {
        usleep(5000);
    }
    return status;
}

static lao_status_t start_again(lao__workers_t *workers, lao__worker_link_t *link, const lao__flight_t *flight,
                                lao__error_t *error) {
    bool again = atomic_load(&link->generation) > 0;
    lao_status_t status = back_off(workers, flight, error);
    if (status == LAO_OK) {
        status = lao__opening_start(&workers->opening, link, (uint32_t)(link - workers->links), flight->deadline_ns,
                                    flight, error);
    }
    if (status == LAO_OK && again) {
        atomic_fetch_add(workers->restarts, 1);
    } else if (status == LAO_CRASHED) {
        atomic_fetch_add(&workers->deaths_in_a_row, 1);
    }
    return status;
}

/* A worker that there is a reason to end, but that lives: its calls are stopping. */
static bool is_being_ended(lao__worker_link_t *link) {
    return atomic_load(&link->state) == LAO__LINK_RUNNING && !atomic_load(&link->dead) &&
           atomic_load(&link->cause) != LAO__END_NONE;
}

/* The caller has a lane of the worker; afterwards it is among its users. */
static lao_status_t enter_or_start(lao__workers_t *workers, lao__worker_link_t *link, const lao__flight_t *flight,
                                   lao__error_t *error) {
    for (;;) {
        lao_status_t status;
        if (!is_due(workers, link) && enter(link)) {
            return LAO_OK;
        }
        status = lao__lock_for_call(&link->life, flight);
        if (status != LAO_OK) {
            return lao__fail(error, status, "%s while its worker was started", lao_status_message(status));
        }
        take_down_if_dead(link);
        if (is_being_ended(link) && atomic_load(&link->users) == 0) {
            lao__worker_link_take_down(link);
        } else if (is_being_ended(link)) {
            pthread_mutex_unlock(&link->life);
            status = given_up(flight, error);
            if (status != LAO_OK) {
                return status;
            }
            usleep(1000);
            continue;
        }
        if (is_due(workers, link) && !retire(workers, link) && enter(link)) { /* not now: calls are in it */
            pthread_mutex_unlock(&link->life);
            return LAO_OK;
        }
        if (atomic_load(&link->state) == LAO__LINK_STOPPED) {
            status = start_again(workers, link, flight, error);
        }
        pthread_mutex_unlock(&link->life);
        if (status != LAO_OK) {
            return status;
        }
    }
}

lao_status_t lao__workers_take_of(lao__workers_t *workers, uint32_t index, const lao__flight_t *flight,
                                  lao__lane_t **taken, lao__error_t *error) {
    lao__lane_t *lane = grab_of(workers, index);
    lao_status_t status = lane != NULL ? LAO_OK : await_lane(workers, index, flight, &lane, error);
    if (status != LAO_OK) {
        return status;
    }
    status = enter_or_start(workers, lane->link, flight, error);
    if (status != LAO_OK) {
        free_lane(workers, lane);
        return status;
    }
    *taken = lane;
    return LAO_OK;
}

lao_status_t lao__workers_take(lao__workers_t *workers, const lao__flight_t *flight, lao__lane_t **lane,
                               lao__error_t *error) {
    return lao__workers_take_of(workers, ANY_WORKER, flight, lane, error);
}

/* Once for each process, however many calls died in it. */
static void count_death(lao__workers_t *workers, lao__worker_link_t *link) {
    uint32_t generation = atomic_load(&link->generation);
    if (atomic_exchange(&link->counted_death, generation) != generation) {
        atomic_fetch_add(&workers->deaths_in_a_row, 1);
    }
}

void lao__workers_give_back(lao__workers_t *workers, lao__lane_t *lane, lao_status_t status) {
    lao__worker_link_t *link = lane->link;
    atomic_fetch_add_explicit(&link->calls, 1, memory_order_relaxed);
    atomic_store_explicit(&link->idle_since_ns, lao__coarse_now_ns(), memory_order_relaxed);
    if (status == LAO_CRASHED) {
        count_death(workers, link);
    } else if (status == LAO_OK && atomic_load_explicit(&workers->deaths_in_a_row, memory_order_relaxed) != 0) {
        atomic_store(&workers->deaths_in_a_row, 0);
    }
    leave(link);
    free_lane(workers, lane);
}

/* --- From outside of calls --- */

lao_status_t lao__workers_open(lao__workers_t *workers, lao__error_t *error) {
    lao_status_t status;
    pthread_mutex_lock(&workers->links[0].life);
    status = lao__opening_start(&workers->opening, &workers->links[0], 0, LAO__NO_DEADLINE, NULL, error);
    pthread_mutex_unlock(&workers->links[0].life);
    return status;
}

bool lao__workers_start_all(lao__workers_t *workers) {
    bool all = true;
    uint32_t index;
    lao__error_t *error = malloc(sizeof *error);
    for (index = 0; error != NULL && index < workers->count; index++) {
        lao__worker_link_t *link = &workers->links[index];
        pthread_mutex_lock(&link->life);
        take_down_if_dead(link);
        if (atomic_load(&link->state) == LAO__LINK_STOPPED &&
            lao__opening_start(&workers->opening, link, index, LAO__NO_DEADLINE, NULL, error) != LAO_OK) {
            all = false;
        }
        pthread_mutex_unlock(&link->life);
    }
    all = all && error != NULL;
    free(error);
    return all;
}

bool lao__workers_retire(lao__workers_t *workers, uint32_t index, uint32_t generation) {
    lao__worker_link_t *link;
    bool retired = false;
    if (index >= workers->count) {
        return false;
    }
    link = &workers->links[index];
    if (pthread_mutex_trylock(&link->life) != 0) {
        return false;
    }
    if (atomic_load(&link->generation) == generation) {
        take_down_if_dead(link);
        retired = retire(workers, link);
    }
    pthread_mutex_unlock(&link->life);
    return retired;
}

bool lao__workers_change_limits(lao__workers_t *workers, const lao__cgroup_limits_t *limits) {
    bool changed = true;
    uint32_t index;
    pthread_mutex_lock(&workers->opening.lock);
    workers->opening.limits = *limits;
    pthread_mutex_unlock(&workers->opening.lock);
    for (index = 0; index < workers->count; index++) {
        lao__worker_link_t *link = &workers->links[index];
        pthread_mutex_lock(&link->life);
        if (lao__worker_link_serves(link)) {
            changed = lao__cgroup_change(&link->cgroup, limits) && changed;
            link->memory_bytes = limits->memory_bytes;
        }
        pthread_mutex_unlock(&link->life);
    }
    return changed;
}

bool lao__workers_stop(lao__workers_t *workers, uint32_t index, uint32_t generation, const char *limit, double used,
                       double allowed) {
    lao__worker_link_t *link;
    bool stopped = false;
    uint32_t lane;
    if (index >= workers->count || !enter(&workers->links[index])) {
        return false;
    }
    link = &workers->links[index];
    if (lao__worker_link_blame(link, generation, limit, used, allowed)) {
        stopped = true;
        for (lane = 0; lane < link->lane_count; lane++) {
            if (atomic_load(&link->lanes[lane].busy) != 0) {
                lao__lane_cancel(&link->lanes[lane]);
            }
        }
    }
    leave(link);
    return stopped;
}

bool lao__workers_usage(lao__workers_t *workers, uint32_t index, uint32_t generation, lao__worker_usage_t *usage) {
    lao__worker_link_t *link;
    bool there;
    memset(usage, 0, sizeof *usage);
    if (index >= workers->count || pthread_mutex_trylock(&workers->links[index].life) != 0) {
        return false;
    }
    link = &workers->links[index];
    there = lao__worker_link_serves(link) && atomic_load(&link->generation) == generation;
    if (there) {
        usage->memory_bytes = lao__cgroup_memory_used(&link->cgroup);
        usage->memory_peak = lao__cgroup_memory_peak(&link->cgroup);
        usage->output_bytes = lao__memory_file_touched(&link->responses->file);
        usage->throttled_ns = lao__cgroup_throttled_ns(&link->cgroup);
        usage->tasks_refused = lao__cgroup_tasks_refused(&link->cgroup);
    }
    pthread_mutex_unlock(&link->life);
    return there;
}

void lao__workers_close(lao__workers_t *workers) {
    uint32_t index;
    for (index = 0; index < workers->count; index++) {
        lao__worker_link_t *link = &workers->links[index];
        pthread_mutex_lock(&link->life);
        (void)retire(workers, link);
        lao__worker_link_take_down(link);
        pthread_mutex_unlock(&link->life);
    }
}

uint32_t lao__workers_view(lao__workers_t *workers, lao__worker_view_t *views, uint32_t capacity) {
    uint32_t index;
    uint32_t lane;
    for (index = 0; index < workers->count && index < capacity; index++) {
        lao__worker_link_t *link = &workers->links[index];
        lao__worker_view_t *view = &views[index];
        memset(view, 0, sizeof *view);
        view->index = index;
        view->generation = atomic_load(&link->generation);
        view->pid = atomic_load(&link->pid);
        view->starting = atomic_load(&link->state) == LAO__LINK_STARTING;
        view->calls = atomic_load(&link->calls);
        view->started_ns = atomic_load(&link->started_ns);
        view->idle_since_ns = atomic_load(&link->idle_since_ns);
        view->cgroup_kept = atomic_load(&link->cgroup_kept);
        view->deaths = atomic_load(&link->deaths);
        view->memory_kills = atomic_load(&link->memory_kills);
        for (lane = 0; lane < LAO__MAX_LANES; lane++) {
            view->in_flight += atomic_load(&link->lanes[lane].busy) != 0;
        }
        if (atomic_load(&link->generation) != view->generation) {
            view->pid = 0; /* it changed while we looked */
        }
    }
    return index;
}
