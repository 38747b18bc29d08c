/* Shared memory: the arena that outputs are born in, sealed files, buffers that are found by address, leases. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#include "expect.h"
#include "ipc/arena.h"
#include "ipc/memory_file.h"
#include "ipc/region.h"
#include "ipc/shared_buffer.h"

static lao__error_t error;

/* --- arena --- */

enum { ARENA = 1 << 20 };
static _Alignas(4096) char memory[ARENA];

static void arena_alignment_and_bounds(void) {
    lao__arena_t arena;
    lao__arena_init(&arena, memory, ARENA, 4096);
    for (uint64_t alignment = 1; alignment <= 4096; alignment *= 2) {
        char *block = lao__arena_alloc(&arena, 100, alignment);
        EXPECT(block != NULL && (uintptr_t)block % alignment == 0 && (uintptr_t)block % 64 == 0);
        EXPECT(block >= memory + 4096 && block + 100 <= memory + ARENA);
        EXPECT(lao__arena_holds(&arena, block, 100));
        memset(block, 0xA5, 100);
        EXPECT(lao__arena_free(&arena, block));
    }
    EXPECT(lao__arena_alloc(&arena, 1, 3) == NULL);
    EXPECT(lao__arena_alloc(&arena, 1, 100) == NULL);
    EXPECT(lao__arena_alloc(&arena, 1, 8192) == NULL);
    EXPECT(lao__arena_alloc(&arena, ARENA, 0) == NULL);
    EXPECT(lao__arena_alloc(&arena, UINT64_MAX, 0) == NULL);
    EXPECT(lao__arena_alloc(&arena, UINT64_MAX - 64, 4096) == NULL);
}

static void arena_reuse(void) {
    lao__arena_t arena;
    lao__arena_init(&arena, memory, ARENA, 64);
    char *first = lao__arena_alloc(&arena, 10000, 0), *second = lao__arena_alloc(&arena, 10000, 0);
    EXPECT(first != NULL && second != NULL && (second >= first + 10000 || first >= second + 10000));
    EXPECT(lao__arena_free(&arena, first));
    EXPECT(lao__arena_alloc(&arena, 10000, 0) == first);
    uint64_t used = arena.used;
    for (int i = 0; i < 10000; i++) { /* no growth where blocks come back */
        char *block = lao__arena_alloc(&arena, 5000, 0);
        EXPECT(block != NULL && lao__arena_free(&arena, block));
    }
    EXPECT(arena.used <= used + 8192);
    lao__arena_init(&arena, memory, ARENA, 64);
    int count = 0;
    while (lao__arena_alloc(&arena, 60000, 0) != NULL) {
        count++;
    }
    EXPECT(count >= 12 && count <= 17); /* at most a quarter is lost to size classes */
}

static void arena_refuses_foreign_memory(void) {
    static char foreign[256];
    lao__arena_t arena;
    lao__arena_init(&arena, memory, ARENA, 64);
    char *block = lao__arena_alloc(&arena, 1000, 0);
    EXPECT(lao__arena_free(&arena, NULL));
    EXPECT(!lao__arena_free(&arena, foreign + 128));
    EXPECT(!lao__arena_free(&arena, block + 64)); /* inside a block */
    EXPECT(!lao__arena_free(&arena, memory));     /* its header would lie before the region */
    EXPECT(lao__arena_free(&arena, block));
    EXPECT(!lao__arena_free(&arena, block)); /* twice */
    EXPECT(!lao__arena_holds(&arena, (const void *)((uintptr_t)memory - 1), 1));
    EXPECT(!lao__arena_holds(&arena, memory + ARENA - 1, 2));
    EXPECT(!lao__arena_holds(&arena, memory, UINT64_MAX));
    EXPECT(lao__arena_holds(&arena, memory, ARENA));
}

/* Random use: blocks never overlap. */
static void arena_under_random_use(void) {
    enum { HELD = 64 };
    static struct {
        unsigned char *block;
        uint64_t size;
        unsigned char mark;
    } held[HELD];
    lao__arena_t arena;
    uint64_t seed = 77;
    lao__arena_init(&arena, memory, ARENA, 64);
    for (int round = 0; round < 100000; round++) {
        size_t i = next_random(&seed) % HELD;
        if (held[i].block != NULL) {
            for (uint64_t at = 0; at < held[i].size; at += 97) {
                EXPECT(held[i].block[at] == held[i].mark);
            }
            EXPECT(lao__arena_free(&arena, held[i].block));
            held[i].block = NULL;
        } else {
            held[i].size = 1 + next_random(&seed) % 8000;
            held[i].mark = (unsigned char)next_random(&seed);
            held[i].block = lao__arena_alloc(&arena, held[i].size, (uint64_t)1 << next_random(&seed) % 13);
            if (held[i].block != NULL) {
                memset(held[i].block, held[i].mark, held[i].size);
            }
        }
    }
}

/* --- files --- */

static void files_are_sealed(void) {
    lao__memory_file_t file;
    EXPECT_EQUAL(lao__memory_file_create(&file, "test", 1 << 20, 4096, false, &error), LAO_OK);
    memset(file.base, 7, 1 << 20);
    EXPECT(ftruncate(file.descriptor, 4096) != 0 && errno == EPERM);
    EXPECT(ftruncate(file.descriptor, 1 << 21) != 0 && errno == EPERM);
    lao__memory_file_trim(&file, 8192, file.size);
    EXPECT(file.base[8191] == 7 && file.base[8192] == 0);
    lao__memory_file_close(&file);
    EXPECT(file.descriptor == -1 && file.base == NULL);
    lao__memory_file_close(&file);
}

static void read_only_files(void) {
    lao__memory_file_t file, view;
    EXPECT_EQUAL(lao__memory_file_create(&file, "test", 8192, 0, true, &error), LAO_OK);
    file.base[0] = 'x'; /* its maker can write */
    EXPECT_EQUAL(lao__memory_file_map(&view, dup(file.descriptor), 8192, true, &error), LAO_SYSTEM);
    EXPECT_EQUAL(lao__memory_file_map(&view, dup(file.descriptor), 8192, false, &error), LAO_OK);
    EXPECT(view.base[0] == 'x');
    file.base[1] = 'y';
    EXPECT(view.base[1] == 'y');
    lao__memory_file_close(&view);
    lao__memory_file_close(&file);
}

static void received_files_are_checked(void) {
    lao__memory_file_t file, view;
    int unsealed = memfd_create("unsealed", MFD_CLOEXEC);
    EXPECT(unsealed >= 0 && ftruncate(unsealed, 8192) == 0);
    EXPECT_EQUAL(lao__memory_file_map(&view, unsealed, 8192, false, &error), LAO_PROTOCOL_VIOLATION);
    EXPECT_EQUAL(view.descriptor, -1);
    EXPECT(fcntl(unsealed, F_GETFD) < 0); /* it took the descriptor over */
    EXPECT_EQUAL(lao__memory_file_create(&file, "small", 4096, 0, false, &error), LAO_OK);
    EXPECT_EQUAL(lao__memory_file_map(&view, dup(file.descriptor), 4097, false, &error), LAO_PROTOCOL_VIOLATION);
    lao__memory_file_close(&file);
    EXPECT_EQUAL(lao__memory_file_map(&view, open("/dev/null", O_RDONLY), 1, false, &error), LAO_PROTOCOL_VIOLATION);
    EXPECT_EQUAL(lao__memory_file_map(&view, -1, 1, false, &error), LAO_PROTOCOL_VIOLATION);
}

static void untouched_pages_are_not_there(void) {
    lao__memory_file_t file;
    EXPECT_EQUAL(lao__memory_file_create(&file, "sparse", 1 << 30, 0, false, &error), LAO_OK);
    EXPECT_EQUAL(lao__memory_file_touched(&file), 0);
    memset(file.base, 1, 1 << 20);
    EXPECT(lao__memory_file_touched(&file) >= 1 << 20);
    EXPECT(lao__memory_file_touched(&file) < 8 << 20);
    lao__memory_file_close(&file);
    EXPECT_EQUAL(lao__memory_file_touched(&file), 0);
}

/* --- shared buffers --- */

static void buffers_are_found_by_address(void) {
    lao__shared_buffer_t *one, *other, *found;
    EXPECT(lao__shared_buffer_find(memory, 1) == NULL);
    EXPECT_EQUAL(lao__shared_buffer_create(10000, &one, &error), LAO_OK);
    EXPECT_EQUAL(lao__shared_buffer_create(0, &other, &error), LAO_OK);
    EXPECT(one->id != other->id && one->id != 0);
    found = lao__shared_buffer_find(one->file.base + 5000, 5000);
    EXPECT(found == one);
    lao__shared_buffer_release(found);
    EXPECT(lao__shared_buffer_find(one->file.base + 5000, 5001 + 4096) == NULL);
    EXPECT(lao__shared_buffer_find(one->file.base - 1, 2) == NULL);
    EXPECT(lao__shared_buffer_find(one->file.base, UINT64_MAX) == NULL);
    EXPECT(lao__shared_buffer_find(memory, 16) == NULL);
    uint64_t id = one->id;
    EXPECT(!lao__shared_buffer_is_gone(id));
    lao__shared_buffer_release(one);
    EXPECT(lao__shared_buffer_is_gone(id));
    lao__shared_buffer_release(other);
    EXPECT(lao__shared_buffer_is_gone(0));
}

/* --- regions --- */

static void leases_wait_until_they_are_told(void) {
    lao__region_t *region;
    uint32_t leases[64];
    EXPECT_EQUAL(lao__region_create(1 << 20, 4096, &region, &error), LAO_OK);
    for (uint32_t lease = 0; lease < 1000; lease++) {
        lao__region_give_back(region, lease);
    }
    uint32_t total = 0, count;
    uint64_t sum = 0;
    while ((count = lao__region_take_pending(region, leases, 64)) > 0) {
        EXPECT(count <= 64);
        for (uint32_t i = 0; i < count; i++) {
            sum += leases[i];
        }
        total += count;
    }
    EXPECT_EQUAL(total, 1000);
    EXPECT_EQUAL(sum, 999 * 1000 / 2);
    lao__region_retain(region); /* an output that is held */
    lao__region_orphan(region); /* the worker dies */
    lao__region_release(region);
    region->file.base[100] = 'x'; /* the output is still there */
    lao__region_give_back(region, 5);
    EXPECT_EQUAL(lao__region_take_pending(region, leases, 64), 0);
    lao__region_release(region);
}

int main(void) {
    RUN(arena_alignment_and_bounds);
    RUN(arena_reuse);
    RUN(arena_refuses_foreign_memory);
    RUN(arena_under_random_use);
    RUN(files_are_sealed);
    RUN(read_only_files);
    RUN(received_files_are_checked);
    RUN(untouched_pages_are_not_there);
    RUN(buffers_are_found_by_address);
    RUN(leases_wait_until_they_are_told);
    return 0;
}
