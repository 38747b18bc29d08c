/* Speaks to the host's service socket by itself, past the worker's own client: what a hostile plugin would send. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "support.h"

#define SOCKET 7

typedef struct head {
    uint32_t size, id, service, kind, header_size, reserved;
} head_t;

static void put(const void *bytes, size_t size) {
    size_t sent = 0;
    while (sent < size) {
        struct iovec part = {(char *)(uintptr_t)bytes + sent, size - sent};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
        ssize_t step = sendmsg(SOCKET, &message, MSG_NOSIGNAL); /* the sandbox knows no send() */
        if (step < 0 && errno != EINTR) {
            return;
        }
        sent += step > 0 ? (size_t)step : 0;
    }
}

static void ask(head_t head, const char *header) {
    head.header_size = (uint32_t)strlen(header);
    head.size = head.header_size;
    put(&head, sizeof head);
    put(header, head.header_size);
}

static void flood(int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        ask((head_t){.id = (uint32_t)i + 1, .service = 2}, "{\"operation\":\"get\",\"key\":\"large\"}");
    }
}

static void be_rude(const lao_request_t *request) {
    const char *how = text_param(request, "how", "");
    char garbage[4096];
    if (strcmp(how, "garbage") == 0) {
        for (size_t i = 0; i < sizeof garbage; i++) {
            garbage[i] = (char)(i * 7919 >> 3);
        }
        put(garbage, sizeof garbage);
    } else if (strcmp(how, "oversize") == 0) {
        put(&(head_t){.size = 0xffffffffu, .id = 1, .service = 2}, sizeof(head_t));
    } else if (strcmp(how, "header_lies") == 0) {
        put(&(head_t){.size = 2, .id = 1, .service = 2, .header_size = 3}, sizeof(head_t));
    } else if (strcmp(how, "unknown_service") == 0) {
        ask((head_t){.id = 1, .service = 1024}, "{}");
    } else if (strcmp(how, "two_services") == 0) {
        ask((head_t){.id = 1, .service = 6}, "{}");
    } else if (strcmp(how, "same_id") == 0) { /* at once: what is answered has a number that is free again */
        const char header[] = "{\"plugin\":\"a\",\"capability\":\"b\"}";
        struct __attribute__((packed)) {
            head_t head;
            char header[sizeof header - 1];
        } pair[2];
        for (size_t i = 0; i < 2; i++) {
            pair[i].head = (head_t){.id = 9, .service = 32};
            pair[i].head.size = pair[i].head.header_size = sizeof pair[i].header;
            memcpy(pair[i].header, header, sizeof pair[i].header);
        }
        put(pair, sizeof pair);
    } else if (strcmp(how, "no_id") == 0) {
        ask((head_t){.id = 0, .service = 2}, "{}");
    } else if (strcmp(how, "half") == 0) {
        put(&(head_t){.size = 1000000, .id = 1, .service = 2, .header_size = 10}, sizeof(head_t));
        put("{\"", 2);
    } else if (strcmp(how, "flood") == 0) {
        flood(int_param(request, "count", 1000));
    } else if (strcmp(how, "not_granted") == 0) {
        ask((head_t){.id = 1, .service = 8}, "{\"url\":\"http://127.0.0.1/\"}");
        ask((head_t){.id = 2, .service = 4}, "{\"path\":\"x\",\"mode\":1}");
    } else if (strcmp(how, "close") == 0) {
        close(SOCKET);
    }
}

static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    (void)instance, (void)error;
    if (request->capability == 0) {
        be_rude(request);
        sleep_ns(int_param(request, "stay_ms", 0) * 1000000);
    }
    return give_text(request, response, "still here");
}

static lao_status_t LAO_CALL create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance,
                                    lao_error_t *error) {
    (void)host, (void)config, (void)error;
    *instance = (lao_instance_t *)&the_host;
    return LAO_OK;
}

static void LAO_CALL destroy(lao_instance_t *instance) { (void)instance; }

#define CAPABILITY(title)                                                                                              \
    &(const lao_capability_t){.struct_size = sizeof(lao_capability_t),                                                 \
                              .name = (title),                                                                         \
                              .input_kind = LAO_KIND_NONE,                                                             \
                              .output_kind = LAO_KIND_TEXT}

static const lao_capability_t *const capabilities[] = {CAPABILITY("be_rude"), CAPABILITY("be_kind")};
static const lao_plugin_t plugin = {.struct_size = sizeof plugin,
                                    .abi_version = LAO_ABI_VERSION,
                                    .name = "rude",
                                    .version = "1.0.0",
                                    .capability_count = COUNT_OF(capabilities),
                                    .capabilities = capabilities,
                                    .create = create,
                                    .destroy = destroy,
                                    .call = call};

LAO_EXPORT const lao_plugin_t *LAO_CALL lao_plugin_entry(const lao_host_t *host) {
    the_host = host;
    return &plugin;
}
