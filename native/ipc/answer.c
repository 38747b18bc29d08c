#include "answer.h"

#include <stdlib.h>
#include <string.h>

#include "../core/call.h"
#include "../core/pool.h"

#define COPIED_BYTES ((uint64_t)64 << 10) /* larger texts and bytes are left in place for their one reader to copy */
#define BELIEVED_BYTES ((uint64_t)4 << 20) /* larger outputs are checked against what the worker has written */

/* An output that the worker's memory holds: what the value's owner points to. */
typedef struct held_output {
    lao__region_t *region;
    uint32_t lease;
    char *copy; /* of the bytes, where the caller wanted them stable; NULL: read in place */
    lao_managed_tensor_t tensor;
    int64_t shape[LAO_TENSOR_MAX_RANK];
    int64_t strides[LAO_TENSOR_MAX_RANK];
    char texts[]; /* media type and metadata, copied: in shared memory they could change under the reader */
} held_output_t;

static void LAO_CALL release_held(lao_value_t *value) {
    held_output_t *held = value->owner;
    if (held->lease != LAO__NO_LEASE) {
        lao__region_give_back(held->region, held->lease);
    }
    lao__region_release(held->region);
    lao__pool_free(held->copy);
    free(held);
}

static void LAO_CALL release_copied(lao_value_t *value) { lao__pool_free(value->owner); }

/* Everything but arrays is copied before anybody looks at it: the worker could change it after the check. */
static lao_status_t copy_output(const lao__frame_value_t *frame, char *base, lao_value_t *output, lao__error_t *error) {
    uint64_t media_at = frame->data.size + 1;
    uint64_t metadata_at = media_at + frame->media_type.size + 1;
    char *copy = lao__pool_alloc(metadata_at + frame->metadata.size + 1, 0);
    if (copy == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "no memory for an output of %llu bytes",
                         (unsigned long long)frame->data.size);
    }
    lao__frame_to_value(frame, base, base, output, NULL, NULL, NULL);
    memcpy(copy, output->data, (size_t)frame->data.size);
    copy[frame->data.size] = '\0';
    output->data = copy;
    if (output->media_type != NULL) {
        memcpy(copy + media_at, output->media_type, (size_t)frame->media_type.size);
        copy[media_at + frame->media_type.size] = '\0';
        output->media_type = copy + media_at;
    }
    if (output->metadata != NULL) {
        memcpy(copy + metadata_at, output->metadata, (size_t)frame->metadata.size);
        output->metadata = copy + metadata_at;
    }
    output->owner = copy;
    output->release = release_copied;
    return LAO_OK;
}

static lao_status_t hold_output(const lao__frame_response_t *response, lao__region_t *region, lao_value_t *output,
                                lao__error_t *error) {
    const lao__frame_value_t *frame = &response->value;
    uint64_t media_size = frame->media_type.size;
    held_output_t *held = malloc(sizeof *held + (size_t)(media_size + 1 + frame->metadata.size));
    if (held == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    held->region = region;
    held->lease = response->lease;
    held->copy = NULL;
    lao__region_retain(region);
    lao__frame_to_value(frame, region->file.base, region->file.base, output, &held->tensor, held->shape, held->strides);
    if (output->media_type != NULL) {
        memcpy(held->texts, output->media_type, (size_t)media_size);
        output->media_type = held->texts;
    }
    held->texts[media_size] = '\0';
    if (output->metadata != NULL) {
        memcpy(held->texts + media_size + 1, output->metadata, (size_t)frame->metadata.size);
        output->metadata = held->texts + media_size + 1;
    }
    output->owner = held;
    output->release = release_held;
    return LAO_OK;
}

/* A worker has address space for gigabytes that it never wrote; copying those would cost the host what they do not cost
 * the worker. */
static lao_status_t check_is_written(const lao__frame_value_t *frame, const lao__region_t *region,
                                     lao__error_t *error) {
    uint64_t touched;
    if (frame->data.size <= BELIEVED_BYTES) {
        return LAO_OK;
    }
    touched = lao__memory_file_touched(&region->file);
    if (frame->data.size > touched) {
        return lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker claims an output of %llu bytes and wrote %llu",
                         (unsigned long long)frame->data.size, (unsigned long long)touched);
    }
    return LAO_OK;
}

/* An array's bytes in memory of the host's own: the plugin cannot change them any more. */
static lao_status_t make_stable(lao_value_t *output, lao__error_t *error) {
    held_output_t *held = output->owner;
    lao_tensor_t *tensor = &held->tensor.tensor;
    lao__extent_t extent;
    lao_status_t status =
        lao__check_layout(tensor->rank, tensor->shape, tensor->strides, tensor->dtype, &extent, error);
    char *copy;
    if (status != LAO_OK) {
        return status;
    }
    copy = lao__pool_alloc((uint64_t)(extent.highest - extent.lowest), 64);
    if (copy == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "no memory for a copy of the output");
    }
    memcpy(copy, (char *)tensor->data + tensor->byte_offset + extent.lowest, (size_t)(extent.highest - extent.lowest));
    tensor->data = copy;
    tensor->byte_offset = (uint64_t)-extent.lowest;
    if (held->lease != LAO__NO_LEASE) {
        lao__region_give_back(held->region, held->lease);
        held->lease = LAO__NO_LEASE;
    }
    held->copy = copy;
    return LAO_OK;
}

/* Python's str and bytes are copies of their own: one on the way there would be one too many. */
static bool may_stay(const lao__frame_response_t *response) {
    const lao__frame_value_t *frame = &response->value;
    return (frame->kind == LAO_KIND_TEXT || frame->kind == LAO_KIND_BINARY) && frame->data.size > COPIED_BYTES &&
           frame->media_type.size == 0 && frame->metadata.size == 0 && response->lease != LAO__NO_LEASE;
}

lao_status_t lao__answer_take_output(const lao__worker_link_t *link, const lao__frame_response_t *response, bool stable,
                                     lao_value_t *output, lao__error_t *error) {
    lao__region_t *region = link->responses;
    lao_status_t status;
    memset(output, 0, sizeof *output);
    if (response->value.kind == LAO_KIND_NONE) {
        return LAO_OK;
    }
    if (response->value.rank >= 0) {
        if (response->lease == LAO__NO_LEASE) {
            return lao__fail(error, LAO_PROTOCOL_VIOLATION, "its worker returned an array that nothing keeps alive");
        }
        status = hold_output(response, region, output, error);
        if (status == LAO_OK && stable) {
            status = make_stable(output, error);
            if (status != LAO_OK) {
                lao__value_release(output);
            }
        }
        return status;
    }
    status = check_is_written(&response->value, region, error);
    if (status == LAO_OK && may_stay(response)) {
        status = hold_output(response, region, output, error);
        if (status == LAO_OK) {
            output->flags |= LAO__VALUE_CHANGEABLE;
            return LAO_OK;
        }
    } else if (status == LAO_OK) {
        status = copy_output(&response->value, region->file.base, output, error);
    }
    if (response->lease != LAO__NO_LEASE) {
        lao__region_give_back(region, response->lease);
    }
    return status;
}

lao_status_t lao__answer_take_error(const lao__worker_link_t *link, const lao__frame_response_t *response,
                                    lao__error_t *error) {
    uint64_t size = response->error.size < LAO__ERROR_CAPACITY - 1 ? response->error.size : LAO__ERROR_CAPACITY - 1;
    /* What comes out of a worker is what its plugin may say, never what only the host may. */
    lao_status_t status = response->status;
    if (status >= LAO_LIMIT_EXCEEDED && status != LAO_PROTOCOL_VIOLATION && status != LAO_LOAD_FAILED &&
        status != LAO_ABI_MISMATCH && status != LAO_LIMIT_EXCEEDED) {
        status = LAO_FAILED;
    }
    lao__error_init(error, status);
    memcpy(error->text, link->responses->file.base + response->error.offset, (size_t)size);
    error->text[size] = '\0';
    error->size = (uint32_t)size;
    if (size == 0) {
        return lao__fail(error, status, "%s", lao_status_message(status));
    }
    return status;
}
