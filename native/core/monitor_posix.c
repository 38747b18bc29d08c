#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "monitor.h"
#include "target.h"

#define BUSY_TICK_MS 5   /* deadlines are noticed this late while calls are in flight */
#define QUIET_TICK_MS 50 /* and the first one after a pause this late */

static struct {
    pthread_mutex_t lock;
    uint32_t fork_epoch; /* in which the thread runs; 0 = never started */
    int wake[2];         /* a pipe: a byte ends the poll */
    lao__target_t *targets;
    lao__watch_t *watches;
    struct pollfd *polled;
    uint32_t polled_capacity;
} monitor = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = {-1, -1}};

static _Atomic bool interrupted;
static _Atomic bool catches_sigint;

static void wake_up(void) {
    const char byte = 0;
    ssize_t written = write(monitor.wake[1], &byte, 1);
    (void)written; /* a full pipe wakes as well */
}

static void drain_wake_pipe(void) {
    char bytes[64];
    while (read(monitor.wake[0], bytes, sizeof bytes) > 0) {
    }
}

/* --- Ctrl-C --- */

static struct sigaction host_action; /* what was there before us */

void lao__monitor_interrupt(void) {
    int saved = errno;
    atomic_store(&interrupted, true);
    if (monitor.wake[1] >= 0) {
        wake_up();
    }
    errno = saved;
}

static void on_sigint(int signal_number, siginfo_t *info, void *context) {
    lao__monitor_interrupt();
    if ((host_action.sa_flags & SA_SIGINFO) != 0) {
        host_action.sa_sigaction(signal_number, info, context);
    } else if (host_action.sa_handler != SIG_DFL && host_action.sa_handler != SIG_IGN) {
        host_action.sa_handler(signal_number);
    }
}

static void put_interrupt_in_front(void) {
    struct sigaction current;
    struct sigaction ours;
    if (sigaction(SIGINT, NULL, &current) != 0) {
        return;
    }
    if ((current.sa_flags & SA_SIGINFO) != 0 ? current.sa_sigaction == on_sigint
                                             : current.sa_handler == SIG_DFL || current.sa_handler == SIG_IGN) {
        return;
    }
    host_action = current;
    ours = current; /* the same mask and restart behaviour */
    ours.sa_flags |= SA_SIGINFO;
    ours.sa_sigaction = on_sigint;
    sigaction(SIGINT, &ours, NULL);
}

/* --- The thread --- */

/* One look at every call in flight; returns how many there are. */
static uint32_t look_at_calls(void) {
    int64_t now_ns = lao__now_ns();
    bool cancel_all = atomic_exchange(&interrupted, false);
    uint32_t in_flight = 0;
    lao__target_t *target;
    for (target = monitor.targets; target != NULL; target = target->next) {
        if (cancel_all) {
            lao__flights_cancel(&target->flights, 0);
        }
        in_flight += lao__flights_expire(&target->flights, now_ns);
    }
    return in_flight;
}

/* The descriptors to poll: the wake pipe, then the watches in list order. */
static uint32_t collect_descriptors(void) {
    uint32_t count = 1;
    lao__watch_t *watch;
    for (watch = monitor.watches; watch != NULL; watch = watch->next) {
        count++;
    }
    if (count > monitor.polled_capacity) {
        struct pollfd *larger = realloc(monitor.polled, 2 * count * sizeof *larger);
        if (larger == NULL) {
            return 0;
        }
        monitor.polled = larger;
        monitor.polled_capacity = 2 * count;
    }
    monitor.polled[0] = (struct pollfd){.fd = monitor.wake[0], .events = POLLIN};
    count = 1;
    for (watch = monitor.watches; watch != NULL; watch = watch->next) {
        watch->slot = count;
        monitor.polled[count++] = (struct pollfd){.fd = watch->active ? watch->descriptor : -1, .events = POLLIN};
    }
    return count;
}

/* The list may have changed while nobody held the lock. A descriptor says nothing of that: its number may belong to
 * another watch by now, whose process lives. */
static void serve_watches(void) {
    lao__watch_t *watch;
    for (watch = monitor.watches; watch != NULL; watch = watch->next) {
        if (watch->active && watch->slot != 0 && monitor.polled[watch->slot].revents != 0) {
            watch->active = watch->ready(watch);
        }
    }
}

static void *run(void *unused) {
    (void)unused;
    pthread_mutex_lock(&monitor.lock);
    for (;;) {
        uint32_t in_flight = look_at_calls();
        uint32_t count = collect_descriptors();
        int tick_ms = monitor.targets == NULL ? -1 : in_flight > 0 ? BUSY_TICK_MS : QUIET_TICK_MS;
        int found;
        if (in_flight > 0 && atomic_load(&catches_sigint)) {
            put_interrupt_in_front(); /* asyncio and others replace the handler and put back their own */
        }
        pthread_mutex_unlock(&monitor.lock);
        found = count > 0 ? poll(monitor.polled, count, tick_ms) : -1;
        pthread_mutex_lock(&monitor.lock);
        if (found > 0) {
            drain_wake_pipe();
            serve_watches();
        } else if (count == 0) {
            pthread_mutex_unlock(&monitor.lock);
            usleep(QUIET_TICK_MS * 1000); /* no memory for the list: try again */
            pthread_mutex_lock(&monitor.lock);
        }
    }
    return NULL;
}

static void start(void) {
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;
    if (monitor.fork_epoch == lao__fork_epoch()) {
        return;
    }
    /* In a forked child the thread is gone, and lists and pipe are the parent's. */
    monitor.targets = NULL;
    monitor.watches = NULL;
    monitor.polled = NULL;
    monitor.polled_capacity = 0;
    if (pipe(monitor.wake) != 0) {
        return;
    }
    fcntl(monitor.wake[0], F_SETFL, O_NONBLOCK);
    fcntl(monitor.wake[1], F_SETFL, O_NONBLOCK);
    fcntl(monitor.wake[0], F_SETFD, FD_CLOEXEC);
    fcntl(monitor.wake[1], F_SETFD, FD_CLOEXEC);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the host's threads' business */
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attributes, run, NULL) == 0) {
        monitor.fork_epoch = lao__fork_epoch();
    }
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* A fork may have happened while another thread held the lock: the child gets a fresh one. */
static void enter(void) {
    static _Atomic uint32_t lock_epoch = 1;
    uint32_t epoch = lao__fork_epoch();
    if (atomic_exchange(&lock_epoch, epoch) != epoch) {
        pthread_mutex_init(&monitor.lock, NULL);
    }
    pthread_mutex_lock(&monitor.lock);
    start();
}

static void leave(void) {
    wake_up();
    pthread_mutex_unlock(&monitor.lock);
}

void lao__monitor_add_target(lao__target_t *target) {
    enter();
    target->next = monitor.targets;
    monitor.targets = target;
    leave();
}

void lao__monitor_remove_target(lao__target_t *target) {
    lao__target_t **link;
    enter();
    for (link = &monitor.targets; *link != NULL; link = &(*link)->next) {
        if (*link == target) {
            *link = target->next;
            break;
        }
    }
    leave();
}

void lao__monitor_add_watch(lao__watch_t *watch) {
    enter();
    watch->active = true;
    watch->slot = 0;
    watch->next = monitor.watches;
    monitor.watches = watch;
    leave();
}

void lao__monitor_remove_watch(lao__watch_t *watch) {
    lao__watch_t **link;
    enter();
    for (link = &monitor.watches; *link != NULL; link = &(*link)->next) {
        if (*link == watch) {
            *link = watch->next;
            break;
        }
    }
    watch->active = false;
    leave();
}

void lao__monitor_catch_sigint(void) {
    atomic_store(&catches_sigint, true);
    put_interrupt_in_front();
}
