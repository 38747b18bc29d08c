#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory_file.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

static lao_status_t give_up(lao__memory_file_t *file, const char *what, lao__error_t *error) {
    int reason = errno;
    lao__memory_file_close(file);
    return lao__fail(error, LAO_SYSTEM, "%s: %s", what, strerror(reason));
}

/* Has the kernel make the pages now, in one go where it can. */
static void warm(void *base, uint64_t size) {
    if (size > 0 && madvise(base, (size_t)size, MADV_POPULATE_WRITE) != 0) {
        memset(base, 0, (size_t)size);
    }
}

lao_status_t lao__memory_file_create(lao__memory_file_t *file, const char *name, uint64_t size, uint64_t warm_bytes,
                                     bool read_only_for_others, lao__error_t *error) {
    void *base;
    /* SEAL: a worker that added further ones could keep the host from giving memory back. */
    int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL | (read_only_for_others ? F_SEAL_FUTURE_WRITE : 0);
    file->base = NULL;
    file->size = size;
    file->descriptor = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file->descriptor < 0) {
        return give_up(file, "no shared memory", error);
    }
    if (ftruncate(file->descriptor, (off_t)size) != 0) {
        return give_up(file, "shared memory of this size cannot be made", error);
    }
    base = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file->descriptor, 0);
    if (base == MAP_FAILED) {
        return give_up(file, "shared memory cannot be mapped", error);
    }
    file->base = base;
    if (fcntl(file->descriptor, F_ADD_SEALS, seals) != 0) {
        return give_up(file, "shared memory cannot be sealed", error);
    }
    warm(base, warm_bytes < size ? warm_bytes : size);
    return LAO_OK;
}

lao_status_t lao__memory_file_map(lao__memory_file_t *file, int descriptor, uint64_t size, bool writable,
                                  lao__error_t *error) {
    struct stat stat;
    int seals;
    void *base;
    file->base = NULL;
    file->descriptor = descriptor;
    seals = fcntl(descriptor, F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || fstat(descriptor, &stat) != 0 || stat.st_size < 0 ||
        (uint64_t)stat.st_size < size) {
        lao__memory_file_close(file);
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "the shared memory is not sealed, or too small");
    }
    file->size = size == 0 ? (uint64_t)stat.st_size : size;
    base = mmap(NULL, (size_t)file->size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED | MAP_NORESERVE,
                descriptor, 0);
    if (base == MAP_FAILED) {
        return give_up(file, "shared memory cannot be mapped", error);
    }
    file->base = base;
    return LAO_OK;
}

void lao__memory_file_trim(lao__memory_file_t *file, uint64_t from, uint64_t to) {
    if (from < to) {
        (void)fallocate(file->descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)(to - from));
    }
}

uint64_t lao__memory_file_touched(const lao__memory_file_t *file) {
    struct stat stat;
    return fstat(file->descriptor, &stat) == 0 ? (uint64_t)stat.st_blocks * 512 : 0;
}

void lao__memory_file_close(lao__memory_file_t *file) {
    if (file->base != NULL) {
        munmap(file->base, (size_t)file->size);
        file->base = NULL;
    }
    if (file->descriptor >= 0) {
        close(file->descriptor);
        file->descriptor = -1;
    }
}
