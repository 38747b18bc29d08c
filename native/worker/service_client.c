#include "service_client.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "../core/flight.h"
#include "../ipc/process.h"
#include "../ipc/service_frame.h"

#define SLICE_MS 20 /* a cancel is noticed this late while waiting */

/* Answers to these may take long; the others come before a cancel would be noticed. */
#define SLOW (LAO__SERVICE_HTTP | LAO__SERVICE_COMMANDS | LAO__SERVICE_CALLS)

/* One question that waits for its answer; on the asker's stack. */
typedef struct waiter {
    uint32_t id;
    bool answered;
    const uint32_t *cancel; /* of the call that waits; NULL: it waits whatever happens */
    lao__service_reply_t *reply;
    struct waiter *next;
} waiter_t;

/* Whoever waits reads for all: the first becomes the reader, hands out what comes, and passes the office on when its
 * own answer has come. */
static struct {
    int socket;
    pthread_mutex_t writing; /* whole frames */
    pthread_mutex_t lock;    /* the rest */
    pthread_cond_t changed;
    waiter_t *waiters;
    uint32_t last_id;
    bool reading; /* somebody is the reader */
    bool broken;  /* the host is gone, or nothing fits any more */
} client = {.socket = LAO__WORKER_SERVICES,
            .writing = PTHREAD_MUTEX_INITIALIZER,
            .lock = PTHREAD_MUTEX_INITIALIZER,
            .changed = PTHREAD_COND_INITIALIZER};

void lao__service_client_use(int socket) { client.socket = socket; }

/* --- The socket --- */

static bool send_all(struct iovec *parts, size_t count) {
    while (count > 0) {
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
        ssize_t sent = sendmsg(client.socket, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            return false;
        }
        for (; sent > 0 && count > 0; parts++, count--) {
            if ((size_t)sent < parts->iov_len) {
                parts->iov_base = (char *)parts->iov_base + sent;
                parts->iov_len -= (size_t)sent;
                break;
            }
            sent -= (ssize_t)parts->iov_len;
        }
        while (count > 0 && parts->iov_len == 0) {
            parts++;
            count--;
        }
    }
    return true;
}

/* Reads exactly `size` bytes; a descriptor that comes along goes to `*descriptor`, or is closed where none is expected. */
static bool receive_all(void *bytes, size_t size, int *descriptor) {
    size_t received = 0;
    while (received < size) {
        struct iovec part = {(char *)bytes + received, size - received};
        union {
            char bytes[CMSG_SPACE(sizeof(int))];
            struct cmsghdr align;
        } room;
        struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof room.bytes};
        ssize_t got = recvmsg(client.socket, &message, MSG_CMSG_CLOEXEC);
        struct cmsghdr *header;
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        if (got < 0) {
            continue;
        }
        header = CMSG_FIRSTHDR(&message);
        if (header != NULL && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof(int))) {
            int arrived;
            memcpy(&arrived, CMSG_DATA(header), sizeof arrived);
            if (descriptor != NULL && *descriptor < 0) {
                *descriptor = arrived;
            } else {
                close(arrived);
            }
        }
        received += (size_t)got;
    }
    return true;
}

/* --- Answers --- */

/* Reads what belongs to a reply that nobody waits for any more, or that there is no memory for. */
static bool skip(uint64_t size) {
    char bytes[4096];
    while (size > 0) {
        size_t step = size < sizeof bytes ? (size_t)size : sizeof bytes;
        if (!receive_all(bytes, step, NULL)) {
            return false;
        }
        size -= step;
    }
    return true;
}

static bool read_reply(lao__service_reply_t *reply, uint32_t *id) {
    lao__service_reply_head_t head;
    int descriptor = -1;
    uint64_t body_size;
    memset(reply, 0, sizeof *reply);
    reply->descriptor = -1;
    if (!receive_all(&head, sizeof head, &descriptor) || head.header_size > head.size) {
        return false;
    }
    *id = head.id;
    reply->status = head.status;
    reply->kind = head.kind;
    reply->descriptor = descriptor;
    if (head.size == 0) {
        return true;
    }
    body_size = head.size - head.header_size;
    if (!lao__service_reply_reserve(reply, head.header_size, body_size)) {
        reply->status = LAO_OUT_OF_MEMORY;
        return skip(head.size);
    }
    return receive_all(reply->memory, head.header_size, NULL) &&
           receive_all(lao__service_reply_body(reply), (size_t)body_size, NULL);
}

static void drop(lao__service_reply_t *reply) {
    free(reply->memory);
    reply->memory = NULL;
    if (reply->descriptor >= 0) {
        close((int)reply->descriptor);
    }
}

/* Hands a reply to whoever waits for it. [lock held] */
static void deliver(uint32_t id, lao__service_reply_t *reply) {
    waiter_t *waiter;
    for (waiter = client.waiters; waiter != NULL && waiter->id != id; waiter = waiter->next) {
    }
    if (waiter == NULL) {
        drop(reply);
        return;
    }
    *waiter->reply = *reply;
    waiter->answered = true;
}

static uint32_t cancelled(const waiter_t *waiter) {
    return waiter->cancel != NULL ? __atomic_load_n(waiter->cancel, __ATOMIC_ACQUIRE) : LAO__CANCEL_NONE;
}

/* Waits until something changed, or for a slice. [lock held] */
static void wait_for_change(bool for_a_slice) {
    struct timespec until;
    if (!for_a_slice) {
        pthread_cond_wait(&client.changed, &client.lock);
        return;
    }
    clock_gettime(CLOCK_REALTIME, &until); /* the clock of condition variables */
    until.tv_nsec += SLICE_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    (void)pthread_cond_timedwait(&client.changed, &client.lock, &until);
}

/* Waits until a reply begins; false: `mine` was cancelled before. */
static bool reply_comes(const waiter_t *mine) {
    struct pollfd socket = {.fd = client.socket, .events = POLLIN};
    while (mine->cancel != NULL && poll(&socket, 1, SLICE_MS) <= 0) {
        if (cancelled(mine) != LAO__CANCEL_NONE) {
            return false;
        }
    }
    return true;
}

/* Waits until `mine` is answered or cancelled, reading for everybody meanwhile where nobody else does. [lock held] */
static void wait_for(const waiter_t *mine) {
    while (!mine->answered && !client.broken && cancelled(mine) == LAO__CANCEL_NONE) {
        lao__service_reply_t reply;
        uint32_t id = 0;
        bool sound, comes;
        if (client.reading) {
            wait_for_change(mine->cancel != NULL);
            continue;
        }
        client.reading = true;
        pthread_mutex_unlock(&client.lock);
        comes = reply_comes(mine);
        sound = comes && read_reply(&reply, &id);
        pthread_mutex_lock(&client.lock);
        client.reading = false;
        if (!comes) {
            pthread_cond_broadcast(&client.changed); /* somebody else has to read now */
            continue;
        }
        if (sound) {
            deliver(id, &reply);
        } else {
            drop(&reply);
            client.broken = true;
        }
        pthread_cond_broadcast(&client.changed);
    }
}

static void enlist(waiter_t *waiter) {
    do { /* an id of 4 billion questions ago may still be open, and 0 is nobody's */
        const waiter_t *other;
        waiter->id = ++client.last_id;
        for (other = client.waiters; other != NULL && other->id != waiter->id; other = other->next) {
        }
        if (other != NULL) {
            waiter->id = LAO__SERVICE_ONE_WAY;
        }
    } while (waiter->id == LAO__SERVICE_ONE_WAY);
    waiter->next = client.waiters;
    client.waiters = waiter;
}

static void strike(const waiter_t *waiter) {
    waiter_t **link;
    for (link = &client.waiters; *link != waiter; link = &(*link)->next) {
    }
    *link = waiter->next;
}

static bool send_request(const lao__service_request_t *request, uint32_t id) {
    lao__service_ask_head_t head = {
        .size = request->header_size + (uint32_t)request->body_size,
        .id = id,
        .service = request->service,
        .kind = request->kind,
        .header_size = request->header_size,
    };
    struct iovec parts[3] = {{&head, sizeof head},
                             {(void *)(uintptr_t)request->header, request->header_size},
                             {(void *)(uintptr_t)request->body, (size_t)request->body_size}};
    bool sent;
    pthread_mutex_lock(&client.writing);
    sent = send_all(parts, 3);
    pthread_mutex_unlock(&client.writing);
    return sent;
}

/* Has the host end what it does for a question, and tells the asker why. */
static void give_up(uint32_t id, uint32_t why, lao__service_reply_t *reply) {
    const lao__service_request_t notice = {.service = LAO__SERVICE_CANCEL};
    (void)send_request(&notice, id);
    if (why == LAO__CANCEL_DEADLINE) {
        lao__service_reply_fail(reply, LAO_TIMED_OUT, "the deadline passed");
    } else {
        lao__service_reply_fail(reply, LAO_CANCELLED, "the call was cancelled");
    }
}

void lao__service_client_ask(const lao__service_request_t *request, lao__service_reply_t *reply) {
    waiter_t waiter = {.reply = reply, .cancel = (request->service & SLOW) != 0 ? request->cancel : NULL};
    reply->descriptor = -1;
    if (request->header_size > LAO__SERVICE_MAX_HEADER || request->body_size > LAO__SERVICE_MAX_BODY) {
        lao__service_reply_fail(reply, LAO_LIMIT_EXCEEDED, "the host takes no question of that size");
        return;
    }
    if (request->one_way != 0) {
        (void)send_request(request, LAO__SERVICE_ONE_WAY);
        return;
    }
    pthread_mutex_lock(&client.lock);
    enlist(&waiter);
    pthread_mutex_unlock(&client.lock);
    if (!send_request(request, waiter.id)) {
        pthread_mutex_lock(&client.lock);
        client.broken = true;
        pthread_cond_broadcast(&client.changed);
        pthread_mutex_unlock(&client.lock);
    }
    pthread_mutex_lock(&client.lock);
    wait_for(&waiter);
    strike(&waiter);
    pthread_mutex_unlock(&client.lock);
    if (!waiter.answered && cancelled(&waiter) != LAO__CANCEL_NONE) {
        give_up(waiter.id, cancelled(&waiter), reply);
    } else if (!waiter.answered) {
        lao__service_reply_fail(reply, LAO_CLOSED, "the host does not answer questions any more");
    }
}
