/* A plugin with one fault, chosen by -DFAULT=...; without one it is sound. It upper-cases ASCII letters; with -DPICKY those
 * of one text only. */
#include <lao/plugin_c.h>

#define SOUND 0
#define LEAK 1 /* every call loses memory */
#define LEAK_INSTANCE 2 /* every instance loses memory */
#define CRASH_ON_EMPTY 3 /* reads where an empty text has nothing */
#define NOT_THREAD_SAFE 4
#define DEAF 5 /* after it was cancelled it never answers again */
#define WRONG_KIND 6 /* gives json where it declares text */
#define OPEN_PARAMS 7 /* takes every parameter, though its schema says otherwise */

#ifndef FAULT
#define FAULT SOUND
#endif

struct lao_instance {
    const lao_host_t *host;
    int cancelled;
};

static char shared[1 << 20];
static void *volatile lost; /* keeps the compiler from leaving the leaks out */

static void lose(size_t size) {
    lost = malloc(size);
    if (lost != NULL) {
        memset(lost, 1, size);
    }
}

static lao_status_t LAO_CALL create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance,
                                    lao_error_t *error) {
    (void)config;
    (void)error;
    *instance = calloc(1, sizeof **instance);
    if (*instance == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    (*instance)->host = host;
    if (FAULT == LEAK_INSTANCE) {
        lose(100000);
    }
    return LAO_OK;
}

static void LAO_CALL destroy(lao_instance_t *self) { free(self); }

static void change(const char *text, uint64_t size, char *to) {
    for (uint64_t i = 0; i < size; i++) {
        to[i] = text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 32) : text[i];
    }
}

/* What is shared is overwritten by other calls before it is copied out. */
static void change_slowly(const lao_host_t *host, const char *text, uint64_t size, char *to) {
    size_t held = size < sizeof shared ? size : sizeof shared;
    change(text, held, shared);
    int64_t until = host->now_ns(host) + 300000;
    while (host->now_ns(host) < until) {
    }
    memcpy(to, shared, held);
}

static lao_status_t LAO_CALL call(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    if (request->input_count != 1 || request->inputs[0]->kind != LAO_KIND_TEXT) {
        return lao_fail(error, LAO_INVALID_INPUT, "it takes one text");
    }
    if (FAULT != OPEN_PARAMS && lao_params_only(request, NULL, 0, error) != LAO_OK) {
        return LAO_INVALID_PARAMETER;
    }
    const char *text = request->inputs[0]->data;
    uint64_t size = request->inputs[0]->size;
#ifdef PICKY
    if (size != 11 || memcmp(text, "open sesame", 11) != 0) {
        return lao_fail(error, LAO_INVALID_INPUT, "it takes one text only");
    }
#endif
    if (FAULT == CRASH_ON_EMPTY && size == 0) {
        *(volatile char *)8 = 1;
    }
    if (FAULT == LEAK) {
        lose(4096);
    }
    int64_t until = self->host->now_ns(self->host) + 100000000;
    while (FAULT == DEAF && size > 1 << 20 && !self->cancelled && self->host->now_ns(self->host) < until) {
        self->cancelled = lao_cancelled(request);
    }
    while (self->cancelled) {
    }
    char *room = lao_room(self->host, size);
    if (room == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    if (FAULT == NOT_THREAD_SAFE) {
        change_slowly(self->host, text, size, room);
    } else {
        change(text, size, room);
    }
    return lao_give(self->host, response, FAULT == WRONG_KIND ? LAO_KIND_JSON : LAO_KIND_TEXT, room, size);
}

static const lao_capability_t shout = {
    .struct_size = sizeof shout,
    .name = "shout",
    .input_kind = LAO_KIND_TEXT,
    .output_kind = LAO_KIND_TEXT,
    .params_schema = "{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}",
};
static const lao_capability_t *const capabilities[] = {&shout};

static const lao_plugin_t plugin = {
    .struct_size = sizeof plugin,
    .abi_version = LAO_ABI_VERSION,
    .name = "faulty",
    .version = "1.0.0",
    .thread_role = LAO_THREADS_FULL,
    .capability_count = 1,
    .capabilities = capabilities,
    .create = create,
    .destroy = destroy,
    .call = call,
};

const lao_plugin_t *LAO_CALL lao_plugin_entry(const lao_host_t *host) {
    (void)host;
    return &plugin;
}
