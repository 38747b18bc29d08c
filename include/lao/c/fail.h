/* A failure with a text that is put together from its parts. */
#ifndef LAO_C_FAIL_H
#define LAO_C_FAIL_H

#include <stdarg.h>
#include <stdio.h>

#include "../status.h"

#if defined(__GNUC__) || defined(__clang__)
__attribute__((format(printf, 3, 4)))
#endif
/* lao_fail with a format as printf has it; at most 1023 bytes of text. [thread: any] */
static inline lao_status_t lao_failf(lao_error_t *error, lao_status_t status, const char *format, ...) {
    char text[1024];
    va_list arguments;
    int size;
    va_start(arguments, format);
    size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size < 0) {
        return lao_fail(error, status, NULL);
    }
    if ((size_t)size >= sizeof text) { /* it was cut, perhaps inside a character */
        size = (int)sizeof text - 1;
        while (size > 0 && ((unsigned char)text[size - 1] & 0xC0u) == 0x80u) {
            size--;
        }
        text[size > 0 ? size - 1 : 0] = '\0';
    }
    return lao_fail(error, status, text);
}

#endif /* LAO_C_FAIL_H */
