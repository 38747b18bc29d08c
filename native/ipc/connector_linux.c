#include "connector.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "../core/clock.h"
#include "process.h"

#define MAX_GRANTS 16u
#define LONGEST_LINE 300u
#define HANDOVER_MS 2000
#define TURN_NS INT64_C(2000000) /* 500 connections a second */
#define BURST 256
#define CONNECT_MS 5000 /* on this machine: it answers, or refuses, at once */

typedef union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
} address_t;

typedef struct connector {
    int listener;
    int64_t turn_ns; /* when the next request is due */
    uint32_t count;
    address_t grants[MAX_GRANTS];
} connector_t;

/* --- The grants --- */

static bool is_local(const address_t *address) {
    return address->any.sa_family == AF_INET ? ntohl(address->four.sin_addr.s_addr) >> 24 == 127
                                             : IN6_IS_ADDR_LOOPBACK(&address->six.sin6_addr);
}

static void grant(connector_t *connector, const char *host, uint16_t port) {
    address_t *address = &connector->grants[connector->count];
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, host, &address->four.sin_addr) == 1) {
        address->four.sin_family = AF_INET;
        address->four.sin_port = htons(port);
    } else if (inet_pton(AF_INET6, host, &address->six.sin6_addr) == 1) {
        address->six.sin6_family = AF_INET6;
        address->six.sin6_port = htons(port);
    } else {
        return;
    }
    connector->count += is_local(address);
}

/* `127.0.0.1:80`, `[::1]:80` or `localhost:80`, which is both. False for anything else. */
static bool read_grant(connector_t *connector, char *text) {
    char *colon = strrchr(text, ':');
    char *end;
    unsigned long port;
    uint32_t before = connector->count;
    if (colon == NULL || connector->count + 2 > MAX_GRANTS) {
        return false;
    }
    *colon = '\0';
    port = strtoul(colon + 1, &end, 10);
    if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || port == 0 || port > 65535) {
        return false;
    }
    if (strcmp(text, "localhost") == 0) {
        grant(connector, "127.0.0.1", (uint16_t)port);
        grant(connector, "::1", (uint16_t)port);
    } else if (text[0] == '[' && colon[-1] == ']') {
        colon[-1] = '\0';
        grant(connector, text + 1, (uint16_t)port);
    } else {
        grant(connector, text, (uint16_t)port);
    }
    return connector->count > before;
}

static const char *next_grant(const char *plan) {
    static const char key[] = "connect ";
    const char *line;
    for (line = plan; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, sizeof key - 1) == 0) {
            return line + sizeof key - 1;
        }
    }
    return NULL;
}

bool lao__connector_is_wanted(const char *plan) { return next_grant(plan) != NULL; }

static lao_status_t read_grants(connector_t *connector, const char *plan, lao__error_t *error) {
    const char *value;
    for (value = next_grant(plan); value != NULL; value = next_grant(value)) {
        char line[LONGEST_LINE];
        size_t size = strcspn(value, "\n");
        snprintf(line, sizeof line, "%.*s", (int)size, value);
        if (size >= sizeof line || !read_grant(connector, line)) {
            return lao__fail(error, LAO_PERMISSION_DENIED,
                             "`%.*s` cannot be granted: it is no address of this machine with a port, "
                             "such as `127.0.0.1:8080`",
                             (int)size, value);
        }
    }
    return LAO_OK;
}

static bool is_granted(const connector_t *connector, const address_t *wanted) {
    uint32_t index;
    for (index = 0; index < connector->count; index++) {
        const address_t *grant = &connector->grants[index];
        if (grant->any.sa_family != wanted->any.sa_family) {
            continue;
        }
        if (grant->any.sa_family == AF_INET
                ? grant->four.sin_port == wanted->four.sin_port &&
                      grant->four.sin_addr.s_addr == wanted->four.sin_addr.s_addr
                : grant->six.sin6_port == wanted->six.sin6_port &&
                      memcmp(&grant->six.sin6_addr, &wanted->six.sin6_addr, sizeof wanted->six.sin6_addr) == 0) {
            return true;
        }
    }
    return false;
}

/* --- One request --- */

/* Copies the address out of the worker's memory; what is copied is what is judged and used. */
static int read_address(const struct seccomp_notif *request, address_t *address) {
    uint64_t size = request->data.args[2];
    struct iovec here = {address, 0};
    struct iovec there = {(void *)(uintptr_t)request->data.args[1], 0};
    memset(address, 0, sizeof *address);
    if (size < sizeof(struct sockaddr_in)) {
        return EINVAL;
    }
    here.iov_len = there.iov_len = size < sizeof *address ? (size_t)size : sizeof *address;
    if (process_vm_readv((pid_t)request->pid, &here, 1, &there, 1, 0) != (ssize_t)here.iov_len) {
        return EFAULT;
    }
    if (address->any.sa_family == AF_INET6 && size < sizeof address->six) {
        return EINVAL;
    }
    return address->any.sa_family == AF_INET || address->any.sa_family == AF_INET6 ? 0 : EAFNOSUPPORT;
}

/* The worker's own socket, whose options the new one takes over; -1: it cannot be had, and nothing is taken over. */
static int borrow_socket(const struct seccomp_notif *request) {
    char path[64];
    char line[128];
    FILE *file;
    int group = -1;
    int handle;
    int socket = -1;
    snprintf(path, sizeof path, "/proc/%u/status", request->pid);
    file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL && sscanf(line, "Tgid: %d", &group) != 1) {
    }
    if (file != NULL) {
        fclose(file);
    }
    handle = group > 0 ? (int)syscall(SYS_pidfd_open, group, 0) : -1;
    if (handle >= 0) {
        socket = (int)syscall(SYS_pidfd_getfd, handle, (int)request->data.args[0], 0);
        close(handle);
    }
    return socket;
}

static void take_over_options(int from, int to) {
    static const struct {
        int level;
        int name;
    } options[] = {{SOL_SOCKET, SO_KEEPALIVE},
                   {SOL_SOCKET, SO_RCVTIMEO},
                   {SOL_SOCKET, SO_SNDTIMEO},
                   {SOL_SOCKET, SO_LINGER},
                   {IPPROTO_TCP, TCP_NODELAY}};
    size_t index;
    for (index = 0; index < sizeof options / sizeof *options; index++) {
        char value[64];
        socklen_t size = sizeof value;
        if (getsockopt(from, options[index].level, options[index].name, value, &size) == 0) {
            (void)setsockopt(to, options[index].level, options[index].name, value, size);
        }
    }
}

static int connect_within(int socket, const address_t *address) {
    socklen_t size = address->any.sa_family == AF_INET ? sizeof address->four : sizeof address->six;
    struct pollfd writable = {.fd = socket, .events = POLLOUT};
    int reason = 0;
    socklen_t reason_size = sizeof reason;
    if (connect(socket, &address->any, size) == 0) {
        return 0;
    }
    if (errno != EINPROGRESS) {
        return errno;
    }
    if (poll(&writable, 1, CONNECT_MS) != 1) {
        return ETIMEDOUT;
    }
    return getsockopt(socket, SOL_SOCKET, SO_ERROR, &reason, &reason_size) == 0 ? reason : errno;
}

/* Puts a connected socket in the place of the worker's. Answers an errno. */
static int serve(const connector_t *connector, const struct seccomp_notif *request) {
    address_t address;
    struct seccomp_notif_addfd place = {.id = request->id, .flags = SECCOMP_ADDFD_FLAG_SETFD};
    int reason = read_address(request, &address);
    int own;
    int fresh;
    int flags;
    if (reason == 0 && ioctl(connector->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &request->id) != 0) {
        return EINTR; /* the number of the process could be another's by now */
    }
    if (reason != 0 || !is_granted(connector, &address)) {
        return reason != 0 ? reason : EACCES;
    }
    own = borrow_socket(request);
    fresh = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    reason = fresh >= 0 ? connect_within(fresh, &address) : errno;
    if (reason == 0) {
        flags = own >= 0 ? fcntl(own, F_GETFL) : 0;
        if (own >= 0) {
            take_over_options(own, fresh);
        }
        (void)fcntl(fresh, F_SETFL, flags & O_NONBLOCK);
        place.srcfd = (uint32_t)fresh;
        place.newfd = (uint32_t)request->data.args[0];
        place.newfd_flags = O_CLOEXEC;
        reason = ioctl(connector->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &place) >= 0 ? 0 : errno;
    }
    if (own >= 0) {
        close(own);
    }
    if (fresh >= 0) {
        close(fresh);
    }
    return reason;
}

/* --- The thread --- */

/* The host's time is not the plugin's to spend: past a burst it waits for its turn. */
static void take_turn(connector_t *connector) {
    int64_t now_ns = lao__now_ns();
    if (connector->turn_ns < now_ns - BURST * TURN_NS) {
        connector->turn_ns = now_ns - BURST * TURN_NS;
    }
    connector->turn_ns += TURN_NS;
    if (connector->turn_ns > now_ns) {
        struct timespec rest = {.tv_nsec = (long)(connector->turn_ns - now_ns)};
        nanosleep(&rest, NULL);
    }
}

static void *run(void *context) {
    connector_t *connector = context;
    struct pollfd listened = {.fd = connector->listener, .events = POLLIN};
    for (;;) {
        struct seccomp_notif request;
        struct seccomp_notif_resp answer;
        memset(&request, 0, sizeof request);
        memset(&answer, 0, sizeof answer);
        if (poll(&listened, 1, -1) < 0 && errno != EINTR) {
            break;
        }
        if ((listened.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
            break; /* nobody is left who could ask */
        }
        if (ioctl(connector->listener, SECCOMP_IOCTL_NOTIF_RECV, &request) != 0) {
            continue; /* it was taken back */
        }
        take_turn(connector);
        answer.id = request.id;
        answer.error = -serve(connector, &request);
        (void)ioctl(connector->listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
    close(connector->listener);
    free(connector);
    return NULL;
}

static bool receive_listener(int control, int *listener) {
    struct pollfd arrives = {.fd = control, .events = POLLIN};
    uint64_t id;
    uint64_t size;
    return poll(&arrives, 1, HANDOVER_MS) == 1 && (arrives.revents & POLLIN) != 0 &&
           lao__process_receive(control, &id, &size, listener);
}

static bool start_thread(connector_t *connector) {
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    bool started;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the host's threads' business */
    started = pthread_create(&thread, NULL, run, connector) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started) {
        pthread_detach(thread);
    }
    return started;
}

lao_status_t lao__connector_start(int control, const char *plan, lao__error_t *error) {
    connector_t *connector = calloc(1, sizeof *connector);
    lao_status_t status;
    if (connector == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    status = read_grants(connector, plan, error);
    if (status == LAO_OK && !receive_listener(control, &connector->listener)) {
        status = lao__fail(error, LAO_SYSTEM, "its worker did not hand over its connections");
    }
    if (status != LAO_OK) {
        free(connector);
        return status;
    }
    if (!start_thread(connector)) {
        close(connector->listener);
        free(connector);
        return lao__fail(error, LAO_OUT_OF_MEMORY, "no thread for its connections");
    }
    return LAO_OK;
}
