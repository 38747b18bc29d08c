/* Where this process may make control groups. */
#ifndef LAO_IPC_CGROUP_PLACE_LINUX_H
#define LAO_IPC_CGROUP_PLACE_LINUX_H

#include <stdbool.h>
#include <stdint.h>

#define LAO__CGROUP_CONTROLLERS 3u  /* memory, cpu, pids: the order of LAO__CGROUP_* */
#define LAO__CGROUP_PLACE_SIZE 768u /* bytes of a directory's path */

typedef struct lao__cgroup_place {
    char directory[LAO__CGROUP_PLACE_SIZE]; /* empty: this controller is not to be had */
    bool unified;                           /* version 2: one directory for all controllers */
} lao__cgroup_place_t;

/* The places of this process, one for each controller. Found once; with version 2 that may move this process into a leaf
 * of its own group. */
const lao__cgroup_place_t *lao__cgroup_places(void);

/* Reads up to `size - 1` bytes of `directory`/`file` as text. False where there is no such file. */
bool lao__cgroup_read(const char *directory, const char *file, char *text, uint32_t size);

/* Writes `text` to `directory`/`file`. */
bool lao__cgroup_write(const char *directory, const char *file, const char *text);

#endif
