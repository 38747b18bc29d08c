/* Makes memory that would outlive it, of System V and POSIX. */
#include "hostile.h"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

static lao_status_t attack(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    long segment = tried("shmget", shmget(IPC_PRIVATE, 1 << 20, IPC_CREAT | 0600));
    (void)request, (void)error;
    if (segment >= 0) {
        shmctl((int)segment, IPC_RMID, NULL);
    }
    tried("semget", semget(IPC_PRIVATE, 1, IPC_CREAT | 0600));
    tried("msgget", msgget(IPC_PRIVATE, IPC_CREAT | 0600));
    if (tried("shm_open", shm_open("/hostile-memory", O_CREAT | O_RDWR, 0600)) >= 0) {
        shm_unlink("/hostile-memory");
    }
    return give_report(response);
}

HOSTILE_PLUGIN("sysv-memory")
