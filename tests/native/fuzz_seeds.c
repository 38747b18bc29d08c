/* Writes a target's sound inputs into the directory LAO_FUZZ_SEEDS before libFuzzer reads it. */
#include "fuzz.h"

int LLVMFuzzerInitialize(int *argument_count, char ***arguments);

int LLVMFuzzerInitialize(int *argument_count, char ***arguments) {
    static uint8_t data[16384];
    const char *folder = getenv("LAO_FUZZ_SEEDS");
    size_t size;
    (void)argument_count, (void)arguments;
    for (unsigned number = 0; folder != NULL && (size = fuzz_seed(number, data, sizeof data)) > 0; number++) {
        char path[4096];
        FILE *file;
        snprintf(path, sizeof path, "%s/seed-%u", folder, number);
        file = fopen(path, "wb");
        if (file != NULL) {
            (void)fwrite(data, 1, size, file);
            fclose(file);
        }
    }
    return 0;
}
