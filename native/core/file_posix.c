#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

int64_t lao__file_open(const char *path) {
    struct stat facts;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* a pipe without a writer would block */
    if (file >= 0 && (fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode))) {
        close(file);
        file = -1;
    }
    return file;
}

void lao__file_close(int64_t handle) {
    if (handle >= 0) {
        close((int)handle);
    }
}
