/* NaN and infinities: in data, where they are numbers like others, and in JSON, metadata and progress, where they are
 * not. */
#define HOSTILE_OUTPUT_KIND LAO_KIND_ANY
#include "hostile.h"

#include <lao/ext/services.h>
#include <math.h>

static double elements[4];
static int64_t shape[1] = {4};
static lao_managed_tensor_t tensor;

static lao_status_t give_sound(lao_response_t *response, const char *metadata) {
    lao_value_t *output = response->outputs[0];
    elements[0] = NAN, elements[1] = INFINITY, elements[2] = -INFINITY, elements[3] = 1.5;
    memset(&tensor, 0, sizeof tensor);
    tensor.dlpack_major = 1;
    tensor.tensor = (lao_tensor_t){.data = elements,
                                   .device = {.device_type = LAO_DEVICE_CPU},
                                   .rank = 1,
                                   .dtype = {.code = LAO_DTYPE_FLOAT, .bits = 64, .lanes = 1},
                                   .shape = shape};
    output->kind = LAO_KIND_AUDIO;
    output->sample_rate_hz = 16000;
    output->tensor = &tensor;
    output->metadata = metadata;
    output->metadata_size = metadata != NULL ? strlen(metadata) : 0;
    response->output_count = 1;
    return LAO_OK;
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)error;
    if (input_is(request, "data")) {
        return give_sound(response, NULL);
    }
    if (input_is(request, "json")) {
        static const char text[] = "{\"at\": NaN}";
        return lao_give_copy(the_host, response, LAO_KIND_JSON, text, sizeof text - 1);
    }
    if (input_is(request, "json_infinity")) {
        static const char text[] = "{\"at\": -Infinity}";
        return lao_give_copy(the_host, response, LAO_KIND_JSON, text, sizeof text - 1);
    }
    if (input_is(request, "timestamp")) {
        return give_sound(response, "{\"timestamp_s\": NaN}");
    }
    if (input_is(request, "timestamp_infinity")) {
        return give_sound(response, "{\"timestamp_s\": Infinity}");
    }
    return LAO_INVALID_INPUT;
}

HOSTILE_PLUGIN("not-a-number")
