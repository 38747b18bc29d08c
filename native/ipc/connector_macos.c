#include <stdbool.h>

#include "connector.h"

/* Nothing stops a worker's connect() here, so that nothing can be granted either. */

bool lao__connector_is_wanted(const char *plan) {
    (void)plan;
    return false;
}

lao_status_t lao__connector_start(int control, const char *plan, lao__error_t *error) {
    (void)control;
    (void)plan;
    return lao__fail(error, LAO_PERMISSION_DENIED, "this LAO cannot grant connections on this system");
}
