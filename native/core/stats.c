#include "stats.h"

#include <pthread.h>

#include "clock.h"

#define LEAST_NS 2000000 /* a shorter measurement would be off by more than a per cent */

static struct {
    pthread_once_t once;
    uint64_t counter;
    int64_t now_ns;
} start = {.once = PTHREAD_ONCE_INIT};

static void note_start(void) {
    start.now_ns = lao__now_ns();
    start.counter = lao__counter();
}

void lao__counter_start(void) { pthread_once(&start.once, note_start); }

double lao__counter_step_ns(void) {
    int64_t elapsed_ns;
    uint64_t elapsed;
    lao__counter_start();
    do {
        elapsed_ns = lao__now_ns() - start.now_ns;
        elapsed = lao__counter() - start.counter;
    } while (elapsed_ns < LEAST_NS);
    return elapsed > 0 ? (double)elapsed_ns / (double)elapsed : 1.0;
}
