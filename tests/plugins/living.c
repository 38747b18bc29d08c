/* Lives: keeps a number and a greeting, hands the number over on reload, takes another configuration, tells its health, gets
 * events. "add" adds the parameter `by` and answers the number, after `wait_ms`; "greet" answers the greeting, "events" what it
 * was told. Macros: STATE_VERSION (1), GREETING (its default), REFUSE_SAVE, NO_STATE, NO_LIFECYCLE, NO_EVENTS. The event "bad" fails, the
 * configuration {"greeting": "bad"} is refused, {"greeting": "ill"} makes it ill. */
#include <lao/ext/events.h>
#include <lao/ext/lifecycle.h>
#include <lao/ext/state.h>
#include <pthread.h>
#include <time.h>

#include "support.h"

#ifndef STATE_VERSION
#define STATE_VERSION 1
#endif
#ifndef GREETING
#define GREETING "hello"
#endif
#ifndef THREAD_ROLE
#define THREAD_ROLE FULL
#endif

struct lao_instance {
    pthread_mutex_t lock;
    atomic_llong number;
    char greeting[64];
    char events[4096];
};

/* --- Configuration --- */

static void read_greeting(const lao_config_t *config, char greeting[64]) {
    const char *key = strstr(config->json, "\"greeting\"");
    const char *from = key == NULL ? NULL : strchr(key + 10, '"');
    snprintf(greeting, 64, "%s", GREETING);
    if (from != NULL) {
        const char *to = strchr(from + 1, '"');
        snprintf(greeting, 64, "%.*s", (int)(to - from - 1), from + 1);
    }
}

static lao_status_t LAO_CALL create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance,
                                    lao_error_t *error) {
    lao_instance_t *self = calloc(1, sizeof *self);
    (void)host, (void)error;
    pthread_mutex_init(&self->lock, NULL);
    read_greeting(config, self->greeting);
    *instance = self;
    return LAO_OK;
}

static void LAO_CALL destroy(lao_instance_t *self) { free(self); }

UNUSED_FN lao_status_t LAO_CALL configure(lao_instance_t *self, const lao_config_t *config, lao_error_t *error) {
    char greeting[64];
    read_greeting(config, greeting);
    if (strcmp(greeting, "bad") == 0) {
        return lao_fail(error, LAO_INVALID_CONFIG, "this is no greeting");
    }
    pthread_mutex_lock(&self->lock);
    memcpy(self->greeting, greeting, sizeof greeting);
    pthread_mutex_unlock(&self->lock);
    return LAO_OK;
}

UNUSED_FN lao_status_t LAO_CALL health(lao_instance_t *self, lao_error_t *error) {
    if (strcmp(self->greeting, "ill") == 0) {
        return lao_fail(error, LAO_FAILED, "it feels ill");
    }
    if (strcmp(self->greeting, "stuck") == 0) {
        nanosleep(&(struct timespec){.tv_sec = 60}, NULL);
    }
    return LAO_OK;
}

/* --- State --- */

UNUSED_FN void LAO_CALL release(lao_value_t *value) { free(value->owner); }

UNUSED_FN lao_status_t LAO_CALL save(lao_instance_t *self, lao_value_t *state, lao_error_t *error) {
#if defined(REFUSE_SAVE)
    (void)self, (void)state;
    return lao_fail(error, LAO_FAILED, "it does not give its state away");
#else
    size_t size = (size_t)1 << 20; /* as large as states are */
    char *bytes = calloc(1, size);
    (void)error;
    snprintf(bytes, size, "%lld", (long long)atomic_load(&self->number));
    state->kind = LAO_KIND_BINARY;
    state->data = state->owner = bytes;
    state->size = size;
    state->release = release;
    return LAO_OK;
#endif
}

UNUSED_FN lao_status_t LAO_CALL load(lao_instance_t *self, const void *data, uint64_t size, uint32_t version,
                                     lao_error_t *error) {
    if (version != STATE_VERSION || size != (uint64_t)1 << 20) {
        return lao_fail(error, LAO_INVALID_INPUT, "the state is of another version");
    }
    atomic_store(&self->number, atoll(data));
    return LAO_OK;
}

/* --- Events --- */

UNUSED_FN lao_status_t LAO_CALL on_event(lao_instance_t *self, const char *callback, const char *name, const char *json,
                                         uint64_t json_size, lao_error_t *error) {
    size_t used;
    if (strcmp(name, "bad") == 0) {
        return lao_fail(error, LAO_FAILED, "it does not like this event");
    }
    pthread_mutex_lock(&self->lock);
    used = strlen(self->events);
    snprintf(self->events + used, sizeof self->events - used, "%s %s %.*s;", callback, name, (int)json_size, json);
    pthread_mutex_unlock(&self->lock);
    return LAO_OK;
}

/* --- Calls --- */

static lao_status_t LAO_CALL call(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    json_t json = {.size = 0};
    (void)error;
    if (request->capability == 0) {
        int64_t until = the_host->now_ns(the_host) + int_param(request, "wait_ms", 0) * 1000000;
        while (the_host->now_ns(the_host) < until && (int_param(request, "deaf", 0) || !lao_cancelled(request))) {
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
        json_add(
            &json, "%lld",
            (long long)(atomic_fetch_add(&self->number, int_param(request, "by", 1)) + int_param(request, "by", 1)));
        return give_json(request, response, &json);
    }
    return give_text(request, response, request->capability == 1 ? self->greeting : self->events);
}

static const void *LAO_CALL get_extension(const char *id) {
#if !defined(NO_STATE)
    static const lao_state_plugin_t state = {
        .struct_size = sizeof state, .state_version = STATE_VERSION, .save = save, .load = load};
    if (strcmp(id, LAO_EXT_STATE) == 0) {
        return &state;
    }
#endif
#if !defined(NO_LIFECYCLE)
    static const lao_lifecycle_plugin_t lifecycle = {
        .struct_size = sizeof lifecycle, .configure = configure, .health = health};
    if (strcmp(id, LAO_EXT_LIFECYCLE) == 0) {
        return &lifecycle;
    }
#endif
#if !defined(NO_EVENTS)
    static const lao_events_plugin_t events = {.struct_size = sizeof events, .on_event = on_event};
    if (strcmp(id, LAO_EXT_EVENTS) == 0) {
        return &events;
    }
#endif
    (void)id;
    return NULL;
}

#define CAPABILITY(title, kind)                                                                                        \
    &(const lao_capability_t){                                                                                         \
        .struct_size = sizeof(lao_capability_t), .name = (title), .input_kind = LAO_KIND_NONE, .output_kind = (kind)}

static const lao_capability_t *const capabilities[] = {
    CAPABILITY("add", LAO_KIND_JSON), CAPABILITY("greet", LAO_KIND_TEXT), CAPABILITY("events", LAO_KIND_TEXT)};

PLUGIN("living", PASTE(LAO_THREADS_, THREAD_ROLE), .get_extension = get_extension)
