/* Streams for ever, 64 KiB with a number of eight digits in front at a time, and ignores that nobody wants more. */
#include "hostile.h"

static char part_data[65536];

static void LAO_CALL keep(lao_value_t *part) { (void)part; }

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    const lao_stream_host_t *stream = (const lao_stream_host_t *)the_host->get_extension(the_host, LAO_EXT_STREAM);
    (void)response;
    if (stream == NULL) {
        return lao_fail(error, LAO_FAILED, "no streams");
    }
    memset(part_data, ' ', sizeof part_data);
    for (unsigned number = 0;; number = (number + 1) % 100000000) {
        lao_value_t part;
        char digits[9];
        memset(&part, 0, sizeof part);
        snprintf(digits, sizeof digits, "%08u", number);
        part_data[0] = '"';
        memcpy(part_data + 1, digits, 8);
        part_data[sizeof part_data - 1] = '"';
        part.struct_size = sizeof part;
        part.kind = LAO_KIND_JSON;
        part.data = part_data;
        part.size = sizeof part_data;
        part.release = keep;
        (void)stream->push(request->call, &part, 0);
    }
}

HOSTILE_PLUGIN_WITH("endless-stream", LAO_THREADS_INSTANCE, LAO_CAPABILITY_STREAMS_OUT, create_quietly, destroy_quietly,
                    NULL)
