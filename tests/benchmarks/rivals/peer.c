/* The other end of what a user would otherwise build, and the limit: two C processes that answer each other over shared
 * memory.
 *
 *   peer pipe               answers on stdout what comes on stdin: 4 bytes of length, the payload
 *   peer load LIBRARY       loads a library and says so with one byte: what starting a worker costs at least
 *   peer spin SIZE COUNT    round trips of SIZE bytes between two processes that spin; nanoseconds of each on stdout
 *   peer futex SIZE COUNT GAP_US   the same with waits in the kernel, and a pause before each
 */
#include <dlfcn.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* --- pipe --- */

static int read_all(char *to, size_t size) {
    while (size > 0) {
        ssize_t got = read(0, to, size);
        if (got <= 0) {
            return 0;
        }
        to += got;
        size -= (size_t)got;
    }
    return 1;
}

static void write_all(const char *from, size_t size) {
    while (size > 0) {
        ssize_t put = write(1, from, size);
        if (put <= 0) {
            exit(1);
        }
        from += put;
        size -= (size_t)put;
    }
}

static int serve_pipe(void) {
    uint32_t size;
    char *buffer = NULL;
    while (read_all((char *)&size, sizeof size)) {
        buffer = realloc(buffer, size + sizeof size);
        memcpy(buffer, &size, sizeof size);
        if (buffer == NULL || !read_all(buffer + sizeof size, size)) {
            return 1;
        }
        write_all(buffer, size + sizeof size);
    }
    return 0;
}

/* --- shared memory --- */

typedef struct {
    _Alignas(64) _Atomic uint32_t to_peer;
    _Alignas(64) _Atomic uint32_t to_us;
    _Alignas(64) char request[1];
} shared_t;

static int waits; /* in the kernel */

static void publish(_Atomic uint32_t *word, uint32_t value) {
    atomic_store(word, value);
    if (waits) {
        syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
    }
}

static void await(_Atomic uint32_t *word, uint32_t value) {
    uint32_t seen;
    while ((seen = atomic_load_explicit(word, memory_order_acquire)) != value) {
        if (waits) {
            syscall(SYS_futex, word, FUTEX_WAIT, seen, NULL, NULL, 0);
        } else {
#if defined(__x86_64__)
            __builtin_ia32_pause();
#endif
        }
    }
}

static int measure(size_t size, uint32_t count, uint32_t gap_us) {
    size_t bytes = sizeof(shared_t) + 2 * size;
    shared_t *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    char *request = shared->request, *reply = shared->request + size;
    char *input = calloc(1, size), *output = calloc(1, size);
    int64_t *took = calloc(count, sizeof *took);
    uint32_t index;
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (index = 1; index <= count; index++) {
            await(&shared->to_peer, index);
            memcpy(reply, request, size);
            publish(&shared->to_us, index);
        }
        _exit(0);
    }
    for (index = 1; index <= count; index++) {
        int64_t begin;
        if (gap_us > 0) {
            usleep(gap_us);
        }
        begin = now_ns();
        memcpy(request, input, size);
        publish(&shared->to_peer, index);
        await(&shared->to_us, index);
        memcpy(output, reply, size);
        took[index - 1] = now_ns() - begin;
    }
    for (index = 0; index < count; index++) {
        printf("%lld\n", (long long)took[index]);
    }
    return 0;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "pipe") == 0) {
        return serve_pipe();
    }
    if (strcmp(what, "load") == 0 && argc > 2) {
        return dlopen(argv[2], RTLD_NOW | RTLD_LOCAL) != NULL && write(1, "x", 1) == 1 ? 0 : 1;
    }
    if (argc > 3) {
        waits = strcmp(what, "futex") == 0;
        return measure(strtoul(argv[2], NULL, 10), (uint32_t)atoi(argv[3]), argc > 4 ? (uint32_t)atoi(argv[4]) : 0);
    }
    return 2;
}
