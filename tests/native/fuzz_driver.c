/* A fuzzer for systems without libFuzzer: mutates sound inputs and keeps those that reach code which none before did, as
 * gcc's -fsanitize-coverage=trace-pc tells. `fuzz_x SECONDS SEED [FILE]`: with a file it runs that input alone. An input
 * that fails lies in `fuzz_x.crash`, as it is written down before it is run. */
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

enum { CAPACITY = 8192, CORPUS = 4096, MAP = 1 << 16 };

static struct {
    uint8_t *data;
    size_t size;
} corpus[CORPUS];
static size_t corpus_size;
static uint8_t reached[MAP], seen[MAP];
static uint64_t state;

void __sanitizer_cov_trace_pc(void);

/* Called at the begin of every block of instrumented code. */
void __sanitizer_cov_trace_pc(void) {
    uintptr_t place = (uintptr_t)__builtin_return_address(0);
    reached[(place ^ place >> 16) % MAP] = 1;
}

static uint64_t next(void) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(2685821657736338717);
}

static size_t mutate(uint8_t *data, size_t size) {
    static const uint64_t numbers[] = {0,          1,          2,          3,          4,          7,
                                       8,          16,         32,         33,         63,         64,
                                       127,        128,        255,        4095,       4096,       8191,
                                       8192,       8193,       65535,      INT32_MAX,  UINT32_MAX, INT64_MAX,
                                       UINT64_MAX, 1ull << 31, 1ull << 32, 1ull << 40, 1ull << 62, 1ull << 63};
    for (uint64_t changes = 1 + next() % 6; changes > 0; changes--) {
        size_t at = size > 0 ? next() % size : 0;
        size_t width = (size_t)1 << next() % 4;
        uint64_t number = numbers[next() % (sizeof numbers / sizeof *numbers)];
        switch (next() % 7) {
        case 0:
            data[at] ^= (uint8_t)(1 << next() % 8);
            break;
        case 1:
            data[at] = (uint8_t)next();
            break;
        case 2:
        case 3: /* a number, where fields lie */
            at = at / width * width;
            if (at + width <= size) {
                memcpy(data + at, &number, width);
            }
            break;
        case 4: { /* a piece of another */
            size_t other = next() % corpus_size;
            size_t from = corpus[other].size > 0 ? next() % corpus[other].size : 0;
            size_t length = next() % 64;
            length = from + length <= corpus[other].size ? length : corpus[other].size - from;
            length = at + length <= size ? length : size - at;
            memcpy(data + at, corpus[other].data + from, length);
            break;
        }
        case 5:
            size = next() % 8 == 0 ? at : size; /* the end is missing */
            break;
        default:
            if (size + width <= CAPACITY) {
                memmove(data + at + width, data + at, size - at);
                size += width;
            }
        }
    }
    return size;
}

/* True when the input reached what none before did. */
static int run(const uint8_t *data, size_t size) {
    int fresh = 0;
    memset(reached, 0, sizeof reached);
    (void)LLVMFuzzerTestOneInput(data, size);
    for (size_t index = 0; index < MAP; index += 8) {
        uint64_t now, before;
        memcpy(&now, reached + index, 8);
        memcpy(&before, seen + index, 8);
        if ((now & ~before) != 0) {
            now |= before;
            memcpy(seen + index, &now, 8);
            fresh = 1;
        }
    }
    return fresh;
}

static void keep(const uint8_t *data, size_t size) {
    if (corpus_size < CORPUS && (corpus[corpus_size].data = malloc(CAPACITY)) != NULL) {
        memcpy(corpus[corpus_size].data, data, size);
        corpus[corpus_size++].size = size;
    }
}

static int run_file(const char *path) {
    static uint8_t data[CAPACITY];
    FILE *file = fopen(path, "rb");
    size_t size = file != NULL ? fread(data, 1, sizeof data, file) : 0;
    return file == NULL ? 2 : LLVMFuzzerTestOneInput(data, size);
}

/* The input that runs lies in a file, so that it is there when the process is not. */
static uint8_t *map_input(const char *program) {
    char path[4096];
    int file;
    void *base;
    snprintf(path, sizeof path, "%s.crash", program);
    file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    base = file >= 0 && ftruncate(file, CAPACITY) == 0
               ? mmap(NULL, CAPACITY, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
               : MAP_FAILED;
    return base == MAP_FAILED ? NULL : base;
}

int main(int count, char **arguments) {
    double seconds = count > 1 ? atof(arguments[1]) : 10;
    uint64_t executions = 0, blocks = 0;
    uint8_t *data = map_input(arguments[0]);
    time_t end;
    if (count > 3) {
        return run_file(arguments[3]);
    }
    if (data == NULL) {
        perror("no room for the input");
        return 2;
    }
    state = (count > 2 ? strtoull(arguments[2], NULL, 10) : 1) * UINT64_C(7919) + 1;
    for (unsigned number = 0; (corpus_size < CORPUS); number++) {
        size_t size = fuzz_seed(number, data, CAPACITY);
        if (size == 0) {
            break;
        }
        (void)run(data, size);
        keep(data, size);
    }
    end = time(NULL) + (time_t)seconds;
    while (time(NULL) < end) {
        for (int round = 0; round < 1000; round++, executions++) {
            size_t chosen = next() % corpus_size;
            size_t size = corpus[chosen].size;
            memcpy(data, corpus[chosen].data, size);
            size = mutate(data, size);
            if (run(data, size)) {
                keep(data, size);
            }
        }
    }
    for (size_t index = 0; index < MAP; index++) {
        blocks += seen[index];
    }
    printf("%llu inputs, %llu places reached, %zu inputs kept\n", (unsigned long long)executions,
           (unsigned long long)blocks, corpus_size);
    return 0;
}
