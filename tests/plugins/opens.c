/* "read" opens the file that its input names, and answers what is in it. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "support.h"

STATELESS

static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    char path[4096];
    char text[4096];
    ssize_t size;
    int file;
    (void)instance;
    snprintf(path, sizeof path, "%.*s", (int)request->inputs[0]->size, (const char *)request->inputs[0]->data);
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return lao_fail(error, errno == EACCES || errno == EPERM ? LAO_PERMISSION_DENIED : LAO_FAILED, strerror(errno));
    }
    size = read(file, text, sizeof text);
    close(file);
    return size < 0 ? LAO_FAILED : give_data(request, response, LAO_KIND_TEXT, text, (uint64_t)size);
}

static const lao_capability_t read_capability = {
    .struct_size = sizeof read_capability, .name = "read", .input_kind = LAO_KIND_TEXT, .output_kind = LAO_KIND_TEXT};
static const lao_capability_t *const capabilities[] = {&read_capability};

PLUGIN("reader", LAO_THREADS_FULL, .shutdown = NULL)
