#include "crash_hint.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STACK_BYTES 16384u /* an overflown stack has no room for a handler */

static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};

static lao__signal_page_t *signal_page;
static _Thread_local uint32_t own_lane = UINT32_MAX;

/* The action is the default again: what caused the signal does so once more when this returns. */
static void on_crash(int signal_number, siginfo_t *info, void *context) {
    (void)context;
    if (own_lane != UINT32_MAX) {
        atomic_store(&signal_page->crashed_lane, own_lane + 1);
    }
    if (info->si_code <= 0) { /* somebody sent it: it does not come again by itself */
        raise(signal_number);
    }
}

/* A lane's thread never ends by itself: without it the host would wait for its deadline. */
static pthread_key_t thread_end;

static void on_thread_end(void *lane) {
    (void)lane;
    fprintf(stderr, "lao: the plugin ended the thread that it was called on\n");
    abort();
}

void lao__crash_hint_install(lao__signal_page_t *page) {
    struct sigaction action;
    size_t index;
    signal_page = page;
    pthread_key_create(&thread_end, on_thread_end);
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_crash;
    action.sa_flags = (int)(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER);
    for (index = 0; index < sizeof crashes / sizeof *crashes; index++) {
        struct sigaction before;
        if (sigaction(crashes[index], NULL, &before) == 0 && before.sa_handler == SIG_DFL) {
            sigaction(crashes[index], &action, NULL); /* a sanitizer that watches already stays */
        }
    }
}

void lao__crash_hint_lane(uint32_t lane) {
    static char stacks[LAO__MAX_LANES][STACK_BYTES];
    const stack_t stack = {.ss_sp = stacks[lane], .ss_size = STACK_BYTES};
    own_lane = lane;
    sigaltstack(&stack, NULL);
    pthread_setspecific(thread_end, stacks[lane]);
}
