/* Speaks as another: while it is loaded, in its worker's place, by what it says it is ("forge" of its configuration says
 * how); and as a plugin of another name, by what it asks the host for. */
#include "channel.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "../../../native/core/services.h"
#include "../../../native/ipc/service_frame.h"

enum { SERVICES_SOCKET = 7, NUMBERS_AT = LAO__FRAME_BYTES + 32768 };

#define CAPABILITY(name, kind)                                                                                         \
    "{\"name\":" name ",\"description\":null,\"input_kind\":1,\"output_kind\":" kind                                   \
    ",\"flags\":0,\"max_batch\":0,\"input_schema\":null,\"output_schema\":null,\"params_schema\":null}"
#define DESCRIPTION(name, role, capabilities)                                                                          \
    "{\"abi\":\"lao/1\",\"abi_version\":65536,\"name\":" name                                                          \
    ",\"version\":\"1.0.0\",\"description\":null,\"thread_role\":" role ",\"capabilities\":[" capabilities "]}"

static const struct {
    const char *forgery, *description;
} descriptions[] = {
    {"sibling", DESCRIPTION("\"sibling\"", "1", CAPABILITY("\"echo\"", "1"))},
    {"empty", "{}"},
    {"list", "[]"},
    {"number", "7"},
    {"broken", "{\"abi\""},
    {"not_utf8", "{\"abi\": \"\xff\"}"},
    {"name_is_a_number", DESCRIPTION("7", "1", CAPABILITY("\"echo\"", "1"))},
    {"name_is_null", DESCRIPTION("null", "1", CAPABILITY("\"echo\"", "1"))},
    {"role", DESCRIPTION("\"a\"", "99", CAPABILITY("\"echo\"", "1"))},
    {"negative_role", DESCRIPTION("\"a\"", "-1", CAPABILITY("\"echo\"", "1"))},
    {"kind", DESCRIPTION("\"a\"", "1", CAPABILITY("\"echo\"", "77"))},
    {"capability_is_a_number", DESCRIPTION("\"a\"", "1", "7")},
    {"no_capabilities", DESCRIPTION("\"a\"", "1", "")},
    {"more_capabilities", DESCRIPTION("\"a\"", "1", CAPABILITY("\"a\"", "1") "," CAPABILITY("\"b\"", "1"))},
    {"claims_to_be_old",
     "{\"abi\":\"lao/0.x\",\"name\":\"a\",\"version\":\"1\",\"thread_role\":0,\"capabilities\":[]}"},
};

static void forge_description(const char *text, const uint32_t *numbers, uint64_t size) {
    answer_frame->value.data.size = strlen(text);
    strcpy(answers + LAO__FRAME_BYTES, text);
    memcpy(answers + NUMBERS_AT, numbers, size);
    answer_frame->value.metadata = (lao__frame_span_t){NUMBERS_AT, size};
}

static void forge(const char *config) {
    uint32_t numbers[2] = {1, LAO_KIND_TEXT};
    const char *text = descriptions[0].description;
    forge_answer();
    for (size_t index = 0; index < sizeof descriptions / sizeof *descriptions; index++) {
        char quoted[64];
        snprintf(quoted, sizeof quoted, "\"%s\"", descriptions[index].forgery);
        text = strstr(config, quoted) != NULL ? descriptions[index].description : text;
    }
    if (strstr(config, "\"lanes\"") != NULL) {
        numbers[0] = 77;
    } else if (strstr(config, "\"kinds\"") != NULL) {
        numbers[1] = 0xff;
    }
    forge_description(text, numbers, strstr(config, "\"no_numbers\"") != NULL ? 0 : sizeof numbers);
    if (strstr(config, "\"deep\"") != NULL) {
        memset(answers + LAO__FRAME_BYTES, '[', 32000);
        answer_frame->value.data.size = 32000;
    } else if (strstr(config, "\"text\"") != NULL) {
        answer_frame->value.kind = LAO_KIND_TEXT;
    } else if (strstr(config, "\"failed\"") != NULL) {
        answer_frame->status = LAO_CRASHED;
    }
    (void)send_forged();
}

__attribute__((constructor)) static void speak_first(void) {
    const char *config;
    if (fcntl(SIGNALS_FILE, F_GET_SEALS) <= 0) {
        return; /* not in a worker */
    }
    open_channel();
    config = (const char *)request_frame + request_frame->config.offset;
    if (request_frame->operation == LAO__FRAME_OPEN && strstr(config, "\"forge\"") != NULL) {
        forge(config);
    }
}

static void ask(uint32_t service, uint32_t id, const char *header) {
    lao__service_ask_head_t head = {
        .size = (uint32_t)strlen(header), .id = id, .service = service, .header_size = (uint32_t)strlen(header)};
    char frame[4096];
    memcpy(frame, &head, sizeof head);
    memcpy(frame + sizeof head, header, head.size);
    struct iovec part = {frame, sizeof head + head.size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    tried("sent", sendmsg(SERVICES_SOCKET, &message, MSG_NOSIGNAL));
}

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    (void)error;
    if (input_is(request, "service")) {
        ask(1u << 20, 1, "{}");
    } else if (input_is(request, "services")) {
        ask(LAO__SERVICE_SCRATCH | LAO__SERVICE_FILES, 1, "{}");
    } else if (input_is(request, "nobody")) {
        ask(LAO__SERVICE_SCRATCH, 0, "{}");
    } else { /* in another's name */
        ask(LAO__SERVICE_EVENTS, 1, "{\"plugin\": \"sibling\", \"name\": \"done\", \"tenant\": 2}");
        sleep_ms(300);
        return give_report(response);
    }
    return say_nothing_more();
}

HOSTILE_PLUGIN("speaks-as-another")
