/* The pool: alignment, reuse, bounds, foreign pointers, threads. */
#include <pthread.h>
#include <signal.h>

#include "core/pool.h"
#include "expect.h"

static void alignment(void) {
    static const uint64_t sizes[] = {0, 1, 63, 64, 4095, 4096, 4097, 100000, 1 << 20};
    for (uint64_t alignment = 1; alignment <= 4096; alignment *= 2) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            char *memory = lao__pool_alloc(sizes[i], alignment);
            EXPECT(memory != NULL);
            EXPECT_EQUAL((uintptr_t)memory % alignment, 0);
            EXPECT_EQUAL((uintptr_t)memory % 64, 0);
            memset(memory, 0xA5, sizes[i]); /* all of it is ours */
            lao__pool_free(memory);
        }
    }
    char *memory = lao__pool_alloc(10, 0);
    EXPECT(memory != NULL && (uintptr_t)memory % 64 == 0);
    lao__pool_free(memory);
}

static void invalid_requests(void) {
    EXPECT(lao__pool_alloc(10, 3) == NULL);
    EXPECT(lao__pool_alloc(10, 8192) == NULL);
    EXPECT(lao__pool_alloc(10, UINT64_MAX) == NULL);
    EXPECT(lao__pool_alloc(UINT64_MAX, 0) == NULL);
    EXPECT(lao__pool_alloc(UINT64_MAX - 63, 64) == NULL);
    EXPECT(lao__pool_alloc((uint64_t)1 << 63, 0) == NULL);
    EXPECT(lao__pool_alloc(((uint64_t)1 << 40) * 2, 0) == NULL);
    lao__pool_free(NULL);
}

static void reuse(void) {
    lao__pool_trim();
    char *first = lao__pool_alloc(1 << 20, 0);
    EXPECT(first != NULL);
    EXPECT_EQUAL(lao__pool_retained(), 0);
    lao__pool_free(first);
    EXPECT(lao__pool_retained() >= 1 << 20);
    char *second = lao__pool_alloc(1 << 20, 0);
    EXPECT(second == first); /* warm */
    EXPECT_EQUAL(lao__pool_retained(), 0);
    lao__pool_free(second);
    lao__pool_trim();
    EXPECT_EQUAL(lao__pool_retained(), 0);
}

/* Blocks of every size in turn do not overlap, and a smaller one never comes back for a larger request. */
static void size_classes(void) {
    enum { COUNT = 200 };
    static unsigned char *blocks[COUNT];
    for (int round = 0; round < 2; round++) { /* the second time from the free lists */
        for (size_t i = 0; i < COUNT; i++) {
            size_t size = 3000 + i * i * 13;
            blocks[i] = lao__pool_alloc(size, 0);
            EXPECT(blocks[i] != NULL);
            memset(blocks[i], (int)i, size);
        }
        for (size_t i = 0; i < COUNT; i++) {
            size_t size = 3000 + i * i * 13;
            EXPECT(blocks[i][0] == (unsigned char)i && blocks[i][size - 1] == (unsigned char)i);
            lao__pool_free(blocks[i]);
        }
    }
    lao__pool_trim();
}

static void retained_memory_is_bounded(void) {
    enum { COUNT = 40 };
    static void *blocks[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        blocks[i] = lao__pool_alloc((uint64_t)16 << 20, 0);
        EXPECT(blocks[i] != NULL);
    }
    for (size_t i = 0; i < COUNT; i++) {
        lao__pool_free(blocks[i]);
    }
    EXPECT(lao__pool_retained() <= LAO__POOL_RETAINED);
    EXPECT(lao__pool_retained() > LAO__POOL_RETAINED / 2);
    lao__pool_trim();
}

static void free_foreign_memory(void) {
    static char foreign[256];
    lao__pool_free(foreign + 128);
}

static void broken_frees_stop_the_process(void) {
    int status = outcome_of(free_foreign_memory);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void *work(void *context) {
    uint64_t seed = (uint64_t)(uintptr_t)context * 7919 + 1;
    for (int round = 0; round < 3000; round++) {
        uint64_t size = 1 + next_random(&seed) % 200000;
        unsigned char *memory = lao__pool_alloc(size, 0);
        EXPECT(memory != NULL);
        unsigned char mark = (unsigned char)next_random(&seed);
        memory[0] = memory[size - 1] = memory[size / 2] = mark;
        if (round % 16 == 0) {
            lao__pool_trim();
        }
        EXPECT(memory[0] == mark && memory[size - 1] == mark);
        lao__pool_free(memory);
    }
    return NULL;
}

static void threads(void) {
    pthread_t thread[4];
    for (uintptr_t i = 0; i < 4; i++) {
        EXPECT_EQUAL(pthread_create(&thread[i], NULL, work, (void *)(i + 1)), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
    }
    lao__pool_trim();
}

int main(void) {
    RUN(alignment);
    RUN(invalid_requests);
    RUN(reuse);
    RUN(size_classes);
    RUN(retained_memory_is_bounded);
    RUN(broken_frees_stop_the_process);
    RUN(threads);
    return 0;
}
