/* The host's services as a plugin meets them: the tables against a host of this test's own, and the worker's client against
 * a peer that answers late, in another order, in pieces, with a descriptor, or not at all. */
#include <fcntl.h>
#include <lao/ext/events.h>
#include <lao/ext/services.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "../../native/worker/service_client.h"
#include "core/module.h"
#include "core/service_tables.h"
#include "core/service_tensor.h"
#include "expect.h"
#include "ipc/service_frame.h"

/* --- The tables --- */

static struct {
    uint32_t asked; /* how often */
    uint32_t service;
    uint32_t kind;
    uint64_t body_size;
    char header[4096];
    lao__service_reply_t reply; /* what is answered */
} host;

static void answer(const lao__service_request_t *request, lao__service_reply_t *reply) {
    host.asked++;
    host.service = request->service;
    host.kind = request->kind;
    host.body_size = request->body_size;
    snprintf(host.header, sizeof host.header, "%.*s", (int)request->header_size, request->header);
    *reply = host.reply;
    memset(&host.reply, 0, sizeof host.reply);
    host.reply.descriptor = -1;
}

static void will_answer(lao_status_t status, uint32_t kind, const char *header, const char *body) {
    lao__service_reply_fill(&host.reply, status, kind, header, strlen(header), body, strlen(body), -1);
}

static lao__module_t module = {.services = &lao__local_services, .path = "test"};
static lao__tenant_t *tenant;

static const void *table(const char *id) { return tenant->host.get_extension(&tenant->host, id); }

static void tables_are_offered_as_granted(void) {
    lao__tenant_t *other;
    lao__tenant_init_entry(&module.entry, &module, 0);
    EXPECT(module.entry.host.get_extension(&module.entry.host, LAO_EXT_SCRATCH) == NULL);
    tenant = lao__tenant_begin(&module, 7, LAO__SERVICE_SCRATCH);
    EXPECT(table(LAO_EXT_SCRATCH) != NULL);
    EXPECT(table(LAO_EXT_FILES) == NULL);
    EXPECT(table("lao.scratch/2") == NULL);
    EXPECT(table(NULL) == NULL);
    EXPECT(module.entry.host.get_extension(&module.entry.host, LAO_EXT_SCRATCH) != NULL);
    EXPECT_EQUAL(lao__tenant_id(&module.entry), 7);
    other = lao__tenant_begin(&module, 8, 127);
    EXPECT_EQUAL(lao__tenant_id(&module.entry), 8); /* the newest */
    lao__tenant_end(other);
    EXPECT_EQUAL(lao__tenant_id(&module.entry), 7);
    EXPECT(lao__tenant_begin(&module, 9, 127) == other); /* tables are used again, never freed */
    lao__tenant_end(other);
    lao__tenant_end(tenant);
    EXPECT_EQUAL(lao__tenant_id(&module.entry), 0);
    tenant = lao__tenant_begin(&module, 10, 127);
}

static void nobody_to_ask_is_an_error(void) {
    const lao_scratch_host_t *scratch = table(LAO_EXT_SCRATCH);
    lao__services_serve(NULL);
    EXPECT_EQUAL(scratch->put(&tenant->host, "key", "x", 1), LAO_CLOSED);
    lao__services_serve(answer);
}

static void scratch_asks_and_gives(void) {
    const lao_scratch_host_t *scratch = table(LAO_EXT_SCRATCH);
    lao_value_t value = {.struct_size = sizeof value};
    will_answer(LAO_OK, LAO_KIND_BINARY, "", "stored");
    EXPECT_EQUAL(scratch->get(&tenant->host, "a \"key\"", &value), LAO_OK);
    EXPECT_TEXT(host.header, "{\"operation\":\"get\",\"key\":\"a \\\"key\\\"\"}");
    EXPECT_EQUAL(value.kind, LAO_KIND_BINARY);
    EXPECT_EQUAL(value.size, 6);
    EXPECT(memcmp(value.data, "stored", 7) == 0);
    value.release(&value);
    value.struct_size = sizeof value;
    EXPECT_EQUAL(scratch->get(&tenant->host, "key", &value), LAO_OK);
    EXPECT_EQUAL(value.kind, LAO_KIND_NONE);
    EXPECT(value.release == NULL);
    EXPECT_EQUAL(scratch->put(&tenant->host, "key", "", 0), LAO_OK);
    EXPECT_EQUAL(host.kind, LAO_KIND_BINARY);
    EXPECT_EQUAL(scratch->put(&tenant->host, "key", NULL, 0), LAO_OK);
    EXPECT_EQUAL(host.kind, LAO_KIND_NONE);
    EXPECT(strstr(host.header, "remove") != NULL);
}

static void what_is_not_valid_is_not_asked(void) {
    const lao_scratch_host_t *scratch = table(LAO_EXT_SCRATCH);
    const lao_files_host_t *files = table(LAO_EXT_FILES);
    const lao_events_host_t *events = table(LAO_EXT_EVENTS);
    const lao_commands_host_t *commands = table(LAO_EXT_COMMANDS);
    const lao_http_host_t *http = table(LAO_EXT_HTTP);
    lao_value_t small = {.struct_size = 8};
    lao_value_t value = {.struct_size = sizeof value};
    char text[256];
    lao_error_t error = {.struct_size = sizeof error, .text_capacity = sizeof text, .text = text};
    int64_t handle;
    uint32_t before = host.asked;
    EXPECT_EQUAL(scratch->get(&tenant->host, NULL, &value), LAO_INVALID_INPUT);
    EXPECT_EQUAL(scratch->get(&tenant->host, "", &value), LAO_INVALID_INPUT);
    EXPECT_EQUAL(scratch->get(&tenant->host, "\xff", &value), LAO_INVALID_INPUT);
    EXPECT_EQUAL(scratch->get(&tenant->host, "key", &small), LAO_INVALID_INPUT);
    EXPECT_EQUAL(scratch->get(&tenant->host, "key", NULL), LAO_INVALID_INPUT);
    EXPECT_EQUAL(scratch->put(&tenant->host, "key", "x", (uint64_t)1 << 40), LAO_LIMIT_EXCEEDED);
    EXPECT_EQUAL(files->open(&tenant->host, NULL, 1, &handle, &error), LAO_INVALID_INPUT);
    EXPECT_EQUAL(files->open(&tenant->host, "file", 1, NULL, &error), LAO_INVALID_INPUT);
    EXPECT_EQUAL(events->emit(&tenant->host, "name", NULL, 5), LAO_INVALID_INPUT);
    EXPECT_EQUAL(commands->run(&tenant->host, NULL, 1, &value, &error), LAO_INVALID_INPUT);
    EXPECT_EQUAL(commands->run(&tenant->host, (const char *const[]){NULL}, 1, &value, &error), LAO_INVALID_INPUT);
    EXPECT_EQUAL(http->fetch(&tenant->host, NULL, NULL, &value, &value, &error), LAO_INVALID_INPUT);
    EXPECT_EQUAL(host.asked, before);
}

static void a_refusal_says_why(void) {
    const lao_files_host_t *files = table(LAO_EXT_FILES);
    char text[256];
    lao_error_t error = {.struct_size = sizeof error, .text_capacity = sizeof text, .text = text};
    int64_t handle = 5;
    will_answer(LAO_PERMISSION_DENIED, 0, "it is outside", "");
    EXPECT_EQUAL(files->open(&tenant->host, "x", 1, &handle, &error), LAO_PERMISSION_DENIED);
    EXPECT_EQUAL(handle, -1);
    EXPECT_EQUAL(error.text_size, 13);
    EXPECT(memcmp(text, "it is outside", 13) == 0);
    atomic_store(&tenant->granted, 0);
    EXPECT_EQUAL(files->open(&tenant->host, "x", 1, &handle, NULL), LAO_PERMISSION_DENIED);
    atomic_store(&tenant->granted, 127);
}

/* --- Arrays --- */

static void arrays_are_gathered(void) {
    int16_t elements[2][3] = {{1, 2, 3}, {4, 5, 6}};
    int64_t shape[2] = {3, 2};
    int64_t strides[2] = {-1, 3}; /* reversed and transposed */
    lao_managed_tensor_t managed = {.tensor = {.data = elements,
                                               .device = {LAO_DEVICE_CPU, 0},
                                               .rank = 2,
                                               .dtype = {LAO_DTYPE_INT, 16, 1},
                                               .shape = shape,
                                               .strides = strides,
                                               .byte_offset = 2 * sizeof(int16_t)}};
    lao_value_t value = {.struct_size = sizeof value, .kind = LAO_KIND_TENSOR, .tensor = &managed};
    lao_value_t body = {.struct_size = sizeof body};
    lao__text_buffer_t header = {0};
    const int16_t wanted[6] = {3, 6, 2, 5, 1, 4};
    void *copy = NULL;
    lao__text_add_string(&header, "{");
    EXPECT_EQUAL(lao__service_put_tensor(&value, &header, &body, &copy, NULL), LAO_OK);
    EXPECT_EQUAL(body.size, sizeof wanted);
    EXPECT(memcmp(body.data, wanted, sizeof wanted) == 0);
    EXPECT(strstr(header.text, "\"shape\":[3,2]") != NULL);
    free(copy);
    shape[0] = INT64_MAX;
    EXPECT_EQUAL(lao__service_put_tensor(&value, &header, &body, &copy, NULL), LAO_INVALID_INPUT);
    free(header.text);
}

static void arrays_that_are_none_are_refused(void) {
    struct {
        lao__service_tensor_t head;
        int64_t shape[2];
    } said = {{LAO_DTYPE_FLOAT, 32, {0, 0}, 2, 0, 0, 0}, {2, 2}};
    lao_value_t value = {.struct_size = sizeof value};
    lao__service_reply_t reply;
    char packed[sizeof said.head + sizeof said.shape];
    float body[4] = {1, 2, 3, 4};
    size_t cut;
    memcpy(packed, &said.head, sizeof said.head);
    memcpy(packed + sizeof said.head, said.shape, sizeof said.shape);
    for (cut = 0; cut < sizeof packed; cut++) {
        lao__service_reply_fill(&reply, LAO_OK, LAO_KIND_TENSOR, packed, cut, body, sizeof body, -1);
        EXPECT(lao__service_give_tensor(&reply, &value, NULL) != LAO_OK);
        free(reply.memory);
    }
    lao__service_reply_fill(&reply, LAO_OK, LAO_KIND_TENSOR, packed, sizeof packed, body, sizeof body - 1, -1);
    EXPECT(lao__service_give_tensor(&reply, &value, NULL) != LAO_OK);
    free(reply.memory);
    lao__service_reply_fill(&reply, LAO_OK, LAO_KIND_TENSOR, packed, sizeof packed, body, sizeof body, -1);
    EXPECT_EQUAL(lao__service_give_tensor(&reply, &value, NULL), LAO_OK);
    EXPECT(((const float *)value.tensor->tensor.data)[3] == 4);
    EXPECT_EQUAL((uintptr_t)value.tensor->tensor.data % 64, 0);
    value.release(&value);
}

/* --- The worker's client --- */

#define THREADS 8
#define QUESTIONS 200

static int peer; /* the host's end */

static void read_all(void *bytes, size_t size) {
    size_t got = 0;
    while (got < size) {
        ssize_t step = read(peer, (char *)bytes + got, size - got);
        EXPECT(step > 0);
        got += (size_t)step;
    }
}

static lao__service_ask_head_t read_question(char *body, size_t capacity) {
    lao__service_ask_head_t head;
    read_all(&head, sizeof head);
    EXPECT(head.size <= capacity);
    read_all(body, head.size);
    return head;
}

/* In pieces of a few bytes, so that no read ends where a frame does. */
static void send_reply(uint32_t id, uint32_t status, const char *body, uint32_t size) {
    char frame[sizeof(lao__service_reply_head_t) + 64];
    lao__service_reply_head_t head = {
        .size = size, .id = id, .status = status, .kind = LAO_KIND_BINARY, .header_size = status != 0 ? size : 0};
    size_t at;
    memcpy(frame, &head, sizeof head);
    memcpy(frame + sizeof head, body, size);
    for (at = 0; at < sizeof head + size; at += 7) {
        size_t step = sizeof head + size - at < 7 ? sizeof head + size - at : 7;
        EXPECT(write(peer, frame + at, step) == (ssize_t)step);
    }
}

/* Answers each question with its own body, the later of two first where a second one comes, and some to nobody. */
static void *answer_crosswise(void *context) {
    char bodies[2][64];
    lao__service_ask_head_t heads[2];
    int answered = 0;
    (void)context;
    while (answered < THREADS * QUESTIONS) {
        struct pollfd more = {.fd = peer, .events = POLLIN};
        heads[0] = read_question(bodies[0], sizeof bodies[0]);
        if (poll(&more, 1, 1) > 0) {
            heads[1] = read_question(bodies[1], sizeof bodies[1]);
            EXPECT(heads[0].id != heads[1].id);
            send_reply(heads[1].id, 0, bodies[1], heads[1].size);
            answered++;
        }
        send_reply(4000000000u, 0, "nobody's", 8);
        send_reply(heads[0].id, 0, bodies[0], heads[0].size);
        answered++;
    }
    return NULL;
}

static void *ask_many(void *context) {
    int question;
    for (question = 0; question < QUESTIONS; question++) {
        char said[32];
        lao__service_request_t request = {.service = LAO__SERVICE_SCRATCH, .header = ""};
        lao__service_reply_t reply = {.descriptor = -1};
        snprintf(said, sizeof said, "%p %d", context, question);
        request.body = said;
        request.body_size = strlen(said);
        lao__service_client_ask(&request, &reply);
        EXPECT_EQUAL(reply.status, LAO_OK);
        EXPECT_TEXT(lao__service_reply_body(&reply), said);
        free(reply.memory);
    }
    return NULL;
}

static void open_pair(void) {
    int pair[2];
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    peer = pair[0];
    lao__service_client_use(pair[1]);
}

static void many_threads_get_their_own_answers(void) {
    pthread_t server;
    pthread_t askers[THREADS];
    char places[THREADS];
    int index;
    open_pair();
    pthread_create(&server, NULL, answer_crosswise, NULL);
    for (index = 0; index < THREADS; index++) {
        pthread_create(&askers[index], NULL, ask_many, &places[index]);
    }
    for (index = 0; index < THREADS; index++) {
        pthread_join(askers[index], NULL);
    }
    pthread_join(server, NULL);
}

static void *answer_with_a_file(void *context) {
    char body[64];
    lao__service_ask_head_t question = read_question(body, sizeof body);
    lao__service_reply_head_t head = {.id = question.id, .has_descriptor = 1};
    struct iovec part = {&head, sizeof head};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } room;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof room.bytes};
    struct cmsghdr *header;
    int file = *(int *)context;
    memset(&room, 0, sizeof room);
    header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof file);
    memcpy(CMSG_DATA(header), &file, sizeof file);
    EXPECT(sendmsg(peer, &message, 0) == (ssize_t)sizeof head);
    return NULL;
}

static void a_descriptor_comes_along(void) {
    lao__service_request_t request = {.service = LAO__SERVICE_FILES, .header = "{}", .header_size = 2};
    lao__service_reply_t reply = {.descriptor = -1};
    pthread_t server;
    int file = open("/dev/null", O_RDONLY);
    pthread_create(&server, NULL, answer_with_a_file, &file);
    lao__service_client_ask(&request, &reply);
    pthread_join(server, NULL);
    EXPECT_EQUAL(reply.status, LAO_OK);
    EXPECT(reply.descriptor > 2);
    EXPECT(fcntl((int)reply.descriptor, F_GETFD) & FD_CLOEXEC);
    close((int)reply.descriptor);
    close(file);
}

static void too_much_is_not_sent(void) {
    lao__service_request_t request = {.body = "", .body_size = LAO__SERVICE_MAX_BODY + 1};
    lao__service_reply_t reply;
    lao__service_client_ask(&request, &reply);
    EXPECT_EQUAL(reply.status, LAO_LIMIT_EXCEEDED);
    free(reply.memory);
}

static void *go_after_one_question(void *context) {
    char body[64];
    (void)context;
    read_question(body, sizeof body);
    close(peer);
    return NULL;
}

/* Last: the client does not come back from it. */
static void a_host_that_goes_answers_everybody(void) {
    lao__service_request_t request = {.service = LAO__SERVICE_SCRATCH, .header = "{}", .header_size = 2};
    lao__service_reply_t reply = {.descriptor = -1};
    pthread_t server;
    pthread_create(&server, NULL, go_after_one_question, NULL);
    lao__service_client_ask(&request, &reply);
    pthread_join(server, NULL);
    EXPECT_EQUAL(reply.status, LAO_CLOSED);
    free(reply.memory);
    lao__service_client_ask(&request, &reply);
    EXPECT_EQUAL(reply.status, LAO_CLOSED);
    free(reply.memory);
}

int main(void) {
    host.reply.descriptor = -1;
    lao__services_serve(answer);
    RUN(tables_are_offered_as_granted);
    RUN(nobody_to_ask_is_an_error);
    RUN(scratch_asks_and_gives);
    RUN(what_is_not_valid_is_not_asked);
    RUN(a_refusal_says_why);
    RUN(arrays_are_gathered);
    RUN(arrays_that_are_none_are_refused);
    RUN(many_threads_get_their_own_answers);
    RUN(a_descriptor_comes_along);
    RUN(too_much_is_not_sent);
    RUN(a_host_that_goes_answers_everybody);
    return 0;
}
