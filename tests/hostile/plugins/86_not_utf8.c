/* Answers with texts that are none, past the checks of its worker or not. */
#define HOSTILE_OUTPUT_KIND LAO_KIND_ANY
#include "channel.h"

static const char broken[] = "ab\xff\xfe\xc0\xaf";

static void forge_text(uint32_t kind, const char *text) {
    forge_answer();
    answer_frame->value.kind = kind;
    answer_frame->value.data.size = strlen(text);
    strcpy(answers + LAO__FRAME_BYTES, text);
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    lao__frame_span_t behind = {LAO__FRAME_BYTES + 64, sizeof broken};
    if (input_is(request, "text")) {
        return lao_give_copy(the_host, response, LAO_KIND_TEXT, broken, sizeof broken - 1);
    }
    if (input_is(request, "json")) {
        return lao_give_copy(the_host, response, LAO_KIND_JSON, "\"\xed\xa0\x80\"", 5);
    }
    if (input_is(request, "error")) {
        return lao_fail(error, LAO_FAILED, broken);
    }
    forge_text(LAO_KIND_TEXT, "sound");
    memcpy(answers + behind.offset, broken, sizeof broken);
    if (input_is(request, "forged_text")) {
        forge_text(LAO_KIND_TEXT, broken);
    } else if (input_is(request, "forged_json")) {
        forge_text(LAO_KIND_JSON, "{\"a\": \"\xff\"}");
    } else if (input_is(request, "forged_file")) {
        forge_text(LAO_KIND_FILE, broken);
    } else if (input_is(request, "forged_media_type")) {
        answer_frame->value.media_type = behind;
    } else if (input_is(request, "forged_metadata")) {
        answer_frame->value.metadata = (lao__frame_span_t){behind.offset, sizeof broken - 1};
    } else if (input_is(request, "unended_media_type")) { /* no terminator up to the end of its memory */
        answer_frame->value.media_type = (lao__frame_span_t){behind.offset, 1};
    } else if (input_is(request, "forged_error")) {
        answer_frame->status = LAO_FAILED;
        answer_frame->error = (lao__frame_span_t){behind.offset, sizeof broken - 1};
    }
    publish(request_frame->sequence);
    sleep_ms(20); /* then the worker answers too, which nobody waits for */
    return give_report(response);
}

HOSTILE_PLUGIN("not-utf8")
