/* Dies, or hangs, in one place: WHERE is constructor, entry, create, call, release, destroy, shutdown or none; HOW is
 * segv, abort, exit_0, exit_now, overflow (of the stack), spin (ignores the cancel word) or hang (sleeps).
 * The capability "die" is the place `call`; "echo", "stderr" (writes 64 lines there, then dies) and
 * "words" (writes its input there, then dies) go with every place. */
#include "support.h"

#include <signal.h>
#include <unistd.h>

#define PLACE_none 0
#define PLACE_constructor 1
#define PLACE_entry 2
#define PLACE_create 3
#define PLACE_call 4
#define PLACE_release 5
#define PLACE_destroy 6
#define PLACE_shutdown 7

UNUSED_FN void segv(void) {
    volatile char *nowhere = (volatile char *)8; /* near null: not mapped */
    *nowhere = 1;
}

UNUSED_FN void exit_0(void) { exit(0); }

UNUSED_FN void exit_now(void) { _exit(0); }

static inline int deeper(volatile int level) {
    volatile char page[4096];
    page[0] = (char)level;
    return level < 0 ? page[0] : deeper(level + 1) + page[0];
}

UNUSED_FN void overflow(void) { deeper(0); }

UNUSED_FN void spin(void) {
    for (volatile uint64_t i = 0;; i++) {
    }
}

UNUSED_FN void hang(void) {
    for (;;) {
        pause();
    }
}

static void reach(int place) {
    if (place == PASTE(PLACE_, WHERE)) {
        HOW();
    }
}

__attribute__((constructor)) static void constructor(void) { reach(PLACE_constructor); }

static void LAO_CALL release(lao_value_t *value) {
    reach(PLACE_release);
    release_host(value);
}

static lao_status_t LAO_CALL create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance,
                                    lao_error_t *error) {
    (void)host, (void)config, (void)error;
    static int one;
    reach(PLACE_create);
    *instance = (lao_instance_t *)&one;
    return LAO_OK;
}

static void LAO_CALL destroy(lao_instance_t *instance) {
    (void)instance;
    reach(PLACE_destroy);
}

static void LAO_CALL shut_down(void) { reach(PLACE_shutdown); }

static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    (void)instance, (void)error;
    if (request->capability == 2) {
        for (int line = 0; line < 64; line++) {
            fprintf(stderr, "last words, line %d\n", line);
        }
        HOW();
    }
    if (request->capability == 3) {
        fprintf(stderr, "%.*s\n", (int)request->inputs[0]->size, (const char *)request->inputs[0]->data);
        HOW();
    }
    if (request->capability == 1) {
        reach(PLACE_call);
    }
    lao_status_t status = give_text(request, response, "alive");
    response->outputs[0]->release = release;
    return status;
}

#define CAPABILITY(title)                                                                                              \
    &(const lao_capability_t){.struct_size = sizeof(lao_capability_t),                                                 \
                              .name = (title),                                                                         \
                              .input_kind = LAO_KIND_TEXT,                                                             \
                              .output_kind = LAO_KIND_TEXT}

static const lao_capability_t *const capabilities[] = {CAPABILITY("echo"), CAPABILITY("die"), CAPABILITY("stderr"),
                                                       CAPABILITY("words")};
static const lao_plugin_t plugin = {.struct_size = sizeof plugin,
                                    .abi_version = LAO_ABI_VERSION,
                                    .name = "crash",
                                    .version = "1.0.0",
                                    .thread_role = LAO_THREADS_FULL,
                                    .capability_count = COUNT_OF(capabilities),
                                    .capabilities = capabilities,
                                    .create = create,
                                    .destroy = destroy,
                                    .call = call,
                                    .shutdown = shut_down};

LAO_EXPORT const lao_plugin_t *LAO_CALL lao_plugin_entry(const lao_host_t *host) {
    the_host = host;
    reach(PLACE_entry);
    return &plugin;
}
