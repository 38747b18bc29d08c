/* A value of its own: everything that it points to is copied. */
#ifndef LAO_CORE_VALUE_COPY_H
#define LAO_CORE_VALUE_COPY_H

#include <lao/value.h>

#include "error.h"

/* Arrays come out in C order; their layout was checked. The copy's release frees it; its file handle is none. */
lao_status_t lao__value_copy(const lao_value_t *value, lao_value_t *copy, lao__error_t *error);

#endif
