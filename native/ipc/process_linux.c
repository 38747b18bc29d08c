#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn_into_linux.h"
#include "spawner.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define OUTPUT_PIPE_BYTES 65536
#define FIRST_SAFE_DESCRIPTOR 16 /* above every number that the worker expects */

static void close_descriptor(int *descriptor) {
    if (*descriptor >= 0) {
        close(*descriptor);
        *descriptor = -1;
    }
}

/* Moves a descriptor out of the range that the worker's own numbers take. */
static int move_up(int descriptor) { return fcntl(descriptor, F_DUPFD_CLOEXEC, FIRST_SAFE_DESCRIPTOR); }

#define WORKER_DESCRIPTORS 5 /* from LAO__WORKER_CONTROL on */
#define SOURCES (WORKER_DESCRIPTORS + 1)

/* What the spawning thread is asked to do: sources[0] becomes stdout and stderr, the others the worker's descriptors. */
typedef struct order {
    const char *executable;
    char *const *environment;
    const int *sources;
    lao__cgroup_t *group;
    pid_t pid;
    int reason;
} order_t;

/* Version 2 of control groups: born as a member. False where that cannot be; then nothing was started. */
static bool spawn_in_group(order_t *order, char *const *arguments) {
    lao__spawn_into_t into = {.executable = order->executable,
                              .arguments = arguments,
                              .environment = order->environment,
                              .sources = order->sources,
                              .count = SOURCES,
                              .first = LAO__WORKER_CONTROL};
    bool started;
    into.group = lao__cgroup_open(order->group);
    if (into.group < 0) {
        return false;
    }
    started = lao__spawn_into(&into, &order->pid) == 0;
    close(into.group);
    return started;
}

static void spawn(void *context) {
    order_t *order = context;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t defaults;
    char *const arguments[] = {(char *)(uintptr_t)order->executable, NULL};
    bool inside;
    int index;
    if (spawn_in_group(order, arguments)) {
        return;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, order->sources[0], 1);
    posix_spawn_file_actions_adddup2(&actions, order->sources[0], 2);
    for (index = 0; index < WORKER_DESCRIPTORS; index++) {
        posix_spawn_file_actions_adddup2(&actions, order->sources[index + 1], LAO__WORKER_CONTROL + index);
    }
    posix_spawnattr_init(&attributes);
    sigemptyset(&none);
    sigfillset(&defaults);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    /* A session of its own: no terminal, and Ctrl-C is for the host, which tells its workers. */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    inside = order->group->kept != 0 && lao__cgroup_enter(order->group);
    order->reason = posix_spawn(&order->pid, order->executable, &actions, &attributes, arguments, order->environment);
    if (inside) {
        lao__cgroup_leave(order->group);
    } else if (order->reason == 0) {
        (void)lao__cgroup_join(order->group, (int32_t)order->pid); /* `kept` says what holds */
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
}

static lao_status_t start_failed(lao__process_t *process, const char *executable, int reason, lao__error_t *error) {
    lao__process_close(process);
    return lao__fail(error, LAO_SYSTEM, "the worker `%s` cannot be started: %s", executable, strerror(reason));
}

lao_status_t lao__process_start(const char *executable, char *const *environment, lao__cgroup_t *group, int signals,
                                int requests, int responses, lao__process_t *process, lao__error_t *error) {
    int control[2] = {-1, -1};
    int services[2] = {-1, -1};
    int output[2] = {-1, -1};
    int sources[SOURCES];
    order_t order = {.executable = executable, .environment = environment, .sources = sources, .group = group};
    int index;
    process->pid = 0;
    process->handle = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) != 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, services) != 0 || pipe2(output, O_CLOEXEC) != 0) {
        order.reason = errno;
    }
    process->control = control[0];
    process->services = services[0];
    process->output = output[0];
    sources[0] = move_up(output[1]);
    sources[1] = move_up(control[1]);
    sources[2] = move_up(signals);
    sources[3] = move_up(requests);
    sources[4] = move_up(responses);
    sources[5] = move_up(services[1]);
    for (index = 0; index < SOURCES && order.reason == 0; index++) {
        order.reason = sources[index] < 0 ? EMFILE : 0;
    }
    if (order.reason == 0) {
        fcntl(output[0], F_SETFL, O_NONBLOCK);
        (void)fcntl(output[0], F_SETPIPE_SZ, OUTPUT_PIPE_BYTES);
        lao__spawner_run(spawn, &order);
        process->pid = (int32_t)order.pid;
    }
    if (order.reason == 0) {
        process->handle = (int)syscall(SYS_pidfd_open, process->pid, 0); /* close-on-exec by itself */
        if (process->handle < 0) {
            order.reason = errno;
            kill(process->pid, SIGKILL);
            waitpid(process->pid, NULL, 0);
        }
    }
    for (index = 0; index < SOURCES; index++) {
        close_descriptor(&sources[index]);
    }
    close_descriptor(&output[1]);
    close_descriptor(&control[1]);
    close_descriptor(&services[1]);
    return order.reason == 0 ? LAO_OK : start_failed(process, executable, order.reason, error);
}

lao__process_end_t lao__process_reap(const lao__process_t *process) {
    lao__process_end_t end = {.known = false, .signal = 0, .exit_code = -1};
    siginfo_t info;
    memset(&info, 0, sizeof info);
    /* Programs that it was allowed to start end with it: they are in its group, whose number is taken until it is reaped. */
    if (waitid((idtype_t)P_PIDFD, (id_t)process->handle, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
        (void)kill(-(pid_t)process->pid, SIGKILL);
    }
    memset(&info, 0, sizeof info);
    if (waitid((idtype_t)P_PIDFD, (id_t)process->handle, &info, WEXITED | WNOHANG) == 0 && info.si_pid != 0) {
        end.known = true;
        if (info.si_code == CLD_EXITED) {
            end.exit_code = info.si_status;
        } else {
            end.signal = info.si_status;
        }
    }
    return end;
}

void lao__process_kill(const lao__process_t *process) {
    if (process->handle >= 0) {
        syscall(SYS_pidfd_send_signal, process->handle, SIGKILL, NULL, 0);
    }
}

typedef struct parcel {
    uint64_t id;
    uint64_t size;
} parcel_t;

static bool send_with(int socket, void *bytes, size_t size, int descriptor) {
    struct iovec part = {bytes, size};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } room;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof room.bytes};
    struct cmsghdr *header;
    memset(&room, 0, sizeof room);
    header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptor);
    memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size;
}

bool lao__process_send(int control, uint64_t id, uint64_t size, int descriptor) {
    parcel_t parcel = {id, size};
    return send_with(control, &parcel, sizeof parcel, descriptor);
}

bool lao__process_send_text(int listener, const char *text, int descriptor) {
    return send_with(listener, (char *)(uintptr_t)text, strlen(text), descriptor);
}

bool lao__process_receive(int control, uint64_t *id, uint64_t *size, int *descriptor) {
    parcel_t parcel;
    struct iovec part = {&parcel, sizeof parcel};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } room;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof room.bytes};
    struct cmsghdr *header;
    if (recvmsg(control, &message, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof parcel) {
        return false;
    }
    header = CMSG_FIRSTHDR(&message);
    if (header == NULL || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int))) {
        return false;
    }
    memcpy(descriptor, CMSG_DATA(header), sizeof *descriptor);
    *id = parcel.id;
    *size = parcel.size;
    return true;
}

/* --- What the kernel says --- */

/* The value of a line of /proc/PID/status, as a number of that base; -1: there is none. */
static long long status_value(const char *status, const char *name, int base) {
    const char *line = strstr(status, name);
    return line == NULL ? -1 : strtoll(line + strlen(name), NULL, base);
}

lao_status_t lao__process_check_confined(const lao__process_t *process, lao__error_t *error) {
    char path[64];
    char status[8192];
    ssize_t size;
    int file;
    snprintf(path, sizeof path, "/proc/%d/status", (int)process->pid);
    file = open(path, O_RDONLY | O_CLOEXEC);
    size = file < 0 ? -1 : read(file, status, sizeof status - 1);
    if (file >= 0) {
        close(file);
    }
    if (size <= 0) {
        return lao__fail(error, LAO_PERMISSION_DENIED, "nothing is known of its worker's confinement: %s",
                         strerror(errno));
    }
    status[size] = '\0';
    if (status_value(status, "\nNoNewPrivs:", 10) != 1 || status_value(status, "\nSeccomp:", 10) != 2 ||
        status_value(status, "\nCapEff:", 16) != 0 || status_value(status, "\nCapPrm:", 16) != 0) {
        return lao__fail(error, LAO_PERMISSION_DENIED, "its worker says that it is confined, and the kernel does not");
    }
    return LAO_OK;
}

void lao__process_close_services(lao__process_t *process) { close_descriptor(&process->services); }

void lao__process_close(lao__process_t *process) {
    close_descriptor(&process->handle);
    close_descriptor(&process->control);
    close_descriptor(&process->output);
    close_descriptor(&process->services);
}
