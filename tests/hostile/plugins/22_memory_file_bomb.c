/* Writes memory that is in no mapping of its own: "memfd", files in memory; "outputs", the region for its outputs, which it
 * fills and forgets page by page; "inputs", the region for its inputs, where a page that it only reads is made for that; "pipes",
 * what pipes hold. */
#include "hostile.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

static char block[1 << 20];

static long long fill_memory_files(void) {
    long long taken_mib = 0;
    int file = (int)tried("memfd_create", memfd_create("bomb", 0));
    while (file >= 0 && taken_mib < 1024 && write(file, block, sizeof block) == (ssize_t)sizeof block) {
        taken_mib++;
    }
    return taken_mib;
}

static long long fill_outputs(void) {
    long long taken_mib = 0;
    while (taken_mib < 1024) {
        char *room = lao_room(the_host, sizeof block);
        if (room == NULL) {
            break;
        }
        fill(room, sizeof block);
        madvise((char *)(((uintptr_t)room + 4095) & ~(uintptr_t)4095), sizeof block - 4096, MADV_DONTNEED);
        taken_mib++;
        sleep_ms(1);
    }
    return taken_mib;
}

/* Page by page, each forgotten again, so that no mapping shows them. */
static long long read_inputs(void) {
    long long taken_kib = 0;
    struct stat status;
    if (fstat(5, &status) != 0) {
        return 0;
    }
    for (off_t at = 0; at + (off_t)sizeof block <= status.st_size && taken_kib < 1024 * 1024; at += sizeof block) {
        const volatile char *page = (const volatile char *)mmap(NULL, sizeof block, PROT_READ, MAP_SHARED, 5, at);
        if (page == MAP_FAILED) {
            break;
        }
        for (size_t offset = 0; offset < sizeof block; offset += 4096) {
            (void)page[offset];
        }
        munmap((void *)(uintptr_t)page, sizeof block);
        taken_kib += sizeof block / 1024;
        sleep_ms(1);
    }
    return taken_kib / 1024;
}

static long long fill_pipes(void) {
    long long taken_kib = 0;
    int ends[2];
    while (taken_kib < 1024 * 1024 && pipe2(ends, O_NONBLOCK) == 0) {
        (void)fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
        while (write(ends[1], block, 4096) == 4096) {
            taken_kib += 4;
        }
    }
    return taken_kib / 1024;
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)error;
    memset(block, 1, sizeof block);
    report_number("mib", input_is(request, "memfd")     ? fill_memory_files()
                         : input_is(request, "outputs") ? fill_outputs()
                         : input_is(request, "inputs")  ? read_inputs()
                                                        : fill_pipes());
    return give_report(response);
}

HOSTILE_PLUGIN("memory-file-bomb")
