#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define OUTPUT_PIPE_BYTES 65536
#define FIRST_SAFE_DESCRIPTOR 16 /* above every number that the worker expects */

/* What a worker inherits of the environment: where libraries are found and how text and time are read. */
static const char *const inherited[] = {"PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"};
#define INHERITED_COUNT (sizeof inherited / sizeof *inherited)

static void close_descriptor(int *descriptor) {
    if (*descriptor >= 0) {
        close(*descriptor);
        *descriptor = -1;
    }
}

static char *environment_entry(const char *name) {
    const char *value = getenv(name);
    size_t name_size = strlen(name);
    size_t value_size;
    char *entry;
    if (value == NULL) {
        return NULL;
    }
    value_size = strlen(value) + 1;
    entry = malloc(name_size + 1 + value_size);
    if (entry != NULL) {
        memcpy(entry, name, name_size);
        entry[name_size] = '=';
        memcpy(entry + name_size + 1, value, value_size);
    }
    return entry;
}

/* Moves a descriptor out of the range that the worker's own numbers take. */
static int move_up(int descriptor) { return fcntl(descriptor, F_DUPFD_CLOEXEC, FIRST_SAFE_DESCRIPTOR); }

static int spawn(const char *executable, const int sources[6], int32_t *pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t defaults;
    char *environment[INHERITED_COUNT + 1] = {NULL};
    char *const arguments[] = {(char *)(uintptr_t)executable, NULL};
    size_t count = 0;
    size_t index;
    int target;
    int result;
    pid_t started = 0;
    for (index = 0; index < INHERITED_COUNT; index++) {
        char *entry = environment_entry(inherited[index]);
        if (entry != NULL) {
            environment[count++] = entry;
        }
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, sources[0], 1);
    posix_spawn_file_actions_adddup2(&actions, sources[1], 2);
    for (target = LAO__WORKER_CONTROL; target <= LAO__WORKER_RESPONSES; target++) {
        posix_spawn_file_actions_adddup2(&actions, sources[target - LAO__WORKER_CONTROL + 2], target);
    }
    posix_spawnattr_init(&attributes);
    sigemptyset(&none);
    sigfillset(&defaults);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0); /* Ctrl-C is for the host; it tells its workers */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    result = posix_spawn(&started, executable, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    for (index = 0; index < count; index++) {
        free(environment[index]);
    }
    *pid = (int32_t)started;
    return result;
}

static lao_status_t start_failed(lao__process_t *process, const char *executable, int reason, lao__error_t *error) {
    lao__process_close(process);
    return lao__fail(error, LAO_SYSTEM, "the worker `%s` cannot be started: %s", executable, strerror(reason));
}

lao_status_t lao__process_start(const char *executable, int signals, int requests, int responses,
                                lao__process_t *process, lao__error_t *error) {
    int control[2] = {-1, -1};
    int output[2] = {-1, -1};
    int sources[6];
    int index;
    int reason = 0;
    process->pid = 0;
    process->handle = process->control = process->output = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) != 0) {
        return start_failed(process, executable, errno, error);
    }
    process->control = control[0];
    if (pipe2(output, O_CLOEXEC) != 0) {
        reason = errno;
        close(control[1]);
        return start_failed(process, executable, reason, error);
    }
    process->output = output[0];
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    (void)fcntl(output[0], F_SETPIPE_SZ, OUTPUT_PIPE_BYTES);
    sources[0] = move_up(output[1]);
    sources[1] = sources[0];
    sources[2] = move_up(control[1]);
    sources[3] = move_up(signals);
    sources[4] = move_up(requests);
    sources[5] = move_up(responses);
    for (index = 0; index < 6 && reason == 0; index++) {
        reason = sources[index] < 0 ? EMFILE : 0;
    }
    if (reason == 0) {
        reason = spawn(executable, sources, &process->pid);
    }
    if (reason == 0) {
        process->handle = (int)syscall(SYS_pidfd_open, process->pid, 0); /* close-on-exec by itself */
        if (process->handle < 0) {
            reason = errno;
            kill(process->pid, SIGKILL);
            waitpid(process->pid, NULL, 0);
        }
    }
    sources[1] = -1;
    for (index = 0; index < 6; index++) {
        close_descriptor(&sources[index]);
    }
    close(output[1]);
    close(control[1]);
    return reason == 0 ? LAO_OK : start_failed(process, executable, reason, error);
}

lao__process_end_t lao__process_reap(const lao__process_t *process) {
    lao__process_end_t end = {.known = false, .signal = 0, .exit_code = -1};
    siginfo_t info;
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

bool lao__process_send(int control, uint64_t id, uint64_t size, int descriptor) {
    parcel_t parcel = {id, size};
    struct iovec part = {&parcel, sizeof parcel};
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
    return sendmsg(control, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof parcel;
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

void lao__process_close(lao__process_t *process) {
    close_descriptor(&process->handle);
    close_descriptor(&process->control);
    close_descriptor(&process->output);
}
