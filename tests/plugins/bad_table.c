/* Plugins whose table is wrong in one way each: DEFECT names it. All but that one detail is sound, so that only a host
 * that checks the detail refuses them. */
#include "support.h"

/* A sound capability and table, which the defect then spoils. */
static lao_capability_t capability = {
    .struct_size = sizeof capability, .name = "echo", .input_kind = LAO_KIND_TEXT, .output_kind = LAO_KIND_TEXT};
static lao_capability_t second = {
    .struct_size = sizeof second, .name = "second", .input_kind = LAO_KIND_TEXT, .output_kind = LAO_KIND_TEXT};
static const lao_capability_t *capabilities[] = {&capability, &second};

static lao_status_t LAO_CALL create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance,
                                    lao_error_t *error) {
    (void)host, (void)config, (void)error;
    *instance = (lao_instance_t *)&capability;
    return LAO_OK;
}

static void LAO_CALL destroy(lao_instance_t *instance) { (void)instance; }

static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    (void)instance, (void)error;
    return give_text(request, response, "served");
}

static lao_plugin_t table = {.struct_size = sizeof table,
                             .abi_version = LAO_ABI_VERSION,
                             .name = "bad-table",
                             .version = "1.0.0",
                             .capability_count = 2,
                             .capabilities = capabilities,
                             .create = create,
                             .destroy = destroy,
                             .call = call};

#define DEFECT_none
#define DEFECT_entry_returns_null return NULL
#define DEFECT_size_zero table.struct_size = 0
#define DEFECT_table_too_small table.struct_size = offsetof(lao_plugin_t, call) /* ends before `call` */
#define DEFECT_table_size_lies table.struct_size = UINT32_MAX                   /* 4 GiB of function pointers */
#define DEFECT_wrong_major table.abi_version = (LAO_ABI_MAJOR + 1) << 16
#define DEFECT_newer_minor table.abi_version = LAO_ABI_VERSION + 7 /* not a defect: same major */
#define DEFECT_name_null table.name = NULL
#define DEFECT_name_empty table.name = ""
#define DEFECT_name_not_utf8 table.name = "bad\xff\xfename"
#define DEFECT_version_null table.version = NULL
#define DEFECT_no_capabilities table.capability_count = 0
#define DEFECT_too_many_capabilities table.capability_count = UINT32_MAX
#define DEFECT_capabilities_null table.capabilities = NULL
#define DEFECT_capability_null capabilities[1] = NULL
#define DEFECT_capability_too_small second.struct_size = offsetof(lao_capability_t, output_kind)
#define DEFECT_capability_name_null second.name = NULL
#define DEFECT_capability_name_twice second.name = "echo"
#define DEFECT_capability_kind_unknown second.output_kind = 99
#define DEFECT_create_null table.create = NULL
#define DEFECT_destroy_null table.destroy = NULL
#define DEFECT_call_null table.call = NULL
#define DEFECT_thread_role_unknown table.thread_role = 3

LAO_EXPORT const lao_plugin_t *LAO_CALL lao_plugin_entry(const lao_host_t *host) {
    the_host = host;
    PASTE(DEFECT_, DEFECT);
    return &table;
}
