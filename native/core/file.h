/* Files that a caller names, opened for a plugin that may not open them itself. */
#ifndef LAO_CORE_FILE_H
#define LAO_CORE_FILE_H

#include <stdint.h>

/* Opens an ordinary file to be read; -1 for anything else, and where it cannot be opened. `path` is UTF-8 with its
 * terminator. Never waits. */
int64_t lao__file_open(const char *path);

/* Closes what `lao__file_open` gave; -1 is nothing. */
void lao__file_close(int64_t handle);

#endif
