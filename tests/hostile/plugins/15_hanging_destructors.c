/* Never ends: in `destroy` after the attack "destroy", in `shutdown` after "shutdown", and else in the library's
 * destructor. */
#include "hostile.h"

static char where[16] = "destructor";

static void hang(const char *place) {
    while (strcmp(where, place) == 0) {
        pause();
    }
}

static void LAO_CALL destroy(lao_instance_t *instance) {
    (void)instance;
    hang("destroy");
}

static void LAO_CALL shut_down(void) { hang("shutdown"); }

__attribute__((destructor)) static void leave(void) { hang("destructor"); }

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)error;
    snprintf(where, sizeof where, "%.15s", input_text(request));
    return give_report(response);
}

HOSTILE_PLUGIN_WITH("hanging-destructors", LAO_THREADS_INSTANCE, 0, create_quietly, destroy, shut_down)
