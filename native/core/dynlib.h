/* The operating system's loader, and what it can tell about an address. One file per platform. */
#ifndef LAO_CORE_DYNLIB_H
#define LAO_CORE_DYNLIB_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

typedef enum lao__symbol_kind {
    LAO__SYMBOL_UNKNOWN = 0, /* the platform's symbol table does not say */
    LAO__SYMBOL_FUNCTION,
    LAO__SYMBOL_OBJECT
} lao__symbol_kind_t;

typedef struct lao__symbol {
    void *address;
    lao__symbol_kind_t kind;
    size_t size; /* bytes, 0 when unknown */
} lao__symbol_t;

/* Opens a library by absolute path with all symbols resolved and none exported to others. Runs its constructors. */
lao_status_t lao__dynlib_open(const char *path, void **handle, lao__error_t *error);

/* Finds a symbol of this very library, not of its dependencies; false when it has none of that name. */
bool lao__dynlib_find(void *handle, const char *name, lao__symbol_t *symbol);

/* True when the address lies in executable memory of a loaded object. */
bool lao__dynlib_is_code(const void *address);

/* Bytes from `address` to the end of the loaded segment it lies in; 0 when it lies in none. */
size_t lao__dynlib_readable_bytes(const void *address);

#endif
