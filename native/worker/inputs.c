#include "inputs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/value_copy.h"
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

static lao_status_t read_value(const lao__frame_value_t *frame, char *region, uint64_t region_size, int control,
                               lao__input_t *input, lao__error_t *error) {
    char *memory = region;
    uint64_t memory_size = region_size;
    lao_status_t status;
    int descriptor = -1;
    input->file_id = 0;
    if (frame->memory != 0) {
        received_t *file;
        pthread_mutex_lock(&files_lock);
        file = receive_until(frame->memory, control, error);
        pthread_mutex_unlock(&files_lock);
        if (file == NULL) {
            return error->status;
        }
        if (file->descriptor >= 0) {
            input->file_id = frame->memory;
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
    lao__frame_to_value(frame, memory, region, &input->value, &input->tensor, input->shape, input->strides);
    input->value.file_handle = descriptor;
    input->tensor.flags |= LAO_TENSOR_READ_ONLY;
    return LAO_OK;
}

static lao_status_t read_one(const lao__frame_request_t *request, char *region, uint64_t region_size, int control,
                             lao__inputs_t *inputs, lao__error_t *error) {
    inputs->values[0] = &inputs->one.value;
    inputs->value_count = 1;
    return read_value(&request->input, region, region_size, control, &inputs->one, error);
}

static lao_status_t read_batch(const lao__frame_request_t *request, char *region, uint64_t region_size, int control,
                               lao__inputs_t *inputs, lao__error_t *error) {
    const lao__frame_value_t *frames = (const lao__frame_value_t *)(region + request->batch.offset);
    uint32_t count = request->batch_count;
    lao_status_t status = LAO_OK;
    if (count == 0 || count > LAO__FRAME_MAX_BATCH || !lao__frame_span_fits(request->batch, region_size) ||
        request->batch.size != count * sizeof *frames) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "the requests lie outside of the region");
    }
    inputs->batch = calloc(count, sizeof *inputs->batch);
    if (inputs->batch == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "no memory for %u requests", count);
    }
    while (status == LAO_OK && inputs->value_count < count) {
        lao__input_t *input = &inputs->batch[inputs->value_count];
        status = read_value(&frames[inputs->value_count], region, region_size, control, input, error);
        inputs->values[inputs->value_count++] = &input->value;
    }
    return status;
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
    lao_status_t status = LAO_OK;
    inputs->batch = NULL;
    inputs->value_count = 0;
    inputs->one.file_id = 0;
    if (request->operation == LAO__FRAME_BATCH) {
        status = read_batch(request, region, region_size, control, inputs, error);
    } else if (request->input.kind != LAO_KIND_NONE) {
        status = read_one(request, region, region_size, control, inputs, error);
    }
    if (status == LAO_OK && request->param_count > 0) {
        status = read_params(request, region, region_size, inputs, error);
    }
    return status;
}

lao_status_t lao__inputs_read_part(const lao__frame_request_t *request, char *region, uint64_t region_size, int control,
                                   lao_value_t *part, lao__error_t *error) {
    lao__input_t *input = calloc(1, sizeof *input);
    lao_status_t status;
    if (input == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "no memory for a part of the input");
    }
    status = read_value(&request->input, region, region_size, control, input, error);
    if (status == LAO_OK) {
        status = lao__value_copy(&input->value, part, error);
    }
    if (input->file_id != 0) {
        lao__inputs_forget(input->file_id);
    }
    free(input);
    return status;
}

void lao__inputs_end(lao__inputs_t *inputs) {
    uint32_t index;
    for (index = 0; index < inputs->value_count; index++) {
        lao__input_t *input = inputs->batch != NULL ? &inputs->batch[index] : &inputs->one;
        if (input->file_id != 0) {
            lao__inputs_forget(input->file_id);
            input->file_id = 0;
        }
    }
    free(inputs->batch);
    inputs->batch = NULL;
    inputs->value_count = 0;
}
