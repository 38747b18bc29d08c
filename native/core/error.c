#include "error.h"

#include <stdarg.h>
#include <stdio.h>

lao_status_t lao__fail(lao__error_t *error, lao_status_t status, const char *format, ...) {
    va_list arguments;
    int written;
    if (error == NULL) {
        return status;
    }
    error->status = status;
    error->signal = 0;
    error->exit_code = -1;
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
