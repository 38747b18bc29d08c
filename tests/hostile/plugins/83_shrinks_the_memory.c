/* Shrinks, grows, seals and empties the memory files under the host. */
#include "channel.h"

#include <fcntl.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    static const struct {
        const char *name;
        int descriptor;
    } files[] = {{"signals", SIGNALS_FILE}, {"requests", REQUESTS_FILE}, {"answers", RESPONSES_FILE}};
    char what[64];
    (void)request, (void)error;
    for (size_t index = 0; index < 3; index++) {
        int file = files[index].descriptor;
        snprintf(what, sizeof what, "%s_shrink", files[index].name);
        tried(what, ftruncate(file, 0));
        snprintf(what, sizeof what, "%s_grow", files[index].name);
        tried(what, ftruncate(file, (off_t)1 << 50));
        snprintf(what, sizeof what, "%s_grow_by_allocation", files[index].name);
        tried(what, fallocate(file, 0, (off_t)1 << 50, 4096));
        snprintf(what, sizeof what, "%s_collapse", files[index].name);
        tried(what, fallocate(file, FALLOC_FL_COLLAPSE_RANGE, 0, 4096));
        snprintf(what, sizeof what, "%s_seal", files[index].name);
        tried(what, fcntl(file, F_ADD_SEALS, F_SEAL_WRITE));
    }
    tried("requests_empty", fallocate(REQUESTS_FILE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
    tried("requests_write", pwrite(REQUESTS_FILE, "x", 1, 0));
    return give_report(response);
}

HOSTILE_PLUGIN("shrinks-the-memory")
