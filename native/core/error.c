#include "error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

void lao__error_init(lao__error_t *error, lao_status_t status) {
    error->status = status;
    error->size = 0;
    error->signal = 0;
    error->exit_code = -1;
    error->limit[0] = '\0';
    error->used = -1;
    error->allowed = -1;
}

void lao__error_copy(lao__error_t *target, const lao__error_t *source) {
    memcpy(target, source, offsetof(lao__error_t, text) + source->size + 1);
}

lao_status_t lao__fail(lao__error_t *error, lao_status_t status, const char *format, ...) {
    va_list arguments;
    int written;
    if (error == NULL) {
        return status;
    }
    lao__error_init(error, status);
    va_start(arguments, format);
    written = vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    if (written < 0) {
        written = 0;
        error->text[0] = '\0';
    }
    error->size = (uint32_t)written < LAO__ERROR_CAPACITY ? (uint32_t)written : LAO__ERROR_CAPACITY - 1;
    return status;
}
