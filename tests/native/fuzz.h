/* What the fuzz targets share. Each is one file with LLVMFuzzerTestOneInput, which libFuzzer calls where clang is, and
 * fuzz_driver.c elsewhere; and with sound inputs to begin with. */
#ifndef LAO_TESTS_FUZZ_H
#define LAO_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The sound input of this number, of at most `capacity` bytes; 0 behind the last one. */
size_t fuzz_seed(unsigned number, uint8_t *data, size_t capacity);

/* What has to hold for every input. */
#define FUZZ_CHECK(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition);                                   \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
