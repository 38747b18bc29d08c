/* Host services behind permissions. Each is NULL from get_extension where it was not granted. A service that would
 * re-enter the calling instance is refused unless its thread role is LAO_THREADS_FULL.
 *
 * What is granted may change while the plugin lives: each function may answer LAO_PERMISSION_DENIED at any time, and
 * LAO_LIMIT_EXCEEDED where the host bounds what is asked (a question and its answer: 16 MiB). A value that a function
 * fills comes with struct_size set; on any status but LAO_OK it stays empty. `host` is the table of create, which speaks for
 * its instance; the table of lao_plugin_entry speaks for the newest instance of the library. */
#ifndef LAO_EXT_SERVICES_H
#define LAO_EXT_SERVICES_H

#include "../plugin.h"

#define LAO_EXT_PROGRESS "lao.progress/1" /* no permission needed */
#define LAO_EXT_SCRATCH "lao.scratch/1"   /* no permission needed */
#define LAO_EXT_FILES "lao.files/1"       /* read_files, write_files */
#define LAO_EXT_HTTP "lao.http/1"         /* network_access */
#define LAO_EXT_COMMANDS "lao.commands/1" /* system_access */
#define LAO_EXT_CALLS "lao.calls/1"       /* plugin_communication */

typedef struct lao_progress_host {
    uint32_t struct_size;
    uint32_t reserved;
    /* `fraction` in 0..1, negative when unknown; `text` NUL-terminated, may be NULL. [thread: call] */
    void(LAO_CALL *report)(lao_call_t *call, double fraction, const char *text);
} lao_progress_host_t;

typedef struct lao_scratch_host {
    uint32_t struct_size;
    uint32_t reserved;
    /* A small key-value store that outlives the instance and its workers, and ends with the host: up to 1024 keys of 1
     * to 256 bytes (UTF-8), 1 MiB in a value, 8 MiB in all. `get` fills `value` (kind binary, released by the plugin); an
     * unknown key leaves kind LAO_KIND_NONE. `put` with NULL data removes. [thread: any] */
    lao_status_t(LAO_CALL *get)(const lao_host_t *host, const char *key, lao_value_t *value);
    lao_status_t(LAO_CALL *put)(const lao_host_t *host, const char *key, const void *data, uint64_t size);
} lao_scratch_host_t;

enum { LAO_FILE_READ = 1u, LAO_FILE_WRITE = 2u, LAO_FILE_CREATE = 4u };

typedef struct lao_files_host {
    uint32_t struct_size;
    uint32_t reserved;
    /* Opens a regular file below a granted directory: relative to the data directory, or absolute. `mode`: LAO_FILE_*;
     * CREATE only with WRITE; nothing is cut off. No link is followed. The plugin closes `*handle`. [thread: any] */
    lao_status_t(LAO_CALL *open)(const lao_host_t *host, const char *path, uint32_t mode, int64_t *handle,
                                 lao_error_t *error);
} lao_files_host_t;

typedef struct lao_http_host {
    uint32_t struct_size;
    uint32_t reserved;
    /* `request`: json {url, method, headers, timeout_s, redirects, secret_headers}, all but the url optional; `body` may
     * be NULL. `secret_headers`: names of headers that no other origin gets, where it redirects. `response`: json {status,
     * headers, url}; `response_body`: binary, as it was sent. Both released by the plugin. [thread: any] */
    lao_status_t(LAO_CALL *fetch)(const lao_host_t *host, const lao_value_t *request, const lao_value_t *body,
                                  lao_value_t *response, lao_value_t *response_body, lao_error_t *error);
} lao_http_host_t;

typedef struct lao_commands_host {
    uint32_t struct_size;
    uint32_t reserved;
    /* Runs a command that the manifest lists, in a sandbox of its own; `arguments` are NUL-terminated, the program first;
     * no shell is involved. `result`: json {exit_code, signal, stdout, stderr, truncated}, released by the plugin.
     * [thread: any] */
    lao_status_t(LAO_CALL *run)(const lao_host_t *host, const char *const *arguments, uint32_t argument_count,
                                lao_value_t *result, lao_error_t *error);
} lao_commands_host_t;

typedef struct lao_calls_host {
    uint32_t struct_size;
    uint32_t reserved;
    /* Calls another plugin by its name, within the deadline of `call`. Refused where the other may do what this one may
     * not. `input` and `params_json` may be NULL; arrays are copied. `output` is released by the plugin. [thread: call] */
    lao_status_t(LAO_CALL *call)(lao_call_t *call, const char *plugin, const char *capability, const lao_value_t *input,
                                 const char *params_json, lao_value_t *output, lao_error_t *error);
} lao_calls_host_t;

#endif /* LAO_EXT_SERVICES_H */
