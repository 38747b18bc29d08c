/* The words by which two sides wake each other: turns between threads and processes, time-outs, and a dead peer. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#include "core/clock.h"
#include "expect.h"
#include "ipc/wakeup.h"

#define MS INT64_C(1000000)
enum { TURNS = 20000 };

/* As both sides wait: watching first. */
static lao__wait_result_t wait_for(lao__signal_t *signal, uint32_t seen, int64_t until_ns, uint32_t *sequence) {
    int64_t left_ns = until_ns - lao__now_ns();
    return lao__signal_watch(signal, seen, left_ns < LAO__SPIN_NS ? left_ns : LAO__SPIN_NS, sequence)
               ? LAO__WAIT_CHANGED
               : lao__signal_park(signal, seen, until_ns, sequence);
}

static lao__signal_page_t *page;

/* Waits for the next sequence, however often the wait is interrupted. */
static uint32_t next(lao__signal_t *signal, uint32_t seen) {
    uint32_t sequence;
    int64_t end = lao__now_ns() + 20000 * MS;
    while (wait_for(signal, seen, lao__now_ns() + 1000 * MS, &sequence) != LAO__WAIT_CHANGED) {
        EXPECT(lao__now_ns() < end);
    }
    return sequence;
}

/* Answers every request with its own sequence. */
static void answer(int turns) {
    uint32_t seen = 0;
    for (int turn = 0; turn < turns; turn++) {
        uint32_t sequence = next(&page->lanes[0].to_worker, seen);
        EXPECT_EQUAL(sequence, lao__signal_next(seen)); /* none is lost, none comes twice */
        seen = sequence;
        lao__signal_publish(&page->lanes[0].to_host, sequence);
    }
}

static void ask(int turns, int pause_every) {
    uint32_t seen = 0;
    for (int turn = 0; turn < turns; turn++) {
        uint32_t sequence = lao__signal_next(seen);
        if (pause_every > 0 && turn % pause_every == 0) {
            usleep(300); /* long enough for the other side to sleep */
        }
        lao__signal_publish(&page->lanes[0].to_worker, sequence);
        EXPECT_EQUAL(next(&page->lanes[0].to_host, seen), sequence);
        seen = sequence;
    }
}

static void *answer_thread(void *turns) {
    answer(*(int *)turns);
    return NULL;
}

static void turns_between_threads(void) {
    int turns = TURNS;
    pthread_t thread;
    memset(page, 0, sizeof *page);
    EXPECT_EQUAL(pthread_create(&thread, NULL, answer_thread, &turns), 0);
    ask(turns, 0);
    pthread_join(thread, NULL);
}

static void turns_between_processes(int turns, int pause_every, int same_cpu) {
    int status;
    memset(page, 0, sizeof *page);
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        if (same_cpu) {
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(sched_getcpu(), &one);
            sched_setaffinity(0, sizeof one, &one);
        }
        answer(turns);
        _exit(0);
    }
    ask(turns, pause_every);
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
}

static void busy_processes(void) { turns_between_processes(TURNS, 0, 0); }

static void sleepy_processes(void) { turns_between_processes(1000, 3, 0); }

static void processes_on_one_cpu(void) { turns_between_processes(2000, 0, 1); }

static void time_outs(void) {
    uint32_t sequence;
    memset(page, 0, sizeof *page);
    int64_t start = lao__now_ns();
    EXPECT_EQUAL(wait_for(&page->lanes[0].to_host, 0, start + 30 * MS, &sequence), LAO__WAIT_TIMEOUT);
    int64_t took = lao__now_ns() - start;
    EXPECT(took >= 25 * MS && took < 1000 * MS);
    EXPECT_EQUAL(wait_for(&page->lanes[0].to_host, 0, start, &sequence), LAO__WAIT_TIMEOUT); /* long past */
    lao__signal_publish(&page->lanes[0].to_host, 5);
    EXPECT_EQUAL(wait_for(&page->lanes[0].to_host, 0, start, &sequence), LAO__WAIT_CHANGED); /* but it is there */
    EXPECT_EQUAL(sequence, 5);
}

static void *wait_for_death(void *sequence) {
    *(uint32_t *)sequence = next(&page->lanes[0].to_host, 0);
    return NULL;
}

static void death_wakes_and_stays(void) {
    uint32_t sequence = 0;
    pthread_t thread;
    memset(page, 0, sizeof *page);
    EXPECT_EQUAL(pthread_create(&thread, NULL, wait_for_death, &sequence), 0);
    usleep(20000);
    lao__signal_kill(&page->lanes[0].to_host);
    pthread_join(thread, NULL);
    EXPECT_EQUAL(sequence, LAO__SIGNAL_DEAD >> 1);
    EXPECT_EQUAL(next(&page->lanes[0].to_host, 0), LAO__SIGNAL_DEAD >> 1);
}

static void sequences_never_reach_the_dead_mark(void) {
    uint32_t sequence = UINT32_MAX / 2 - 3;
    for (int i = 0; i < 10; i++) {
        uint32_t after = lao__signal_next(sequence);
        EXPECT(after != 0 && after != sequence && after != LAO__SIGNAL_DEAD >> 1);
        sequence = after;
    }
    EXPECT(sequence < 100); /* it wrapped around */
}

/* The hint of the other side is not trusted: whatever CPU it names, the wait ends. */
static void a_lying_peer(void) {
    static const uint32_t cpus[] = {0, 1, 2, 63, 64, 1023, 1024, INT32_MAX, UINT32_MAX};
    for (size_t i = 0; i < sizeof cpus / sizeof *cpus; i++) {
        uint32_t sequence;
        memset(page, 0, sizeof *page);
        atomic_store(&page->lanes[0].to_host.producer_cpu, cpus[i]);
        EXPECT_EQUAL(wait_for(&page->lanes[0].to_host, 0, lao__now_ns() + 2 * MS, &sequence), LAO__WAIT_TIMEOUT);
    }
}

int main(void) {
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT(page != MAP_FAILED);
    RUN(turns_between_threads);
    RUN(busy_processes);
    RUN(sleepy_processes);
    RUN(processes_on_one_cpu);
    RUN(time_outs);
    RUN(death_wakes_and_stays);
    RUN(sequences_never_reach_the_dead_mark);
    RUN(a_lying_peer);
    return 0;
}
