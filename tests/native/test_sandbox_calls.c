/* What a plugin may not ask of the kernel: every attempt is made for real, in a sandboxed process. */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include "sandboxed.h"

#define PAGE 4096u
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* --- Sockets --- */

static int tcp(void) { return ATTEMPT(socket(AF_INET, SOCK_STREAM, 0)); }
static int tcp6(void) { return ATTEMPT(socket(AF_INET6, SOCK_STREAM, 0)); }
static int udp(void) { return ATTEMPT(socket(AF_INET, SOCK_DGRAM, 0)); }
static int raw(void) { return ATTEMPT(socket(AF_INET, SOCK_RAW, 1)); }
static int multipath(void) { return ATTEMPT(socket(AF_INET, SOCK_STREAM, 262)); }
static int netlink_socket(void) { return ATTEMPT(socket(AF_NETLINK, SOCK_RAW, 0)); }
static int machine_socket(void) { return ATTEMPT(socket(AF_VSOCK, SOCK_STREAM, 0)); }
static int unix_socket(void) { return ATTEMPT(socket(AF_UNIX, SOCK_STREAM, 0)); }
static int pair(void) {
    int ends[2];
    return ATTEMPT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
}
static int datagram_pair(void) {
    int ends[2];
    return ATTEMPT(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
}

static void no_sockets(void) {
    static const attempt_t attempts[] = {
        {"tcp", tcp, EPERM},
        {"tcp6", tcp6, EPERM},
        {"udp", udp, EPERM},
        {"raw", raw, EPERM},
        {"mptcp", multipath, EPERM},
        {"netlink", netlink_socket, EPERM},
        {"vsock", machine_socket, EPERM},
        {"unix", unix_socket, EPERM},
        {"socketpair", pair, EPERM},
        {"datagram pair", datagram_pair, EPERM},
    };
    static const attempt_t counted[] = {{"socketpair", pair, 0}, {"datagram pair", datagram_pair, EPERM}};
    run_attempts(BASE_PLAN, attempts, COUNT(attempts));
    run_attempts(BASE_PLAN "cgroup_memory 1\n", counted, COUNT(counted));
}

/* --- Programs and processes --- */

static int run_program(void) {
    char *const arguments[] = {(char *)"/bin/true", NULL};
    return ATTEMPT(execve("/bin/true", arguments, arguments + 1));
}
static int run_descriptor(void) {
    char *const none[] = {NULL};
    int file = open("/usr/lib64/ld-linux-x86-64.so.2", O_RDONLY);
    return ATTEMPT(syscall(SYS_execveat, file < 0 ? 0 : file, "", none, none, AT_EMPTY_PATH));
}
static int forked(long child) {
    if (child == 0) {
        _exit(0);
    }
    return ATTEMPT(child);
}
static int plain_fork(void) { return forked(fork()); }
static int clone_process(void) { return forked(syscall(SYS_clone, (long)SIGCHLD, 0, 0, 0, 0)); }
static int clone_parent(void) { return forked(syscall(SYS_clone, (long)(CLONE_PARENT | SIGCHLD), 0, 0, 0, 0)); }
static int clone_with_namespace(void) {
    return ATTEMPT(syscall(SYS_clone, (long)(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWUSER), 0, 0, 0, 0));
}
static int clone_newest(void) {
    struct {
        uint64_t fields[11];
    } arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.fields[4] = SIGCHLD;
    return forked(syscall(SYS_clone3, &arguments, sizeof arguments));
}
static int new_user(void) { return ATTEMPT(unshare(CLONE_NEWUSER)); }
static int new_mounts(void) { return ATTEMPT(unshare(CLONE_NEWNS)); }
static int enter_namespace(void) { return ATTEMPT(setns(0, 0)); }
static int mount_something(void) { return ATTEMPT(mount("none", "/tmp", "tmpfs", 0, "")); }
static int change_root(void) { return ATTEMPT(chroot("/")); }
static int new_session(void) { return ATTEMPT(setsid()); }

static void no_processes(void) {
    static const attempt_t attempts[] = {
        {"execve", run_program, EPERM},
        {"execveat", run_descriptor, EPERM},
        {"fork", plain_fork, EPERM},
        {"clone", clone_process, EPERM},
        {"clone of a sibling", clone_parent, EPERM},
        {"clone into a namespace", clone_with_namespace, EPERM},
        {"clone3", clone_newest, ENOSYS},
        {"a user namespace", new_user, EPERM},
        {"a mount namespace", new_mounts, EPERM},
        {"setns", enter_namespace, EPERM},
        {"mount", mount_something, EPERM},
        {"chroot", change_root, EPERM},
        {"setsid", new_session, EPERM},
    };
    run_attempts(BASE_PLAN, attempts, COUNT(attempts));
}

/* --- Other processes --- */

static int signal_parent(void) { return ATTEMPT(kill(getppid(), 0)); }
static int signal_all(void) { return ATTEMPT(kill(-1, 0)); }
static int signal_group(void) { return ATTEMPT(kill(0, 0)); }
static int signal_thread(void) { return ATTEMPT(syscall(SYS_tgkill, getppid(), getppid(), 0)); }
static int signal_any_thread(void) { return ATTEMPT(syscall(SYS_tkill, getppid(), 0)); }
static int signal_self(void) { return ATTEMPT(kill(getpid(), 0)); }
static int open_handle(void) { return ATTEMPT(syscall(SYS_pidfd_open, getppid(), 0)); }
static int take_descriptor(void) { return ATTEMPT(syscall(SYS_pidfd_getfd, 0, 0, 0)); }
static int signal_handle(void) { return ATTEMPT(syscall(SYS_pidfd_send_signal, 0, 0, NULL, 0)); }
static int trace(void) { return ATTEMPT(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL)); }
static int be_traced(void) { return ATTEMPT(ptrace(PTRACE_TRACEME, 0, NULL, NULL)); }
static int read_memory(void) {
    char byte;
    struct iovec part = {&byte, 1};
    return ATTEMPT(process_vm_readv(getppid(), &part, 1, &part, 1, 0));
}
static int write_memory(void) {
    char byte = 0;
    struct iovec part = {&byte, 1};
    return ATTEMPT(process_vm_writev(getppid(), &part, 1, &part, 1, 0));
}
static int bound_parent(void) {
    struct rlimit limit = {0, 0};
    return ATTEMPT(syscall(SYS_prlimit64, getppid(), RLIMIT_NOFILE, &limit, NULL));
}
static int bound_self(void) {
    struct rlimit limit;
    return ATTEMPT(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit));
}
static int pin_parent(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    return ATTEMPT(sched_setaffinity(getppid(), sizeof set, &set));
}
static int pin_self(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    return ATTEMPT(sched_setaffinity(0, sizeof set, &set));
}
static int slow_parent(void) { return ATTEMPT(setpriority(PRIO_PROCESS, (id_t)getppid(), 19)); }

static void no_other_processes(void) {
    static const attempt_t attempts[] = {
        {"kill the parent", signal_parent, EPERM},
        {"kill all", signal_all, EPERM},
        {"kill the group", signal_group, EPERM},
        {"tgkill", signal_thread, EPERM},
        {"tkill", signal_any_thread, EPERM},
        {"kill itself", signal_self, 0},
        {"pidfd_open", open_handle, ENOSYS},
        {"pidfd_getfd", take_descriptor, ENOSYS},
        {"pidfd_send_signal", signal_handle, ENOSYS},
        {"trace", trace, EPERM},
        {"be traced", be_traced, EPERM},
        {"process_vm_readv", read_memory, EPERM},
        {"process_vm_writev", write_memory, EPERM},
        {"prlimit of the parent", bound_parent, EPERM},
        {"prlimit of itself", bound_self, 0},
        {"affinity of the parent", pin_parent, EPERM},
        {"affinity of itself", pin_self, 0},
        {"priority of the parent", slow_parent, EPERM},
    };
    run_attempts(BASE_PLAN, attempts, COUNT(attempts));
}

/* --- The kernel --- */

static int ring(void) {
    char parameters[256] = {0};
    return ATTEMPT(syscall(SYS_io_uring_setup, 1, parameters));
}
static int bpf(void) { return ATTEMPT(syscall(SYS_bpf, 0, NULL, 0)); }
static int faults(void) { return ATTEMPT(syscall(SYS_userfaultfd, 0)); }
static int perf(void) { return ATTEMPT(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0)); }
static int keys(void) { return ATTEMPT(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1)); }
static int old_filter(void) { return ATTEMPT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0)); }
static int another_filter(void) {
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {1, &allow};
    return ATTEMPT(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
}
static int outlive_host(void) { return ATTEMPT(prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)); }
static int be_dumped(void) { return ATTEMPT(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); }
static int type_ahead(void) { return ATTEMPT(ioctl(0, TIOCSTI, "x")); }
static int own_signals(void) { return ATTEMPT(fcntl(0, F_SETOWN, getppid())); }
static int be_root(void) { return ATTEMPT(setuid(0)); }
static int advise_other(void) { return ATTEMPT(syscall(440 /* process_madvise */, 0, NULL, 0, 0, 0)); }

#ifdef __x86_64__
static int call_x32(void) { return ATTEMPT(syscall(0x40000000 | SYS_getpid)); }
static int call_32_bit(void) {
    long number = 20; /* getpid */
    __asm__ volatile("int $0x80" : "+a"(number) : : "memory", "r8", "r9", "r10", "r11");
    return 0;
}
#endif

static void no_kernel_doors(void) {
    static const attempt_t attempts[] = {
        {"io_uring", ring, ENOSYS},
        {"bpf", bpf, EPERM},
        {"userfaultfd", faults, EPERM},
        {"perf", perf, EPERM},
        {"keyctl", keys, EPERM},
        {"strict seccomp", old_filter, EPERM},
        {"another filter", another_filter, EPERM},
        {"clear the death signal", outlive_host, EPERM},
        {"be dumpable", be_dumped, EPERM},
        {"TIOCSTI", type_ahead, EPERM},
        {"F_SETOWN", own_signals, EPERM},
        {"setuid", be_root, EPERM},
        {"process_madvise", advise_other, ENOSYS},
#ifdef __x86_64__
        {"an x32 call", call_x32, -SIGSYS},
        {"a 32-bit call", call_32_bit, -SIGSYS},
#endif
    };
    run_attempts(BASE_PLAN, attempts, COUNT(attempts));
}

/* --- What the weaker tiers still refuse --- */

static int ask_device(void) {
    int size;
    /* Not in the short list of harmless questions; the null device does not know it. */
    return ATTEMPT(ioctl(open("/dev/null", O_RDWR), 0x4601, &size));
}
static int fast_open(void) {
    struct msghdr message = {0};
    return ATTEMPT(sendmsg(socket(AF_INET, SOCK_STREAM, 0), &message, MSG_FASTOPEN));
}
static int listen_there(void) {
    int own = socket(AF_INET, SOCK_STREAM, 0);
    return own < 0 ? errno : ATTEMPT(listen(own, 1));
}

static void weaker_tiers(void) {
    static const attempt_t none[] = {{"a device's own call", ask_device, EPERM}};
    static const attempt_t gpu[] = {
        {"a device's own call", ask_device, ENOTTY},
        {"TIOCSTI", type_ahead, EPERM},
        {"tcp", tcp, EPERM},
        {"execve", run_program, EPERM},
    };
    static const attempt_t programs[] = {
        {"a program that is not listed", run_program, EACCES},
        {"fork", plain_fork, 0},
        {"clone3", clone_newest, ENOSYS},
        {"a user namespace", new_user, EPERM},
        {"setsid", new_session, EPERM},
        {"kill the parent", signal_parent, EPERM},
        {"trace", trace, EPERM},
        {"tcp", tcp, EPERM},
    };
    static const attempt_t connects[] = {
        {"tcp", tcp, 0},
        {"udp", udp, EPERM},
        {"raw", raw, EPERM},
        {"mptcp", multipath, EPERM},
        {"unix", unix_socket, EPERM},
        {"netlink", netlink_socket, EPERM},
        {"TCP Fast Open", fast_open, EPERM},
        {"listen", listen_there, EPERM},
        {"execve", run_program, EPERM},
    };
    run_attempts(BASE_PLAN, none, COUNT(none));
    run_attempts(BASE_PLAN "tier gpu\n", gpu, COUNT(gpu));
    run_attempts(BASE_PLAN "execute /usr/bin/echo\n", programs, COUNT(programs));
    run_attempts(BASE_PLAN "connect 127.0.0.1:1\n", connects, COUNT(connects));
}

/* --- Memory that no limit counts --- */

static int map(int flags, int file) {
    void *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, flags, file, 0);
    return memory == MAP_FAILED ? errno : 0;
}
static int private_memory(void) { return map(MAP_PRIVATE | MAP_ANONYMOUS, -1); }
static int shared_memory(void) { return map(MAP_SHARED | MAP_ANONYMOUS, -1); }
static int validated_shared_memory(void) { return map(MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1); }
static int growing_memory(void) { return map(MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1); }
static int huge_memory(void) { return map(MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1); }
static int shared_zeros(void) {
    int file = open("/dev/zero", O_RDWR);
    return file < 0 ? errno : map(MAP_SHARED, file);
}
static int memory_file(void) { return ATTEMPT(memfd_create("x", 0)); }
static int system_v(void) { return ATTEMPT(shmget(IPC_PRIVATE, PAGE, 0600)); }
static int large_pipe(void) {
    int ends[2];
    EXPECT(pipe(ends) == 0);
    return ATTEMPT(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20));
}
static int locked_memory(void) {
    static char pages[64 * PAGE];
    return ATTEMPT(syscall(SYS_mlock, pages, sizeof pages)); /* the sanitizer has a mlock that does nothing */
}
static int allocate_much(void) {
    char *memory = mmap(NULL, 64u << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return errno;
    }
    memset(memory, 1, 64u << 20);
    return 0;
}
/* Memory that is only read needs no memory but page tables, which are memory too. */
__attribute__((unused)) static int map_emptiness(void) {
    size_t step = (size_t)16 << 30;
    int round;
    for (round = 0; round < 16; round++) {
        if (mmap(NULL, step, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED) {
            return errno;
        }
    }
    return 0;
}
__attribute__((unused)) static int raise_the_stack(void) {
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    return ATTEMPT(setrlimit(RLIMIT_STACK, &limit));
}
__attribute__((unused)) static int raise_the_limit(void) {
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    return ATTEMPT(setrlimit(RLIMIT_DATA, &limit));
}
static int open_many(void) {
    int count = 0;
    while (open("/dev/null", O_RDONLY) >= 0) {
        count++;
    }
    return count <= 64 ? errno : 0;
}

static void only_counted_memory(void) {
    static const attempt_t uncounted[] = {
        {"private memory", private_memory, 0},
        {"shared memory", shared_memory, ENOMEM},
        {"validated shared memory", validated_shared_memory, ENOMEM},
        {"growing memory", growing_memory, ENOMEM},
        {"huge pages", huge_memory, ENOMEM},
        {"shared zeros", shared_zeros, EACCES},
        {"a memory file", memory_file, EPERM},
        {"System V memory", system_v, EPERM},
        {"a larger pipe", large_pipe, EPERM},
#ifndef __SANITIZE_ADDRESS__
        {"64 MiB over the limit", allocate_much, ENOMEM},
        {"lifting the limit", raise_the_limit, EPERM},
        {"a larger stack", raise_the_stack, EPERM},
        {"256 GiB of nothing", map_emptiness, ENOMEM},
#endif
        {"a thousand descriptors", open_many, EMFILE},
    };
    static const attempt_t counted[] = {
        {"shared memory", shared_memory, 0},  {"a memory file", memory_file, 0}, {"huge pages", huge_memory, ENOMEM},
        {"System V memory", system_v, EPERM}, {"64 MiB", allocate_much, 0},
    };
    static const attempt_t locked[] = {{"locked memory", locked_memory, ENOMEM}};
    run_attempts(BASE_PLAN MEMORY_LIMIT(33554432) "descriptors 64\n", uncounted, COUNT(uncounted));
    run_attempts(BASE_PLAN "memory 33554432\ncgroup_memory 1\n", counted, COUNT(counted));
    run_attempts(BASE_PLAN, locked, COUNT(locked));
}

/* --- What files are, rather than what is in them --- */

static int chmod_it(void) { return ATTEMPT(chmod("/dev/null", 0666)); }
static int fchmod_it(void) { return ATTEMPT(fchmod(0, 0666)); }
static int chown_it(void) { return ATTEMPT(chown("/dev/null", (uid_t)-1, (gid_t)-1)); }
static int touch_it(void) { return ATTEMPT(utimensat(AT_FDCWD, "/dev/null", NULL, 0)); }
static int mark_it(void) { return ATTEMPT(setxattr("/dev/null", "user.x", "x", 1, 0)); }
static int make_node(void) { return ATTEMPT(mknod("/tmp/lao-test-node", S_IFIFO | 0600, 0)); }
static int make_link(void) { return ATTEMPT(link("/dev/null", "/tmp/lao-test-link")); }
static int make_symlink(void) { return ATTEMPT(symlink("/dev/null", "/tmp/lao-test-link")); }

static void no_metadata(void) {
    static const attempt_t attempts[] = {
        {"chmod", chmod_it, EPERM},     {"fchmod", fchmod_it, EPERM},     {"chown", chown_it, EPERM},
        {"utimensat", touch_it, EPERM}, {"setxattr", mark_it, EPERM},     {"mknod", make_node, EPERM},
        {"link", make_link, EPERM},     {"symlink", make_symlink, EPERM},
    };
    run_attempts(BASE_PLAN, attempts, COUNT(attempts));
}

int main(void) {
    RUN(no_sockets);
    RUN(no_processes);
    RUN(no_other_processes);
    RUN(no_kernel_doors);
    RUN(weaker_tiers);
    RUN(only_counted_memory);
    RUN(no_metadata);
    return 0;
}
