/* Builds and exports the table from the functions name, run, free_output and, as LAYOUT asks, get_metadata,
 * validate_input, get_capabilities, run_structured and free_result, which the including file has defined. */
#define V0_PASTE_(a, b) a##b
#define V0_PASTE(a, b) V0_PASTE_(a, b)
#ifndef DIALECT
#define DIALECT function
#endif
#define DIALECT_function 1
#define DIALECT_data 2
#define V0_EXPORT __attribute__((visibility("default")))

#if LAYOUT >= 40
static size_t run_with_buffer(const PluginInput *input, char *buffer, size_t size) {
    (void)input, (void)buffer, (void)size;
    forbidden("call run_with_buffer");
    return 0;
}
#endif

/* clang-format off */
#define V0_FUNCTIONS_24 .name = name, .run = run, .free_output = free_output
#if LAYOUT == 24
#define V0_FIELDS V0_FUNCTIONS_24
#elif LAYOUT == 40
#define V0_FIELDS .version = VERSION, V0_FUNCTIONS_24, .run_with_buffer = run_with_buffer
#elif LAYOUT == 64
#define V0_FIELDS .version = VERSION, V0_FUNCTIONS_24, .run_with_buffer = run_with_buffer,                             \
    .get_metadata = get_metadata, .validate_input = validate_input, .get_capabilities = get_capabilities
#else
#define V0_FIELDS .version = VERSION, V0_FUNCTIONS_24, .run_with_buffer = run_with_buffer,                             \
    .get_metadata = get_metadata, .validate_input = validate_input, .get_capabilities = get_capabilities,              \
    .run_structured = run_structured, .free_result = free_result
#endif
/* clang-format on */

/* What stands behind the table in memory. Where the size of the table can be known from its symbol, a host that reads
 * past the end finds pointers to this function and calls it; where it cannot, it finds zeros. */
#if defined(SYMBOL) || V0_PASTE(DIALECT_, DIALECT) == DIALECT_data
static void behind_the_table(void) { forbidden("read past the end of the table"); }
#define V0_BEHIND {behind_the_table, behind_the_table, behind_the_table, behind_the_table, behind_the_table}
#else
#define V0_BEHIND {NULL}
#endif

#if V0_PASTE(DIALECT_, DIALECT) == DIALECT_data
#define V0_TABLE plugin_vtable
V0_EXPORT
#elif defined(SYMBOL)
#define V0_TABLE PLUGIN_VTABLE
V0_EXPORT
#else
#define V0_TABLE hidden_table
#endif
#if defined(__clang__)
#define V0_IN_ORDER /* it keeps the order of the source anyway */
#else
#define V0_IN_ORDER , no_reorder
#endif
extern PluginVTable V0_TABLE;
PluginVTable V0_TABLE __attribute__((section("v0table"), aligned(8) V0_IN_ORDER)) = {V0_FIELDS};

__attribute__((section("v0table"), aligned(8), used V0_IN_ORDER)) static void (*v0_behind[5])(void) = V0_BEHIND;

#ifdef WITHOUT /* one function of the table is NULL */
__attribute__((constructor)) static void take_out(void) { V0_TABLE.WITHOUT = NULL; }
#endif

#if V0_PASTE(DIALECT_, DIALECT) == DIALECT_function
V0_EXPORT const PluginVTable *plugin_vtable(void);
V0_EXPORT const PluginVTable *plugin_vtable(void) { return &V0_TABLE; }
#endif
