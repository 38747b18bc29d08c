/* What ctypes and cffi call: a reply that the caller copies and gives back. */
#include "echo.h"

char *rival_echo(const char *data, size_t size) {
    char *copy = malloc(size + 1);
    if (copy != NULL) {
        memcpy(copy, data, size);
        copy[size] = '\0';
    }
    return copy;
}

void rival_free(char *reply) { free(reply); }

/* One crossing: the reply lands in the caller's own buffer. */
void rival_echo_into(const char *data, size_t size, char *reply) { memcpy(reply, data, size); }

long long rival_look(const void *data, long long length) { return data != NULL ? length : -1; }
