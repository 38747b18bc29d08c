/* Throws out of its C function, into frames that know no exceptions. */
#include "hostile.h"

#include <stdexcept>

static lao_status_t attack(const lao_request_t *, lao_response_t *, lao_error_t *) {
    throw std::runtime_error("thrown at the host");
}

HOSTILE_PLUGIN("cpp-exception")
