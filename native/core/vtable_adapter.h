/* LAO 0.x libraries, behind the shape of the current ABI. */
#ifndef LAO_CORE_VTABLE_ADAPTER_H
#define LAO_CORE_VTABLE_ADAPTER_H

#include <lao/plugin.h>
#include <lao/vtable.h>

#include "dynlib.h"
#include "error.h"

#define LAO__VTABLE_SYMBOL "plugin_vtable"
#define LAO__VTABLE_DATA_SYMBOL "PLUGIN_VTABLE"

/* What a 0.x library says of itself: read once, copied. Strings may be NULL and need not be UTF-8. */
typedef struct lao__vtable_claim {
    char *called; /* what name() returned; NULL where it was not called */
    char *name, *version, *description, *author;
    char *dependencies, *tags, *input_schema, *output_schema;
    char *capabilities;
    char *capabilities_slot; /* what get_capabilities() returned */
} lao__vtable_claim_t;

typedef struct lao__vtable {
    lao_v0_table_t table; /* slots that the layout lacks are NULL */
    uint32_t layout;      /* bytes: 24, 40, 64 or 80 */
    lao__vtable_claim_t claim;
} lao__vtable_t;

/* Tells the layout apart. `stated_size` is the size of the table's symbol, 0 when no symbol says it. Pure but for
 * reading the table. LAO_ABI_MISMATCH when it is none of the four. */
lao_status_t lao__vtable_layout(const void *table, size_t stated_size, uint32_t *layout, lao__error_t *error);

/* Finds the table of an opened library, tells its layout, and reads its claim. */
lao_status_t lao__vtable_open(void *handle, lao__vtable_t **vtable, lao__error_t *error);

/* Runs one text call. `input` is NUL-terminated and without other NULs. On success the output's text is a copy in pool
 * memory. The caller holds the module's lock. */
lao_status_t lao__vtable_call(lao__vtable_t *vtable, const char *input, lao_value_t *output, lao__error_t *error);

/* The failure rule of LAO 0.3 for texts: blank, or "error:" in front, in any case; and the texts by which known
 * plugins of that time reported a failure. `plugin` is the metadata's name. */
int lao__vtable_text_is_failure(const char *plugin, const char *text);

#endif
