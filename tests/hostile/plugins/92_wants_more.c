/* Asks, by its manifest, for more than was granted; and uses what it was not granted. */
#include "hostile.h"

#include <fcntl.h>
#include <lao/ext/services.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    static const struct {
        const char *name, *id;
    } services[] = {
        {"files", LAO_EXT_FILES}, {"http", LAO_EXT_HTTP}, {"commands", LAO_EXT_COMMANDS}, {"calls", LAO_EXT_CALLS}};
    (void)request, (void)error;
    for (size_t index = 0; index < sizeof services / sizeof *services; index++) {
        bool there = the_host->get_extension(the_host, services[index].id) != NULL;
        report_string(services[index].name, there ? "there" : "absent");
    }
    tried("write", open(own_path("new.txt"), O_WRONLY | O_CREAT, 0600));
    return give_report(response);
}

HOSTILE_PLUGIN("wants-more")
