/* How functions of the core report what went wrong: a status and a text for people. */
#ifndef LAO_CORE_ERROR_H
#define LAO_CORE_ERROR_H

#include <lao/status.h>

#define LAO__ERROR_CAPACITY 4096u

/* Caller's memory. `size` and `text` mean something only after a failure, so that a call that succeeds never pays for
 * clearing the buffer. */
typedef struct lao__error {
    lao_status_t status;
    uint32_t size; /* bytes in `text`, without the terminator */
    int32_t signal;    /* LAO_CRASHED: the signal that killed the worker, or 0 */
    int32_t exit_code; /* LAO_CRASHED: the exit code, or -1 */
    char limit[32];    /* LAO_LIMIT_EXCEEDED: which one, by its name in the manifest; empty: not known */
    double used;       /* of that limit, in its unit; negative: not known */
    double allowed;
    char text[LAO__ERROR_CAPACITY];
} lao__error_t;

/* A status without a text, and nothing known besides. */
void lao__error_init(lao__error_t *error, lao_status_t status);

/* Copies what is filled of an error; the text's buffer is large. */
void lao__error_copy(lao__error_t *target, const lao__error_t *source);

/* Fills `error` with a formatted text, cut at its capacity; returns `status`. */
__attribute__((format(printf, 3, 4))) lao_status_t lao__fail(lao__error_t *error, lao_status_t status,
                                                             const char *format, ...);

#endif
