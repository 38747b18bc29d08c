#include "inputs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../ipc/frame_writer.h"
#include "../ipc/memory_file.h"
#include "../ipc/process.h"

/* What was received, by id; of all lanes. */
typedef struct received {
    uint64_t id;
    lao__memory_file_t file; /* mapped, unless it is a file to be read: then `descriptor` */
    int descriptor;
    struct received *next;
} received_t;

static received_t *files;
static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;

static received_t *known(uint64_t id) {
    received_t *file;
    for (file = files; file != NULL && file->id != id; file = file->next) {
    }
    return file;
}

/* The host sends a file before the first request that names it. */
static received_t *receive_until(uint64_t id, int control, lao__error_t *error) {
    received_t *file = known(id);
    while (file == NULL) {
        uint64_t size;
        uint64_t arrived;
        int descriptor;
        received_t *fresh = calloc(1, sizeof *fresh);
        if (fresh == NULL || !lao__process_receive(control, &arrived, &size, &descriptor)) {
            free(fresh);
            lao__fail(error, LAO_SYSTEM, "an array's memory did not arrive");
            return NULL;
        }
        fresh->descriptor = size == 0 ? descriptor : -1; /* no memory file is empty */
        if (size > 0 && lao__memory_file_map(&fresh->file, descriptor, size, false, error) != LAO_OK) {
            free(fresh);
            return NULL;
        }
        fresh->id = arrived;
        fresh->next = files;
        files = fresh;
        file = known(id);
    }
    return file;
}

void lao__inputs_forget(uint64_t id) {
    received_t **link;
    pthread_mutex_lock(&files_lock);
    for (link = &files; *link != NULL; link = &(*link)->next) {
        if ((*link)->id == id) {
            received_t *file = *link;
            *link = file->next;
            if (file->descriptor >= 0) {
                close(file->descriptor);
            } else {
                lao__memory_file_close(&file->file);
            }
            free(file);
            break;
        }
    }
    pthread_mutex_unlock(&files_lock);
}

static lao_status_t read_value(const lao__frame_request_t *request, char *region, uint64_t region_size, int control,
                               lao__inputs_t *inputs, lao__error_t *error) {
    const lao__frame_value_t *frame = &request->input;
    char *memory = region;
    uint64_t memory_size = region_size;
    lao_status_t status;
    int descriptor = -1;
    inputs->value_count = 0;
    inputs->file_id = 0;
    if (frame->kind == LAO_KIND_NONE) {
        return LAO_OK;
    }
    if (frame->memory != 0) {
        received_t *file;
        pthread_mutex_lock(&files_lock);
        file = receive_until(frame->memory, control, error);
        pthread_mutex_unlock(&files_lock);
        if (file == NULL) {
            return error->status;
        }
        if (file->descriptor >= 0) {
            inputs->file_id = frame->memory;
            descriptor = file->descriptor;
        } else {
            memory = file->file.base;
            memory_size = file->file.size;
        }
    }
    status = lao__frame_check_value(frame, memory_size, region_size, error);
    if (status != LAO_OK) {
        return status;
    }
    lao__frame_to_value(frame, memory, region, &inputs->value, &inputs->tensor, inputs->shape, inputs->strides);
    inputs->value.file_handle = descriptor;
    inputs->tensor.flags |= LAO_TENSOR_READ_ONLY;
    inputs->values[0] = &inputs->value;
    inputs->value_count = 1;
    return LAO_OK;
}

static lao_status_t read_params(const lao__frame_request_t *request, char *region, uint64_t region_size,
                                lao__inputs_t *inputs, lao__error_t *error) {
    const lao__frame_param_t *frames = (const lao__frame_param_t *)(region + request->params.offset);
    uint32_t index;
    if (request->param_count > LAO__FRAME_MAX_PARAMS || !lao__frame_span_fits(request->params, region_size) ||
        request->params.size != request->param_count * sizeof *frames ||
        !lao__frame_span_fits(request->params_json, region_size)) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "the parameters lie outside of the region");
    }
    for (index = 0; index < request->param_count; index++) {
        lao_param_t *param = &inputs->params[index];
        lao__frame_span_t name = {frames[index].name, frames[index].name_size};
        if (!lao__frame_span_fits(name, region_size) || name.size == 0 ||
            !lao__frame_span_fits(frames[index].data, region_size)) {
            return lao__fail(error, LAO_PROTOCOL_VIOLATION, "a parameter lies outside of the region");
        }
        memset(param, 0, sizeof *param);
        param->struct_size = sizeof *param;
        param->type = frames[index].type;
        param->name = region + name.offset;
        param->integer = frames[index].integer;
        param->number = frames[index].number;
        if (param->type >= LAO_PARAM_TEXT) {
            param->data = region + frames[index].data.offset;
            param->size = frames[index].data.size;
        }
        inputs->param_pointers[index] = param;
    }
    return LAO_OK;
}

lao_status_t lao__inputs_read(const lao__frame_request_t *request, char *region, uint64_t region_size, int control,
                              lao__inputs_t *inputs, lao__error_t *error) {
    lao_status_t status = read_value(request, region, region_size, control, inputs, error);
    if (status == LAO_OK && request->param_count > 0) {
        status = read_params(request, region, region_size, inputs, error);
    }
    return status;
}

void lao__inputs_end(lao__inputs_t *inputs) {
    if (inputs->file_id != 0) {
        lao__inputs_forget(inputs->file_id);
        inputs->file_id = 0;
    }
}
