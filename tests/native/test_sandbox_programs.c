/* What an ordinary plugin does must go on working in a sandbox. */
#include <dlfcn.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>

#include "sandboxed.h"

#define THREADS 8
#define COUNT(array) (sizeof(array) / sizeof *(array))

static void *work(void *context) {
    char *memory = malloc(1 << 20);
    size_t index;
    for (index = 0; memory != NULL && index < 1 << 20; index += 4096) {
        memory[index] = 1;
    }
    free(memory);
    atomic_fetch_add((atomic_int *)context, 1);
    return NULL;
}

static int threads(void) {
    pthread_t started[THREADS];
    atomic_int done = 0;
    int index;
    for (index = 0; index < THREADS; index++) {
        if (pthread_create(&started[index], NULL, work, &done) != 0) {
            return 1;
        }
        (void)pthread_setname_np(started[index], "lao-test");
    }
    for (index = 0; index < THREADS; index++) {
        pthread_join(started[index], NULL);
    }
    return done == THREADS ? 0 : 2;
}

static int memory(void) {
    char *block = malloc(64 << 20);
    int round;
    for (round = 0; round < 4 && block != NULL; round++) {
        block = realloc(block, (size_t)(32 + 16 * round) << 20);
        if (block != NULL) {
            memset(block, round, (size_t)(32 + 16 * round) << 20);
        }
    }
    free(block);
    return block != NULL ? 0 : errno;
}

static int stack(void) {
    pthread_attr_t attributes;
    void *base;
    size_t size;
    /* Reads /proc/self/maps, as collectors and backtraces do. */
    return pthread_getattr_np(pthread_self(), &attributes) == 0 &&
                   pthread_attr_getstack(&attributes, &base, &size) == 0 && size > 0
               ? 0
               : 1;
}

static int libraries(void) {
    void *library = dlopen("libm.so.6", RTLD_NOW);
    double (*function)(double) = NULL;
    if (library != NULL) {
        *(void **)&function = dlsym(library, "cbrt");
    }
    return function != NULL && fabs(function(27.0) - 3.0) < 1e-9 ? 0 : 1;
}

static volatile sig_atomic_t signals;
static void count(int number) {
    (void)number;
    signals++;
}
static int own_signals(void) {
    struct sigaction action = {.sa_handler = count};
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    pthread_kill(pthread_self(), SIGUSR1);
    return signals == 2 ? 0 : 1;
}

static int waiting(void) {
    struct itimerspec soon = {.it_value = {.tv_nsec = 1000000}};
    struct pollfd polled = {.fd = timerfd_create(CLOCK_MONOTONIC, 0), .events = POLLIN};
    uint64_t value = 1;
    int event = eventfd(0, 0);
    int ends[2];
    struct timespec moment = {0, 1000};
    if (pipe(ends) != 0 || write(ends[1], "x", 1) != 1 || read(ends[0], &value, 1) != 1) {
        return 1;
    }
    value = 1;
    if (write(event, &value, sizeof value) != sizeof value || read(event, &value, sizeof value) != sizeof value) {
        return 2;
    }
    if (timerfd_settime(polled.fd, 0, &soon, NULL) != 0 || poll(&polled, 1, 10000) != 1) {
        return 3;
    }
    return nanosleep(&moment, NULL);
}

static int machine(void) {
    char bytes[16];
    int file = open("/dev/urandom", O_RDONLY);
    if (sysconf(_SC_NPROCESSORS_ONLN) < 1 || sysconf(_SC_PHYS_PAGES) < 1) {
        return 1;
    }
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes || read(file, bytes, sizeof bytes) != sizeof bytes) {
        return 2;
    }
    return time(NULL) > 0 && clock() != (clock_t)-1 ? 0 : 3;
}

static int output(void) { return dprintf(1, "%s", "") == 0 && open("/dev/null", O_WRONLY) >= 0 ? 0 : 1; }

static int end_by_abort(void) { abort(); }
static int end_by_fault(void) {
    *(volatile int *)8 = 1;
    return 0;
}
static int end_by_kill(void) { return kill(getpid(), SIGKILL); }

static void ordinary(const char *plan) {
    static const attempt_t attempts[] = {
        {"threads", threads, 0},
        {"memory", memory, 0},
        {"the stack", stack, 0},
        {"libraries", libraries, 0},
        {"signals of its own", own_signals, 0},
        {"waiting", waiting, 0},
        {"the machine", machine, 0},
        {"output", output, 0},
    };
    run_attempts(plan, attempts, COUNT(attempts));
}

static void plainly(void) { ordinary(BASE_PLAN); }
static void bounded(void) {
    ordinary(BASE_PLAN MEMORY_LIMIT(268435456) "threads 16\ndescriptors 64\nfile_bytes 1048576\n");
}
static void in_namespaces(void) { ordinary(BASE_PLAN "namespaces user,mount,net,ipc\nthreads 16\n"); }
static void in_a_cgroup(void) { ordinary(BASE_PLAN "cgroup_memory 1\ncgroup_pids 1\ncgroup_cpu 1\n"); }

/* A sanitizer would report these itself, and exit. */
static void ends(void) {
#ifndef __SANITIZE_ADDRESS__
    static const attempt_t attempts[] = {
        {"abort", end_by_abort, -SIGABRT},
        {"a fault", end_by_fault, -SIGSEGV},
        {"SIGKILL to itself", end_by_kill, -SIGKILL},
    };
    run_attempts(BASE_PLAN, attempts, COUNT(attempts));
#else
    (void)end_by_abort;
    (void)end_by_fault;
    (void)end_by_kill;
#endif
}

/* --- The user's other processes do not count, and more threads than granted do not start --- */

static int too_many_threads(void) {
    static atomic_int done;
    pthread_t thread;
    int count;
    sigset_t all;
    sigfillset(&all);
    for (count = 0; count < 200; count++) {
        if (pthread_create(&thread, NULL, (void *(*)(void *))(void *)pause, &done) != 0) {
            return count >= 4 && count < 40 ? 0 : 2;
        }
    }
    return 1;
}

static void threads_of_a_user(void) {
    static const attempt_t attempts[] = {{"200 threads", too_many_threads, 0}};
    int status;
    size_t user;
    for (user = 0; user < user_count(); user++) {
        if (users[user].id == NOBODY || geteuid() != 0) {
            status = end_in_sandbox(BASE_PLAN "namespaces user\nthreads 4\n", &users[user], attempts[0].body);
            EXPECT_EQUAL(status, 0);
        }
    }
}

int main(void) {
    RUN(plainly);
    RUN(bounded);
    RUN(in_namespaces);
    RUN(in_a_cgroup);
    RUN(ends);
    RUN(threads_of_a_user);
    return 0;
}
