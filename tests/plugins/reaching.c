/* Reaches out as plugins of LAO 0.x do. Capabilities, all of text: "fetch" (connects to the HOST:PORT of its input by TCP
 * and answers what comes), "run" (runs the program of its input with the
 * argument 600 and answers what it prints; `sleep` it leaves running and answers its process number), "where" (its working
 * directory), "write" (a file of that name in it), "sneak" (connects by TCP Fast Open instead) and "race". */
#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static lao_status_t system_failed(lao_error_t *error, const char *what) {
    char text[256];
    snprintf(text, sizeof text, "%s: %s", what, strerrorname_np(errno));
    return lao_fail(error, LAO_FAILED, text);
}

static lao_status_t fetch(const char *input, char *answer, size_t size, int fast, lao_error_t *error) {
    char host[64];
    unsigned port;
    struct sockaddr_in address = {.sin_family = AF_INET};
    int one = 1;
    int flags;
    int delay = 0;
    socklen_t delay_size = sizeof delay;
    ssize_t got;
    int peer = socket(AF_INET, SOCK_STREAM, 0);
    if (peer < 0) {
        return system_failed(error, "socket");
    }
    if (sscanf(input, "%63[0-9.]:%u", host, &port) != 2 || inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        return lao_fail(error, LAO_INVALID_INPUT, "HOST:PORT is wanted");
    }
    address.sin_port = htons((uint16_t)port);
    (void)setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    flags = fcntl(peer, F_GETFL);
    if (fast) {
        if (sendto(peer, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&address, sizeof address) < 0) {
            return system_failed(error, "sendto");
        }
    } else if (connect(peer, (struct sockaddr *)&address, sizeof address) != 0) {
        return system_failed(error, "connect");
    }
    if (getsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &delay, &delay_size) != 0 || delay == 0 ||
        fcntl(peer, F_GETFL) != flags) {
        return lao_fail(error, LAO_FAILED, "the socket lost its options");
    }
    if (send(peer, "hello\n", 6, MSG_NOSIGNAL) != 6) {
        return system_failed(error, "send");
    }
    got = recv(peer, answer, size - 1, 0);
    close(peer);
    if (got < 0) {
        return system_failed(error, "recv");
    }
    answer[got] = '\0';
    return LAO_OK;
}

/* Changes the port while the host looks at it; the input is two ports. Answers how many connections were made, and how
 * many of those to the second port. */
static struct sockaddr_in changing;
static atomic_int over;

static void *flip(void *ports) {
    const uint16_t *both = ports;
    for (unsigned turn = 0; !atomic_load(&over); turn++) {
        *(volatile uint16_t *)&changing.sin_port = both[turn % 2];
        for (volatile int rest = 0; rest < 100; rest++) { /* each is there for as long as the other */
        }
    }
    return NULL;
}

static lao_status_t race(const char *input, char *answer, size_t size, lao_error_t *error) {
    unsigned numbers[2];
    uint16_t ports[2];
    int made = 0;
    int refused = 0;
    int wrong = 0;
    pthread_t thread;
    if (sscanf(input, "%u %u", &numbers[0], &numbers[1]) != 2) {
        return lao_fail(error, LAO_INVALID_INPUT, "two ports are wanted");
    }
    ports[0] = htons((uint16_t)numbers[0]);
    ports[1] = htons((uint16_t)numbers[1]);
    changing.sin_family = AF_INET;
    changing.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (pthread_create(&thread, NULL, flip, ports) != 0) {
        return system_failed(error, "pthread_create");
    }
    /* Both threads may be on one processor for a while: until each of the two was seen. */
    for (int round = 0; round < 300 || ((made == 0 || refused == 0) && round < 100000); round++) {
        int peer = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(peer, (struct sockaddr *)&changing, sizeof changing) == 0) {
            struct sockaddr_in reached;
            socklen_t reached_size = sizeof reached;
            made++;
            wrong += getpeername(peer, (struct sockaddr *)&reached, &reached_size) != 0 || reached.sin_port != ports[0];
        } else {
            refused++;
        }
        close(peer);
    }
    atomic_store(&over, 1);
    pthread_join(thread, NULL);
    snprintf(answer, size, "%d %d", made, wrong);
    return LAO_OK;
}

static lao_status_t run(const char *program, char *answer, size_t size, lao_error_t *error) {
    char *arguments[] = {(char *)(uintptr_t)program, (char *)(uintptr_t)"600", NULL};
    posix_spawn_file_actions_t actions;
    int ends[2];
    pid_t child;
    ssize_t got;
    if (pipe(ends) != 0) {
        return system_failed(error, "pipe");
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    errno = posix_spawn(&child, program, &actions, NULL, arguments, environ);
    if (errno != 0) {
        return system_failed(error, "posix_spawn");
    }
    close(ends[1]);
    if (strstr(program, "sleep") != NULL) {
        snprintf(answer, size, "%d", (int)child); /* it stays */
        return LAO_OK;
    }
    got = read(ends[0], answer, size - 1);
    close(ends[0]);
    waitpid(child, NULL, 0);
    answer[got > 0 ? got : 0] = '\0';
    return LAO_OK;
}

STATELESS

static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    char input[512];
    char answer[1024] = "";
    lao_status_t status = LAO_OK;
    int file;
    (void)instance;
    snprintf(input, sizeof input, "%.*s", (int)request->inputs[0]->size, (const char *)request->inputs[0]->data);
    switch (request->capability) {
    case 0:
    case 4:
        status = fetch(input, answer, sizeof answer, request->capability == 4, error);
        break;
    case 1:
        status = run(input, answer, sizeof answer, error);
        break;
    case 5:
        status = race(input, answer, sizeof answer, error);
        break;
    case 2:
        if (getcwd(answer, sizeof answer) == NULL) {
            status = system_failed(error, "getcwd");
        }
        break;
    default:
        file = open(input, O_WRONLY | O_CREAT, 0600);
        if (file < 0 || write(file, "x", 1) != 1) {
            status = system_failed(error, "open");
        }
    }
    return status == LAO_OK ? give_text(request, response, answer) : status;
}

#define CAPABILITY(title)                                                                                              \
    &(const lao_capability_t){.struct_size = sizeof(lao_capability_t),                                                 \
                              .name = (title),                                                                         \
                              .input_kind = LAO_KIND_TEXT,                                                             \
                              .output_kind = LAO_KIND_TEXT}

static const lao_capability_t *const capabilities[] = {CAPABILITY("fetch"), CAPABILITY("run"),   CAPABILITY("where"),
                                                       CAPABILITY("write"), CAPABILITY("sneak"), CAPABILITY("race")};
static const lao_plugin_t plugin = {.struct_size = sizeof plugin,
                                    .abi_version = LAO_ABI_VERSION,
                                    .name = "reaching",
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
