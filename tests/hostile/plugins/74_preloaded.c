/* Reports whether the library that the input names was loaded into its worker. */
#include "hostile.h"

#include <link.h>

static const char *wanted;

static int look(struct dl_phdr_info *info, size_t size, void *count) {
    (void)size;
    *(int *)count += info->dlpi_name != NULL && strstr(info->dlpi_name, wanted) != NULL;
    return 0;
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    int count = 0;
    (void)error;
    wanted = input_text(request);
    dl_iterate_phdr(look, &count);
    report_number("loaded", count);
    report_number("preload", getenv("LD_PRELOAD") != NULL);
    report_number("audit", getenv("LD_AUDIT") != NULL);
    report_number("library_path", getenv("LD_LIBRARY_PATH") != NULL);
    return give_report(response);
}

HOSTILE_PLUGIN("preloaded")
