#include "worker_link.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/clock.h"

#define MEBIBYTE 1048576.0
#define LATE_DEATH_NS 2000000000 /* a killed process is gone by then */

static lao__signal_page_t *page_of(lao__worker_link_t *link) { return (lao__signal_page_t *)link->signals.base; }

/* --- What the monitor thread hears --- */

/* Reads what is there, at most a pipe full at a time: a worker that never stops printing must not keep us here. */
static bool drain_output(lao__worker_link_t *link) {
    char bytes[4096];
    int round;
    for (round = 0; round < 16; round++) {
        ssize_t size = read(link->process.output, bytes, sizeof bytes);
        if (size <= 0) {
            return size < 0 && (errno == EAGAIN || errno == EINTR);
        }
        lao__output_log_write(link->log, bytes, (uint64_t)size);
    }
    return true;
}

static bool output_ready(lao__watch_t *watch) { return drain_output(watch->context); }

static bool death_ready(lao__watch_t *watch) {
    lao__worker_link_t *link = watch->context;
    uint32_t lane;
    drain_output(link);
    link->end = lao__process_reap(&link->process);
    if (atomic_load(&link->cause) == LAO__END_NONE) {
        atomic_fetch_add(&link->deaths, 1);
        if (link->end.signal == SIGKILL && lao__cgroup_memory_killed(&link->cgroup)) {
            atomic_fetch_add(&link->memory_kills, 1);
        }
    }
    atomic_store(&link->pid, 0);
    atomic_store(&link->dead, true);
    for (lane = 0; lane < LAO__MAX_LANES; lane++) {
        lao__signal_kill(&page_of(link)->lanes[lane].to_host);
    }
    return false;
}

/* --- Memory --- */

void lao__worker_link_init(lao__worker_link_t *link, lao__output_log_t *log) {
    uint32_t lane;
    memset(link, 0, sizeof *link);
    pthread_mutex_init(&link->life, NULL);
    pthread_mutex_init(&link->handle_lock, NULL);
    pthread_mutex_init(&link->buffers_lock, NULL);
    link->log = log;
    link->process.handle = link->process.control = link->process.output = link->process.services = -1;
    link->signals.descriptor = link->requests.descriptor = -1;
    for (lane = 0; lane < LAO__MAX_LANES; lane++) {
        link->lanes[lane].link = link;
        link->lanes[lane].index = lane;
    }
}

static void drop_memory(lao__worker_link_t *link) {
    if (link->responses != NULL) {
        lao__region_orphan(link->responses);
        lao__region_release(link->responses);
        link->responses = NULL;
    }
    lao__memory_file_close(&link->signals);
    lao__memory_file_close(&link->requests);
    lao__cgroup_destroy(&link->cgroup);
    memset(&link->cgroup, 0, sizeof link->cgroup);
    pthread_mutex_lock(&link->handle_lock);
    lao__process_close(&link->process);
    pthread_mutex_unlock(&link->handle_lock);
    link->sent_buffer_count = 0;
}

void lao__worker_link_deinit(lao__worker_link_t *link) {
    drop_memory(link);
    free(link->sent_buffers);
    pthread_mutex_destroy(&link->life);
    pthread_mutex_destroy(&link->handle_lock);
    pthread_mutex_destroy(&link->buffers_lock);
}

/* Memory that is shared counts for nobody's RLIMIT_DATA: without a cgroup the regions themselves are the bound. Also that
 * for requests, which a worker can only read: a page that is missing is made when it is read. */
static uint64_t region_size(const lao__worker_link_t *link, const lao__cgroup_limits_t *limits, uint32_t share) {
    uint64_t bounded = limits->memory_bytes / share / 4096 * 4096 + LAO__MAX_LANES * LAO__FRAME_INLINE;
    bool counted = (link->cgroup.kept & LAO__CGROUP_MEMORY) != 0 || limits->memory_bytes == 0;
    return counted || bounded > LAO__REGION_BYTES ? LAO__REGION_BYTES : bounded;
}

static lao_status_t make_memory(lao__worker_link_t *link, const lao__cgroup_limits_t *limits, lao__error_t *error) {
    lao_status_t status =
        lao__memory_file_create(&link->signals, "lao-signals", LAO__SIGNAL_BYTES, LAO__SIGNAL_BYTES, false, error);
    if (status == LAO_OK) {
        status = lao__memory_file_create(&link->requests, "lao-requests", region_size(link, limits, 2),
                                         LAO__FRAME_INLINE, true, error);
    }
    if (status == LAO_OK) {
        status = lao__region_create(region_size(link, limits, 1), LAO__FRAME_INLINE, &link->responses, error);
    }
    return status;
}

/* --- Life and death --- */

lao_status_t lao__worker_link_start(lao__worker_link_t *link, const char *executable, char *const *environment,
                                    const lao__cgroup_limits_t *limits, lao__error_t *error) {
    lao_status_t status;
    uint32_t lane;
    lao__cgroup_create(&link->cgroup, limits);
    status = make_memory(link, limits, error);
    if (status == LAO_OK) {
        status = lao__process_start(executable, environment, &link->cgroup, link->signals.descriptor,
                                    link->requests.descriptor, link->responses->file.descriptor, &link->process, error);
    }
    if (status != LAO_OK) {
        drop_memory(link);
        return status;
    }
    for (lane = 0; lane < LAO__MAX_LANES; lane++) {
        link->lanes[lane].sent = 0;
        link->lanes[lane].seen = 0;
    }
    link->lane_count = 1;
    link->memory_bytes = limits->memory_bytes;
    link->culprit = 0;
    memset(&link->end, 0, sizeof link->end);
    atomic_store(&link->cause, LAO__END_NONE);
    atomic_store(&link->dead, false);
    atomic_store(&link->calls, 0);
    atomic_store(&link->cgroup_kept, link->cgroup.kept);
    atomic_store(&link->started_ns, lao__now_ns());
    atomic_store(&link->idle_since_ns, lao__coarse_now_ns());
    atomic_fetch_add(&link->generation, 1);
    atomic_store(&link->pid, link->process.pid);
    atomic_store(&link->state, LAO__LINK_STARTING);
    link->death = (lao__watch_t){.descriptor = link->process.handle, .ready = death_ready, .context = link};
    link->output = (lao__watch_t){.descriptor = link->process.output, .ready = output_ready, .context = link};
    lao__monitor_add_watch(&link->death);
    lao__monitor_add_watch(&link->output);
    return LAO_OK;
}

/* The first cause that is stated stays. [handle_lock held] */
static bool state_cause(lao__worker_link_t *link, lao__end_cause_t cause, uint32_t lane, const char *limit, double used,
                        double allowed) {
    uint32_t none = LAO__END_NONE;
    if (atomic_load(&link->cause) != LAO__END_NONE) {
        return false;
    }
    link->culprit = lane < LAO__MAX_LANES ? lane + 1 : 0;
    if (limit != NULL) {
        strncpy(link->limit, limit, sizeof link->limit - 1);
        link->used = used;
        link->allowed = allowed;
    }
    return atomic_compare_exchange_strong(&link->cause, &none, cause);
}

static bool is_alive(lao__worker_link_t *link, uint32_t generation) {
    return link->process.handle >= 0 && !atomic_load(&link->dead) &&
           (generation == 0 || generation == atomic_load(&link->generation));
}

bool lao__worker_link_blame(lao__worker_link_t *link, uint32_t generation, const char *limit, double used,
                            double allowed) {
    bool blamed;
    pthread_mutex_lock(&link->handle_lock);
    blamed = is_alive(link, generation) && state_cause(link, LAO__END_LIMIT, LAO__MAX_LANES, limit, used, allowed);
    pthread_mutex_unlock(&link->handle_lock);
    return blamed;
}

/* Kills it. */
static void kill_for(lao__worker_link_t *link, uint32_t generation, lao__end_cause_t cause, uint32_t lane,
                     const char *limit, double used, double allowed) {
    pthread_mutex_lock(&link->handle_lock);
    if (is_alive(link, generation)) {
        state_cause(link, cause, lane, limit, used, allowed);
        lao__process_kill(&link->process);
    }
    pthread_mutex_unlock(&link->handle_lock);
}

static void await_death(lao__worker_link_t *link, uint32_t generation) {
    int64_t until_ns = lao__now_ns() + LATE_DEATH_NS;
    while (!atomic_load(&link->dead) && lao__now_ns() < until_ns &&
           (generation == 0 || generation == atomic_load(&link->generation))) {
        usleep(100);
    }
}

void lao__worker_link_end(lao__worker_link_t *link, uint32_t generation, lao__end_cause_t cause, uint32_t lane) {
    kill_for(link, generation, cause, lane, NULL, -1, -1);
    await_death(link, generation);
}

void lao__worker_link_end_for_limit(lao__worker_link_t *link, uint32_t generation, const char *limit, double used,
                                    double allowed) {
    kill_for(link, generation, LAO__END_LIMIT, LAO__MAX_LANES, limit, used, allowed);
    await_death(link, generation);
}

void lao__worker_link_take_down(lao__worker_link_t *link) {
    int64_t until_ns = lao__now_ns() + LATE_DEATH_NS;
    if (atomic_load(&link->state) == LAO__LINK_STOPPED) {
        return;
    }
    atomic_store(&link->state, LAO__LINK_ENDING);
    lao__worker_link_end(link, 0, LAO__END_CLOSED, LAO__MAX_LANES);
    /* A process that somebody traces is dead before its parent may reap it. */
    while (atomic_load(&link->dead) && !link->end.known && lao__now_ns() < until_ns) {
        link->end = lao__process_reap(&link->process);
        usleep(100);
    }
    lao__monitor_remove_watch(&link->death);
    lao__monitor_remove_watch(&link->output);
    while (atomic_load(&link->users) > 0) { /* they were woken and are on their way */
        usleep(50);
    }
    drop_memory(link);
    atomic_store(&link->pid, 0);
    atomic_store(&link->state, LAO__LINK_STOPPED);
}

/* --- Why --- */

/* Of a call that was under way when somebody else's ended the worker. */
static lao_status_t lost(const char *why, lao__error_t *error) {
    return lao__fail(error, LAO_WORKER_RESTARTED, "%s", why);
}

static lao_status_t reached_memory(lao__worker_link_t *link, lao__error_t *error) {
    lao__fail(error, LAO_LIMIT_EXCEEDED, "the kernel ended its worker: it wanted more memory than it may have");
    strncpy(error->limit, "max_memory_mb", sizeof error->limit - 1);
    error->used = (double)lao__cgroup_memory_peak(&link->cgroup) / MEBIBYTE;
    error->allowed = (double)link->memory_bytes / MEBIBYTE;
    return LAO_LIMIT_EXCEEDED;
}

static lao_status_t crashed(lao__worker_link_t *link, uint32_t lane, lao__error_t *error) {
    lao__process_end_t end = link->end;
    uint32_t hint = atomic_load(&page_of(link)->crashed_lane);
    if (end.signal == SIGKILL && lao__cgroup_memory_killed(&link->cgroup)) {
        return reached_memory(link, error);
    }
    if (hint != 0 && hint <= link->lane_count && hint != lane + 1) {
        return lost("another call crashed its worker", error);
    }
    if (!end.known) {
        lao__fail(error, LAO_CRASHED, "its worker process died");
    } else if (end.signal != 0) {
        const char *name = sigabbrev_np(end.signal);
        lao__fail(error, LAO_CRASHED, "its worker process was ended by SIG%s", name != NULL ? name : "?");
    } else {
        lao__fail(error, LAO_CRASHED, "its worker process exited with code %d in the middle of a call", end.exit_code);
    }
    error->signal = end.signal;
    error->exit_code = end.exit_code;
    return LAO_CRASHED;
}

lao_status_t lao__worker_link_explain(lao__worker_link_t *link, uint32_t lane, lao__error_t *error) {
    bool mine = link->culprit == 0 || link->culprit == lane + 1;
    switch ((lao__end_cause_t)atomic_load(&link->cause)) {
    case LAO__END_LIMIT:
        lao__fail(error, LAO_LIMIT_EXCEEDED, "its worker was ended: `%s` was reached", link->limit);
        memcpy(error->limit, link->limit, sizeof error->limit);
        error->used = link->used;
        error->allowed = link->allowed;
        return LAO_LIMIT_EXCEEDED;
    case LAO__END_DEADLINE:
        return mine ? lao__fail(error, LAO_TIMED_OUT, "the deadline passed; its worker was ended")
                    : lost("another call missed its deadline, and its worker was ended", error);
    case LAO__END_CANCELLED:
        return mine ? lao__fail(error, LAO_CANCELLED, "the call was cancelled; its worker was ended")
                    : lost("another call was cancelled, and its worker was ended", error);
    case LAO__END_VIOLATION:
        return mine ? lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker broke the protocol and was ended")
                    : lost("its worker broke the protocol in another call, and was ended", error);
    case LAO__END_CLOSED:
        return lao__fail(error, LAO_CANCELLED, "the plugin was closed");
    case LAO__END_NONE:
        break;
    }
    return crashed(link, lane, error);
}
