/* UTF-8, as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef LAO_CORE_UTF8_H
#define LAO_CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

bool lao__utf8_valid(const char *text, size_t size);

/* Length in bytes of the valid character at `text` (1..4), or 0 when the bytes there are not UTF-8. */
size_t lao__utf8_character(const char *text, size_t size);

#endif
