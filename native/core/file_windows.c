#include "file.h"

/* Workers there are not confined yet, and open the path themselves. */
int64_t lao__file_open(const char *path) {
    (void)path;
    return -1;
}

void lao__file_close(int64_t handle) { (void)handle; }
