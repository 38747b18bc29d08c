/* Reads the file that it is given: "handle" through the open descriptor, "path" by its path. "write" tries to change it
 * through the descriptor, in every way. */
#include "support.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

STATELESS

static lao_status_t give_content(const lao_request_t *request, lao_response_t *response, int file, lao_error_t *error) {
    char text[4096];
    ssize_t size = file < 0 ? -1 : pread(file, text, sizeof text, 0);
    return size < 0 ? lao_fail(error, LAO_FAILED, "it cannot be read")
                    : give_data(request, response, LAO_KIND_TEXT, text, (uint64_t)size);
}

static int changed(int file) {
    char again[64];
    snprintf(again, sizeof again, "/proc/self/fd/%d", file);
    return write(file, "x", 1) == 1 || ftruncate(file, 0) == 0 || fchmod(file, 0777) == 0 || open(again, O_RDWR) >= 0;
}

static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    (void)instance;
    const lao_value_t *input = request->inputs[0];
    char path[4096];
    snprintf(path, sizeof path, "%.*s", (int)input->size, (const char *)input->data);
    switch (request->capability) {
    case 0:
        return give_content(request, response, (int)input->file_handle, error);
    case 1: {
        int file = open(path, O_RDONLY | O_CLOEXEC);
        lao_status_t status = give_content(request, response, file, error);
        if (file >= 0) {
            close(file);
        }
        return status;
    }
    case 2:
        return give_text(request, response, changed((int)input->file_handle) ? "changed" : "refused");
    case 3:
        return give_data(request, response, LAO_KIND_FILE, path, strlen(path));
    default: {
        int count = 0;
        for (int file = 0; file < 256; file++) {
            count += fcntl(file, F_GETFD) >= 0;
        }
        char text[16];
        snprintf(text, sizeof text, "%d", count);
        return give_text(request, response, text);
    }
    }
}

#define CAPABILITY(title, in, out)                                                                                     \
    &(const lao_capability_t){                                                                                         \
        .struct_size = sizeof(lao_capability_t), .name = (title), .input_kind = (in), .output_kind = (out)}

static const lao_capability_t *const capabilities[] = {
    CAPABILITY("handle", LAO_KIND_FILE, LAO_KIND_TEXT), CAPABILITY("path", LAO_KIND_FILE, LAO_KIND_TEXT),
    CAPABILITY("write", LAO_KIND_FILE, LAO_KIND_TEXT), CAPABILITY("name", LAO_KIND_TEXT, LAO_KIND_FILE),
    CAPABILITY("open", LAO_KIND_FILE, LAO_KIND_TEXT)};

PLUGIN("reader", LAO_THREADS_FULL, .shutdown = NULL)
