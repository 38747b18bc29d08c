#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "../core/target.h"
#include "spawner.h"

static struct {
    pthread_mutex_t order; /* one job at a time */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t fork_epoch; /* in which the thread runs; 0: never started */
    void (*job)(void *context);
    void *context;
} spawner = {
    .order = PTHREAD_MUTEX_INITIALIZER, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void *run(void *unused) {
    (void)unused;
    pthread_mutex_lock(&spawner.lock);
    for (;;) {
        while (spawner.job == NULL) {
            pthread_cond_wait(&spawner.changed, &spawner.lock);
        }
        spawner.job(spawner.context);
        spawner.job = NULL;
        pthread_cond_broadcast(&spawner.changed);
    }
    return NULL;
}

static bool start(void) {
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;
    bool started;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the host's threads' business */
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    started = pthread_create(&thread, &attributes, run, NULL) == 0;
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

/* In a forked child the thread is gone, and another thread may have held the locks while forking. */
static void enter(void) {
    static _Atomic uint32_t lock_epoch = 1;
    uint32_t epoch = lao__fork_epoch();
    if (atomic_exchange(&lock_epoch, epoch) != epoch) {
        pthread_mutex_init(&spawner.order, NULL);
        pthread_mutex_init(&spawner.lock, NULL);
        pthread_cond_init(&spawner.changed, NULL);
        spawner.job = NULL;
    }
    pthread_mutex_lock(&spawner.order);
}

void lao__spawner_run(void (*job)(void *context), void *context) {
    enter();
    if (spawner.fork_epoch != lao__fork_epoch() && start()) {
        spawner.fork_epoch = lao__fork_epoch();
    }
    if (spawner.fork_epoch != lao__fork_epoch()) {
        job(context); /* no thread to be had: better from here than not at all */
    } else {
        pthread_mutex_lock(&spawner.lock);
        spawner.job = job;
        spawner.context = context;
        pthread_cond_broadcast(&spawner.changed);
        while (spawner.job != NULL) {
            pthread_cond_wait(&spawner.changed, &spawner.lock);
        }
        pthread_mutex_unlock(&spawner.lock);
    }
    pthread_mutex_unlock(&spawner.order);
}
