/* Starting a program as a member of a control group of version 2.
 *
 * A process that is moved between such groups after its start waits for all others to come to rest, 11 ms where nobody was
 * moved for a while; born there it waits for nobody. posix_spawn learned it in glibc 2.39. */
#ifndef LAO_IPC_SPAWN_INTO_LINUX_H
#define LAO_IPC_SPAWN_INTO_LINUX_H

#include <sys/types.h>

typedef struct lao__spawn_into {
    const char *executable;
    char *const *arguments;
    char *const *environment;
    const int *sources; /* become standard output, and the descriptors from `first` on */
    int count;          /* of the sources, the first one among them */
    int first;
    int group; /* the group's directory, opened; -1: the group of this process */
} lao__spawn_into_t;

/* Standard input is /dev/null, standard error the same as standard output; no signal is blocked or ignored; the program
 * leads a session of its own. 0, or an error number: ENOSYS where the kernel does not know how, others where it refuses. */
int lao__spawn_into(const lao__spawn_into_t *order, pid_t *pid);

#endif
