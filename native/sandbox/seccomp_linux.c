#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "seccomp_calls.h"
#include "steps.h"

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#define FOREIGN_BIT 0x40000000u /* marks the calls of x32 */
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#define FOREIGN_BIT 0x80000000u
#else
#error "the system calls of this architecture are not known to the sandbox"
#endif

#define MAX_INSTRUCTIONS 1024u
#define CALL_NUMBERS 512u /* those that are known lie below */
#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof *(array)))
#define ARGUMENT(index)                                                                                                \
    ((uint32_t)offsetof(struct seccomp_data, args[index])) /* its lower half: all checked ones are int */

#define NEW_NAMESPACES                                                                                                 \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/* The filter: tried from the top; the accumulator holds the call's number until a rule that matched takes an argument. */
typedef struct filter {
    struct sock_filter code[MAX_INSTRUCTIONS];
    uint32_t size;
} filter_t;

static void emit(filter_t *filter, uint16_t code, uint32_t k, uint8_t jump_true, uint8_t jump_false) {
    if (filter->size < MAX_INSTRUCTIONS) {
        filter->code[filter->size] = (struct sock_filter){code, jump_true, jump_false, k};
    }
    filter->size++;
}

static void load(filter_t *filter, uint32_t offset) { emit(filter, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0); }
static void answer(filter_t *filter, uint32_t action) { emit(filter, BPF_RET | BPF_K, action, 0, 0); }
static void allow(filter_t *filter) { answer(filter, SECCOMP_RET_ALLOW); }
static void refuse(filter_t *filter, int reason) { answer(filter, SECCOMP_RET_ERRNO | (uint32_t)reason); }

/* Goes on with the next `count` instructions only for this value, or only where one of these bits is set. */
static void if_equal(filter_t *filter, uint32_t value, uint8_t count) {
    emit(filter, BPF_JMP | BPF_JEQ | BPF_K, value, 0, count);
}
static void if_any_bit(filter_t *filter, uint32_t bits, uint8_t count) {
    emit(filter, BPF_JMP | BPF_JSET | BPF_K, bits, 0, count);
}

static void allow_call(filter_t *filter, int call) {
    if_equal(filter, (uint32_t)call, 1);
    allow(filter);
}

static void refuse_call(filter_t *filter, int call, int reason) {
    if_equal(filter, (uint32_t)call, 1);
    refuse(filter, reason);
}

/* Allows a call when its argument is one of these. */
static void allow_values(filter_t *filter, int call, uint32_t index, const uint32_t *values, uint32_t count,
                         int reason) {
    uint32_t value;
    if_equal(filter, (uint32_t)call, (uint8_t)(2 * count + 2));
    load(filter, ARGUMENT(index));
    for (value = 0; value < count; value++) {
        if_equal(filter, values[value], 1);
        allow(filter);
    }
    refuse(filter, reason);
}

static void allow_value(filter_t *filter, int call, uint32_t index, uint32_t value, int reason) {
    allow_values(filter, call, index, &value, 1, reason);
}

/* Allows a call unless its argument has one of these bits. */
static void allow_without_bits(filter_t *filter, int call, uint32_t index, uint32_t bits, int reason) {
    if_equal(filter, (uint32_t)call, 4);
    load(filter, ARGUMENT(index));
    if_any_bit(filter, bits, 1);
    refuse(filter, reason);
    allow(filter);
}

/* --- Rules that look at arguments --- */

/* clone: threads, and with `programs` also processes, but never new namespaces, nor children of the
 * host, which would wait for none of them: each would stay a zombie. clone3 hides its flags behind a pointer,
 * which no filter can follow: without it libraries fall back to clone. */
static void rule_clone(filter_t *filter, bool programs) {
    refuse_call(filter, SYS_clone3, ENOSYS);
    if_equal(filter, SYS_clone, 6);
    load(filter, ARGUMENT(0));
    if_any_bit(filter, NEW_NAMESPACES | CLONE_PARENT, 1);
    refuse(filter, EPERM);
    if_any_bit(filter, programs ? UINT32_MAX : CLONE_THREAD, 1);
    allow(filter);
    refuse(filter, EPERM);
}

/* Memory that RLIMIT_DATA does not count is refused where no cgroup counts it. Huge pages are counted by neither. */
static void rule_mmap(filter_t *filter, bool counted) {
    if (counted) {
        allow_without_bits(filter, SYS_mmap, 3, MAP_HUGETLB, ENOMEM);
        return;
    }
    if_equal(filter, SYS_mmap, 7);
    load(filter, ARGUMENT(3));
    if_any_bit(filter, MAP_GROWSDOWN | MAP_HUGETLB, 1);
    refuse(filter, ENOMEM);
    emit(filter, BPF_ALU | BPF_AND | BPF_K, MAP_SHARED | MAP_ANONYMOUS, 0, 0);
    if_equal(filter, MAP_SHARED | MAP_ANONYMOUS, 1);
    refuse(filter, ENOMEM);
    allow(filter);
}

/* With TCP Fast Open a message connects: that is no way around connect. */
static void rule_messages(filter_t *filter, bool connects) {
    allow_without_bits(filter, SYS_sendmsg, 2, MSG_FASTOPEN, EPERM);
    allow_without_bits(filter, SYS_sendmmsg, 3, MSG_FASTOPEN, EPERM);
    if (connects) {
        allow_without_bits(filter, SYS_sendto, 3, MSG_FASTOPEN, EPERM);
    }
}

/* TCP sockets, and nothing else; what connects them is the host, which the kernel asks. */
static void rule_connect(filter_t *filter) {
    if_equal(filter, SYS_socket, 12);
    load(filter, ARGUMENT(0));
    emit(filter, BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 1, 0);
    if_equal(filter, AF_INET6, 8);
    load(filter, ARGUMENT(1));
    emit(filter, BPF_ALU | BPF_AND | BPF_K, 0xf, 0, 0);
    if_equal(filter, SOCK_STREAM, 5);
    load(filter, ARGUMENT(2));
    if_equal(filter, 0, 1);
    allow(filter);
    if_equal(filter, IPPROTO_TCP, 1);
    allow(filter);
    refuse(filter, EPERM);
    if_equal(filter, SYS_connect, 1);
    answer(filter, SECCOMP_RET_USER_NOTIF);
    allow_call(filter, SYS_setsockopt);
}

/* A pair may be a stream or packets, not datagrams: those could be sent to the socket of any service. */
static void rule_socketpair(filter_t *filter, bool counted) {
    if (!counted) {
        refuse_call(filter, SYS_socketpair, EPERM);
        return;
    }
    if_equal(filter, SYS_socketpair, 9);
    load(filter, ARGUMENT(0));
    if_equal(filter, AF_UNIX, 6);
    load(filter, ARGUMENT(1));
    emit(filter, BPF_ALU | BPF_AND | BPF_K, 0xf, 0, 0);
    if_equal(filter, SOCK_STREAM, 1);
    allow(filter);
    if_equal(filter, SOCK_SEQPACKET, 1);
    allow(filter);
    refuse(filter, EPERM);
}

static void rule_prctl(filter_t *filter) {
    static const uint32_t harmless[] = {PR_SET_NAME,       PR_GET_NAME,      PR_GET_DUMPABLE, PR_GET_NO_NEW_PRIVS,
                                        PR_GET_SECCOMP,    PR_GET_PDEATHSIG, PR_CAPBSET_READ, PR_GET_TIMERSLACK,
                                        PR_SET_TIMERSLACK, PR_GET_TSC,       0x53564d41u /* PR_SET_VMA: names only */};
    allow_values(filter, SYS_prctl, 0, harmless, COUNT(harmless), EPERM);
}

/* Nobody but this process itself. */
static void rule_signals(filter_t *filter, uint32_t self, bool programs) {
    if (programs) {
        allow_call(filter, SYS_kill); /* Landlock keeps it among those in the sandbox */
        allow_call(filter, SYS_tgkill);
        return;
    }
    allow_value(filter, SYS_kill, 0, self, EPERM);
    allow_value(filter, SYS_tgkill, 0, self, EPERM);
}

static void rule_own_process(filter_t *filter, uint32_t self) {
    const uint32_t own[] = {0, self};
    allow_values(filter, SYS_prlimit64, 0, own, COUNT(own), EPERM);
    allow_value(filter, SYS_sched_setaffinity, 0, 0, EPERM);
}

static void rule_ioctl(filter_t *filter, bool devices) {
    static const uint32_t harmless[] = {FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, TCGETS, TIOCGWINSZ};
    static const uint32_t typing[] = {TIOCSTI, TIOCLINUX};
    uint32_t index;
    if (!devices) {
        allow_values(filter, SYS_ioctl, 1, harmless, COUNT(harmless), EPERM);
        return;
    }
    if_equal(filter, SYS_ioctl, (uint8_t)(2 * COUNT(typing) + 2));
    load(filter, ARGUMENT(1));
    for (index = 0; index < COUNT(typing); index++) {
        refuse_call(filter, (int)typing[index], EPERM);
    }
    allow(filter);
}

/* Blocks may be given back. Reserved behind a file's end they are not counted by RLIMIT_FSIZE, and come so fast that the disk
 * is full before the host counts; who wants some writes them, as the C library does then. */
static void rule_fallocate(filter_t *filter) {
    allow_value(filter, SYS_fallocate, 1, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, EOPNOTSUPP);
}

/* Landlock before version 3 keeps files from being written to, not from being cut: neither by name nor by opening them for
 * reading with O_TRUNC. */
static void rule_truncate(filter_t *filter) {
    static const struct {
        int call;
        uint32_t argument;
    } openers[] = {
#ifdef SYS_open
        {SYS_open, 1},
#endif
        {SYS_openat, 2}};
    uint32_t index;
    refuse_call(filter, SYS_truncate, EACCES);
    for (index = 0; index < COUNT(openers); index++) {
        if_equal(filter, (uint32_t)openers[index].call, 5);
        load(filter, ARGUMENT(openers[index].argument));
        emit(filter, BPF_ALU | BPF_AND | BPF_K, O_TRUNC | O_ACCMODE, 0, 0);
        if_equal(filter, O_TRUNC | O_RDONLY, 1);
        refuse(filter, EACCES);
        allow(filter);
    }
}

/* Not those that make the kernel send signals to others. */
static void rule_fcntl(filter_t *filter) {
    static const uint32_t harmless[] = {0 /* F_DUPFD */,       1 /* GETFD */,        2 /* SETFD */,
                                        3 /* GETFL */,         4 /* SETFL */,        5 /* GETLK */,
                                        6 /* SETLK */,         7 /* SETLKW */,       36 /* OFD_GETLK */,
                                        37 /* OFD_SETLK */,    38 /* OFD_SETLKW */,  1030 /* DUPFD_CLOEXEC */,
                                        1032 /* GETPIPE_SZ */, 1033 /* ADD_SEALS */, 1034 /* GET_SEALS */};
    allow_values(filter, SYS_fcntl, 1, harmless, COUNT(harmless), EPERM);
}

/* --- The calls that are answered by their number alone --- */

/* Calls from `first` to where the next one begins are answered in one way. */
typedef struct span {
    uint32_t first;
    uint32_t action;
} span_t;

static void set_all(uint32_t *actions, const int *calls, uint32_t count, uint32_t action) {
    uint32_t index;
    for (index = 0; index < count; index++) {
        if ((uint32_t)calls[index] < CALL_NUMBERS) {
            actions[calls[index]] = action; /* what does not fit stays refused */
        }
    }
}

static void decide(uint32_t *actions, const lao__plan_t *plan) {
    uint32_t index;
    for (index = 0; index < CALL_NUMBERS; index++) {
        actions[index] = SECCOMP_RET_ERRNO | ENOSYS;
    }
    set_all(actions, lao__calls_denied, COUNT(lao__calls_denied), SECCOMP_RET_ERRNO | EPERM);
    set_all(actions, lao__calls_allowed, COUNT(lao__calls_allowed), SECCOMP_RET_ALLOW);
    if (lao__plan_has(plan, LAO__PLAN_EXECUTE)) {
        set_all(actions, lao__calls_of_programs, COUNT(lao__calls_of_programs), SECCOMP_RET_ALLOW);
        /* Linkers, archivers and the like give up where they cannot set the mode or the times of what they wrote. They are told that it was done,
         * and it is not: nothing bounds whose files would be changed, and here modes decide nothing. */
        set_all(actions, lao__calls_pretended, COUNT(lao__calls_pretended), SECCOMP_RET_ERRNO | 0);
    }
}

/* A search by halves: the kernel tries the filter with every number when it is installed, which takes longer than all the
 * rest of the sandbox when the calls stand in a row. */
static void emit_spans(filter_t *filter, const span_t *spans, uint32_t count) {
    uint32_t half = count / 2;
    uint32_t at = filter->size;
    if (count == 1) {
        answer(filter, spans->action);
        return;
    }
    emit(filter, BPF_JMP | BPF_JGE | BPF_K, spans[half].first, 0, 0);
    emit_spans(filter, spans, half);
    if (filter->size - at - 1 > UINT8_MAX) {
        filter->size = MAX_INSTRUCTIONS + 1; /* too far to jump: refused as too long */
    } else if (filter->size <= MAX_INSTRUCTIONS) {
        filter->code[at].jt = (uint8_t)(filter->size - at - 1);
    }
    emit_spans(filter, spans + half, count - half);
}

static void rule_numbers(filter_t *filter, const lao__plan_t *plan) {
    static uint32_t actions[CALL_NUMBERS];
    static span_t spans[CALL_NUMBERS + 1];
    uint32_t count = 0;
    uint32_t call;
    decide(actions, plan);
    for (call = 0; call < CALL_NUMBERS; call++) {
        if (count == 0 || spans[count - 1].action != actions[call]) {
            spans[count++] = (span_t){call, actions[call]};
        }
    }
    spans[count++] = (span_t){CALL_NUMBERS, SECCOMP_RET_ERRNO | ENOSYS};
    emit_spans(filter, spans, count);
}

/* --- The whole --- */

static void build(filter_t *filter, const lao__plan_t *plan, const lao__reached_t *reached) {
    bool programs = lao__plan_has(plan, LAO__PLAN_EXECUTE);
    bool devices = (plan->tiers & (LAO__PLAN_CUDA | LAO__PLAN_GPU)) != 0;
    uint32_t self = (uint32_t)getpid();
    filter->size = 0;
    load(filter, offsetof(struct seccomp_data, arch));
    emit(filter, BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0);
    answer(filter, SECCOMP_RET_KILL_PROCESS);
    load(filter, offsetof(struct seccomp_data, nr));
    if_any_bit(filter, FOREIGN_BIT, 1);
    answer(filter, SECCOMP_RET_KILL_PROCESS);
    rule_mmap(filter, plan->cgroup_memory);
    rule_clone(filter, programs);
    rule_prctl(filter);
    rule_signals(filter, self, programs);
    rule_own_process(filter, self);
    rule_ioctl(filter, devices);
    rule_fcntl(filter);
    rule_socketpair(filter, plan->cgroup_memory);
    rule_messages(filter, plan->connect_count > 0);
    if (plan->connect_count > 0) {
        rule_connect(filter);
    }
    /* Memory that only a cgroup counts; CUDA does not start without it. */
    if (plan->cgroup_memory || (plan->tiers & LAO__PLAN_CUDA) != 0) {
        allow_without_bits(filter, SYS_memfd_create, 1, MFD_HUGETLB, ENOMEM);
    }
    /* A timer may send any signal, SIGCONT too: a worker that the host halts to slow it down would wake itself. */
    if (!plan->cgroup_cpu) {
        refuse_call(filter, SYS_timer_create, EPERM);
    }
    rule_fallocate(filter);
    if (reached->landlock > 0 && reached->landlock < 3) {
        rule_truncate(filter);
    }
    rule_numbers(filter, plan);
}

lao_status_t lao__apply_seccomp(const lao__plan_t *plan, lao__reached_t *reached, lao__error_t *error) {
    static filter_t filter;
    struct sock_fprog program;
    unsigned flags;
    long listener;
    build(&filter, plan, reached);
    if (filter.size > MAX_INSTRUCTIONS) {
        return lao__fail(error, LAO_SYSTEM, "the filter for system calls is too long");
    }
    program.len = (unsigned short)filter.size;
    program.filter = filter.code;
    flags = plan->connect_count > 0 ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
    listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    if (listener < 0) {
        return lao__fail(error, LAO_SYSTEM, "the sandbox cannot filter system calls: %s", strerror(errno));
    }
    reached->listener = flags != 0 ? (int)listener : -1;
    reached->seccomp = true;
    return LAO_OK;
}
