/* Checks of everything that a plugin hands to the host. Pure: nothing is called, followed beyond the stated bounds,
 * or changed. */
#ifndef LAO_CORE_CHECK_H
#define LAO_CORE_CHECK_H

#include <lao/value.h>
#include <stdbool.h>

#include "error.h"

/* Largest value that is taken at its word: 1 TiB. */
#define LAO__MAX_VALUE_BYTES ((uint64_t)1 << 40)
#define LAO__MAX_METADATA_BYTES ((uint64_t)32768)
#define LAO__MAX_NAME_BYTES 256u
#define LAO__MAX_TEXT_BYTES ((size_t)1 << 20) /* descriptions and schemas */

/* The bytes of memory that a tensor reaches, relative to data + byte_offset. */
typedef struct lao__extent {
    int64_t lowest;  /* <= 0: first byte, with negative strides */
    int64_t highest; /* one past the last byte */
    int64_t element_count;
} lao__extent_t;

/* Bytes per element, or 0 when the dtype is none that LAO carries: bool 8; int, uint 8..64; float 16..64;
 * bfloat 16; complex 64, 128; one lane. */
uint32_t lao__dtype_bytes(lao_dtype_t dtype);

/* Checks rank, shape, strides, dtype and every product of them for overflow. `shape` and `strides` (NULL: C order) hold
 * `rank` elements. */
lao_status_t lao__check_layout(int32_t rank, const int64_t *shape, const int64_t *strides, lao_dtype_t dtype,
                               lao__extent_t *extent, lao__error_t *error);

/* True for kinds that a value can have: not NONE, not ANY, not unknown. */
bool lao__kind_is_concrete(uint32_t kind);
bool lao__kind_is_tensor(uint32_t kind);
const char *lao__kind_name(uint32_t kind);

/* Checks an output against the kind its capability declares (LAO_KIND_ANY: any). Text is not decoded here.
 * LAO_PROTOCOL_VIOLATION with the reason otherwise. */
lao_status_t lao__check_output(const lao_value_t *value, uint32_t declared_kind, lao__error_t *error);

/* Length of a NUL-terminated string of at most `limit` bytes that is valid UTF-8 and not empty, or -1. */
int64_t lao__checked_string(const char *text, size_t limit);

#endif
