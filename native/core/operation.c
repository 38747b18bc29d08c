#include "operation.h"

#include <lao/ext/events.h>
#include <lao/ext/lifecycle.h>
#include <lao/ext/state.h>

const char *lao__operation_extension(uint32_t kind) {
    switch (kind) {
    case LAO__SAVE_STATE:
    case LAO__LOAD_STATE:
        return LAO_EXT_STATE;
    case LAO__CONFIGURE:
    case LAO__CHECK_HEALTH:
        return LAO_EXT_LIFECYCLE;
    case LAO__DELIVER_EVENT:
        return LAO_EXT_EVENTS;
    default:
        return NULL;
    }
}
