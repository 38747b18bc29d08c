/* Crashes when it is ended: in `destroy` after the attack "destroy", in `shutdown` after "shutdown", and else in the
 * library's destructor. */
#include "hostile.h"

static char where[16] = "destructor";

static void crash(const char *place) {
    if (strcmp(where, place) == 0) {
        volatile char *nowhere = (volatile char *)8;
        *nowhere = 1;
    }
}

static void LAO_CALL destroy(lao_instance_t *instance) {
    (void)instance;
    crash("destroy");
}

static void LAO_CALL shut_down(void) { crash("shutdown"); }

__attribute__((destructor)) static void leave(void) { crash("destructor"); }

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)error;
    snprintf(where, sizeof where, "%.15s", input_text(request));
    return give_report(response);
}

HOSTILE_PLUGIN_WITH("crashing-destructors", LAO_THREADS_INSTANCE, 0, create_quietly, destroy, shut_down)
