/* A program that tries what it must not be able to do, and tells what came of it: one `word: result` a line. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void tell(const char *what, long result) {
    printf("%s: %s\n", what, result >= 0 ? "done" : strerrorname_np(errno));
    fflush(stdout);
}

/* A process that the host would have to wait for, and knows nothing of. */
static long child_of_the_host(void) {
    long child = syscall(SYS_clone, (unsigned long)(CLONE_PARENT | SIGCHLD), 0, 0, 0, 0);
    if (child == 0) {
        _exit(0);
    }
    return child;
}

static void try_all(void) {
    int count = 0;
    int descriptor;
    tell("tcp", socket(AF_INET, SOCK_STREAM, 0));
    tell("udp", socket(AF_INET, SOCK_DGRAM, 0));
    tell("unix", socket(AF_UNIX, SOCK_STREAM, 0));
    tell("passwd", open("/etc/passwd", O_RDONLY));
    tell("environ of the host", open("/proc/1/environ", O_RDONLY));
    tell("signal the host", kill(getppid(), 0));
    tell("trace the host", ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
    tell("leave the session", setsid());
    tell("leave the group", setpgid(0, 0));
    tell("give the host a child", child_of_the_host());
    tell("run a shell", execl("/bin/sh", "sh", "-c", "true", (char *)NULL));
    for (descriptor = 3; descriptor < 256; descriptor++) {
        count += fcntl(descriptor, F_GETFD) >= 0;
    }
    printf("descriptors: %d\n", count);
    for (count = 0; environ[count] != NULL; count++) {
    }
    printf("variables: %d\n", count);
    printf("input: %d\n", getchar());
}

static void fork_many(void) {
    int count = 0;
    while (count < 5000) {
        pid_t child = fork();
        if (child < 0) {
            break;
        }
        if (child == 0) {
            pause();
            _exit(0);
        }
        count++;
    }
    printf("%d\n", count);
}

/* Each below the bound of one process, together far above that of all. */
static void share_memory(size_t each) {
    int count;
    for (count = 0; count < 12; count++) {
        if (fork() == 0) {
            volatile char *memory = malloc(each);
            size_t at;
            for (at = 0; memory != NULL && at < each; at += 4096) {
                memory[at] = 1;
            }
            pause();
            _exit(0);
        }
    }
    pause();
}

static void leave_a_child(void) {
    pid_t child = fork();
    if (child == 0) {
        signal(SIGTERM, SIG_IGN);
        for (;;) {
            pause();
        }
    }
    printf("%d\n", (int)child);
}

int main(int count, char **arguments) {
    const char *how = count > 1 ? arguments[1] : "";
    int index;
    if (strcmp(how, "try") == 0) {
        try_all();
    } else if (strcmp(how, "fork") == 0) {
        fork_many();
    } else if (strcmp(how, "leave") == 0) {
        leave_a_child();
    } else if (strcmp(how, "leave_and_hang") == 0) {
        leave_a_child();
        fflush(stdout);
        pause();
    } else if (strcmp(how, "memory") == 0) {
        size_t size = (size_t)2 << 30;
        volatile char *memory = malloc(size);
        size_t at;
        if (memory == NULL) {
            return 7;
        }
        for (at = 0; at < size; at += 4096) {
            memory[at] = 1;
        }
    } else if (strcmp(how, "share_memory") == 0) {
        share_memory((size_t)64 << 20);
    } else if (strcmp(how, "write") == 0) {
        FILE *file = fopen(arguments[2], "w");
        if (file == NULL) {
            return 8;
        }
        fputs("written", file);
        fclose(file);
    } else {
        for (index = 0; index < count; index++) {
            printf("%s\n", arguments[index]);
        }
    }
    return 0;
}
