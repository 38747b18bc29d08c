/* LAO 0.x libraries without a usable table: KIND is null (the function returns NULL) or size_56 (the table's symbol has a
 * size that no layout has). */
#include <stddef.h>
#include <stdint.h>

#define KIND_null 1
#define KIND_size_56 2
#define NT_PASTE_(a, b) a##b
#define NT_PASTE(a, b) NT_PASTE_(a, b)

#if NT_PASTE(KIND_, KIND) == KIND_size_56
extern const uint64_t plugin_vtable[7];
__attribute__((visibility("default"))) const uint64_t plugin_vtable[7] = {1, 2, 3, 4, 5, 6, 7};
#else
extern const void *plugin_vtable(void);
__attribute__((visibility("default"))) const void *plugin_vtable(void) { return NULL; }
#endif
