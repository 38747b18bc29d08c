/* What a loaded module says of itself, as JSON: the same text from both backends. */
#ifndef LAO_CORE_DESCRIBE_H
#define LAO_CORE_DESCRIBE_H

#include "module.h"

/* One JSON object, NUL-terminated, freed by the caller; NULL when memory is out.
 *   abi "lao/1" | "lao/0.x", abi_version, name, version, description, thread_role 0..2, layout (0.x: bytes of the table),
 *   capabilities [{name, description, input_kind, output_kind, flags, max_batch, *_schema}],
 *   claim (0.x: the strings that the library gave, null where it gave none) */
char *lao__describe(const lao__module_t *module);

#endif
