/* The one list of status codes.
 *
 * It generates the constants below, their messages, the mapping to Python exceptions and the table in the docs.
 * X(NAME, code, who, python_exception, message)
 *   who: P  a plugin may return it;  H  only the host produces it. A plugin that returns an H code, or one that is not
 *        in this list, is reported as LAO_FAILED.
 */
#ifndef LAO_STATUS_H
#define LAO_STATUS_H

#include "abi.h"

typedef uint32_t lao_status_t;

#define LAO_STATUS_LIST(X)                                                                                             \
    X(OK, 0, P, None, "success")                                                                                       \
    X(FAILED, 1, P, PluginError, "the plugin reported a failure")                                                      \
    X(INVALID_INPUT, 2, P, InvalidInput, "the input is not valid")                                                     \
    X(INVALID_PARAMETER, 3, P, InvalidInput, "a parameter is not valid")                                               \
    X(INVALID_CONFIG, 4, P, InvalidInput, "the configuration is not valid")                                            \
    X(UNKNOWN_CAPABILITY, 5, P, InvalidInput, "the plugin has no such capability")                                     \
    X(UNSUPPORTED, 6, P, PluginError, "the plugin does not support this")                                              \
    X(OUT_OF_MEMORY, 7, P, ResourceLimitExceeded, "out of memory")                                                     \
    X(PERMISSION_DENIED, 8, P, PermissionDenied, "permission denied")                                                  \
    X(CANCELLED, 9, P, Cancelled, "the call was cancelled")                                                            \
    X(TIMED_OUT, 10, P, PluginTimeout, "the deadline passed")                                                          \
    X(LIMIT_EXCEEDED, 32, H, ResourceLimitExceeded, "a resource limit was reached")                                    \
    X(LOAD_FAILED, 33, H, PluginLoadError, "the library cannot be loaded")                                             \
    X(ABI_MISMATCH, 34, H, AbiMismatch, "the library does not speak this ABI")                                         \
    X(PROTOCOL_VIOLATION, 35, H, ProtocolViolation, "the plugin broke the ABI's rules")                                \
    X(CRASHED, 36, H, PluginCrashed, "the worker process died")                                                        \
    X(WORKER_RESTARTED, 37, H, WorkerRestarted, "the worker process was restarted")                                    \
    X(CLOSED, 38, H, PluginClosed, "the plugin was closed")                                                            \
    X(SYSTEM, 39, H, PluginLoadError, "the operating system refused")

enum {
#define LAO__STATUS_CONSTANT(name, code, who, python, message) LAO_##name = code,
    LAO_STATUS_LIST(LAO__STATUS_CONSTANT)
#undef LAO__STATUS_CONSTANT
};

/* The message of a status code, for people. Static storage. [thread: any] */
static inline const char *lao_status_message(lao_status_t status) {
    switch (status) {
#define LAO__STATUS_MESSAGE(name, code, who, python, message)                                                          \
    case code:                                                                                                         \
        return message;
        LAO_STATUS_LIST(LAO__STATUS_MESSAGE)
#undef LAO__STATUS_MESSAGE
    default:
        return "unknown status";
    }
}

/* Where a function that fails puts its explanation.
 * The struct and the buffer belong to the caller and are valid during the call only. */
typedef struct lao_error {
    uint32_t struct_size;
    uint32_t text_capacity; /* bytes that `text` can hold */
    uint32_t text_size;     /* bytes written, without a terminator; set by the callee */
    uint32_t reserved;
    char *text; /* UTF-8; owned by the caller, written by the callee */
} lao_error_t;

/* Writes `text` (UTF-8, NUL-terminated, may be NULL) into `error` (may be NULL), cut at its capacity and never inside
 * a character; returns `status`. [thread: any] */
static inline lao_status_t lao_fail(lao_error_t *error, lao_status_t status, const char *text) {
    uint32_t size = 0;
    if (error == NULL || !LAO_HAS(lao_error_t, error, text) || error->text == NULL) {
        return status;
    }
    if (text != NULL) {
        while (text[size] != '\0' && size < error->text_capacity) {
            error->text[size] = text[size];
            size++;
        }
        if (text[size] != '\0') {
            while (size > 0 && ((unsigned char)text[size] & 0xC0u) == 0x80u) {
                size--;
            }
        }
    }
    error->text_size = size;
    return status;
}

#endif /* LAO_STATUS_H */
