/* The plugin table: what a plugin offers to LAO, and the one function through which it is found. */
#ifndef LAO_PLUGIN_H
#define LAO_PLUGIN_H

#include "host.h"

/* Which calls the host may make at the same time. The host obeys it. */
enum { /* lao_plugin_t.thread_role */
       LAO_THREADS_UNSAFE = 0,   /* one call at a time in the whole library */
       LAO_THREADS_INSTANCE = 1, /* one call at a time per instance */
       LAO_THREADS_FULL = 2      /* any number, on any threads */
};

enum {                               /* lao_capability_t.flags */
       LAO_CAPABILITY_IDEMPOTENT = 1u,  /* repeating a call that was interrupted does no harm */
       LAO_CAPABILITY_STREAMS_OUT = 2u, /* pushes parts with lao.stream/1 before it returns */
       LAO_CAPABILITY_STREAMS_IN = 4u   /* pulls parts with lao.stream/1 */
};

/* Static data of the plugin; all of it lives until the process ends. */
typedef struct lao_capability {
    uint32_t struct_size;
    uint32_t flags;
    const char *name;        /* UTF-8, unique within the plugin */
    const char *description; /* UTF-8; may be NULL */
    uint32_t input_kind;     /* LAO_KIND_*; NONE: takes no input */
    uint32_t output_kind;    /* not NONE: every call has an output */
    const char *input_schema;  /* JSON Schema of a json input; NULL = none */
    const char *output_schema; /* the same for a json output */
    const char *params_schema; /* JSON Schema of the parameters, an object; NULL = none */
    uint32_t max_batch;        /* requests that lao.batch/1 takes at once; 0 and 1 = no batches */
    uint32_t reserved;
} lao_capability_t;

/* An event that the plugin emits with lao.events/1. Static data of the plugin; all of it lives until the process ends. */
typedef struct lao_declared_event {
    uint32_t struct_size;
    uint32_t reserved;
    const char *name;        /* UTF-8, unique within the plugin */
    const char *description; /* UTF-8; may be NULL */
    const char *data_schema; /* JSON Schema of its data; NULL = none */
} lao_declared_event_t;

/* How an instance is set up. Owned by the host, valid during create. */
typedef struct lao_config {
    uint32_t struct_size;
    uint32_t max_threads; /* that the plugin may have at a time; 0 = nobody counts them */
    const char *json; /* one JSON object, UTF-8, NUL-terminated; "{}" when nothing was set */
    uint64_t json_size;
    const char *resource_dir; /* the plugin's package, read-only; UTF-8 path; NULL = none */
    const char *data_dir;     /* the plugin's own data directory, writable as permitted; NULL = none */
} lao_config_t;

/* One call. Owned by the host, valid during the call. */
typedef struct lao_request {
    uint32_t struct_size;
    uint32_t capability; /* index into lao_plugin_t.capabilities */
    uint32_t input_count;
    uint32_t param_count;
    lao_value_t *const *inputs;
    const lao_param_t *const *params;
    const char *params_json; /* the same parameters as one JSON object (bytes as base64); NULL when there are none */
    uint64_t params_json_size;
    int64_t deadline_ns;    /* on the host's clock; INT64_MAX = none */
    const uint32_t *cancel; /* never NULL; read it with lao_cancelled */
    void *device_stream;    /* the caller's GPU stream; NULL = the default one */
    lao_call_t *call;       /* names this call to host services */
} lao_request_t;

/* Where a call puts its result. Owned by the host, valid during the call; the slots behind `outputs` come cleared,
 * with struct_size set. */
typedef struct lao_response {
    uint32_t struct_size;
    uint32_t output_capacity; /* slots */
    uint32_t output_count;    /* set by the plugin */
    uint32_t reserved;
    lao_value_t *const *outputs;
} lao_response_t;

typedef struct lao_instance lao_instance_t; /* opaque: the plugin's */

/* Static data of the plugin; lives until the process ends. */
typedef struct lao_plugin {
    uint32_t struct_size;
    uint32_t abi_version;    /* LAO_ABI_VERSION that the plugin was built with */
    const char *name;        /* UTF-8; equals the manifest's */
    const char *version;     /* semantic version; equals the manifest's */
    const char *description; /* may be NULL */
    uint32_t thread_role;
    uint32_t capability_count; /* at least 1 */
    const lao_capability_t *const *capabilities;

    /* Makes an instance with its own state. On failure `*instance` stays untouched. [thread: any, one at a time] */
    lao_status_t(LAO_CALL *create)(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance,
                                   lao_error_t *error);

    /* Ends an instance; no call of it is running and none follows. [thread: any] [state: created] */
    void(LAO_CALL *destroy)(lao_instance_t *instance);

    /* Runs one request. On LAO_OK the outputs are filled; on any other status no output is looked at, inputs stay the
     * caller's, and `error` may say why. [thread: role] [state: created] */
    lao_status_t(LAO_CALL *call)(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                 lao_error_t *error);

    /* The plugin's side of an extension, or NULL. May itself be NULL. The table lives until the process ends.
     * [thread: any] */
    const void *(LAO_CALL *get_extension)(const char *id);

    /* Called once, after all instances were destroyed, before a worker ends. May be NULL. [thread: any] */
    void(LAO_CALL *shutdown)(void);

    /* What the manifest also says, for tools that write or check it; ask with LAO_HAS. */
    const char *config_schema; /* JSON Schema of the settings, an object; NULL = none */
    const lao_declared_event_t *const *events;
    uint32_t event_count;
    uint32_t reserved;
} lao_plugin_t;

/* The one symbol of a plugin library. Returns its table, or NULL when it cannot work with this host. Must not rely on
 * load-time constructors, and is called once. [thread: any] */
typedef const lao_plugin_t *(LAO_CALL *lao_plugin_entry_fn)(const lao_host_t *host);
#define LAO_PLUGIN_ENTRY "lao_plugin_entry"

LAO_EXTERN_C_BEGIN
LAO_EXPORT const lao_plugin_t *LAO_CALL lao_plugin_entry(const lao_host_t *host);
LAO_EXTERN_C_END

/* True once the caller has given up on this call; poll it in long loops and return LAO_CANCELLED.
 * [thread: any] [state: during the call] */
static inline int lao_cancelled(const lao_request_t *request) {
#if defined(__GNUC__) || defined(__clang__)
    return __atomic_load_n(request->cancel, __ATOMIC_ACQUIRE) != 0;
#else
    return *(const volatile uint32_t *)request->cancel != 0;
#endif
}

#endif /* LAO_PLUGIN_H */
