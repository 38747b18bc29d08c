/* What a sandbox allows: text that the host writes, one `key value` a line.
 *
 *  read PATH, read_list PATH (directories: names only), write PATH, device PATH, execute PATH
 *  memory BYTES, file_bytes BYTES, scratch BYTES (a private /tmp), threads N, descriptors N; 0 or absent: no bound
 *  cgroup_memory 0|1, cgroup_pids 0|1, cgroup_cpu 0|1: the host bounds these by a cgroup
 *  namespaces user,mount,net,ipc: those that are wished for; what is refused is reported
 *  tier onnx|opencl|cuda|gpu: system calls that a runtime needs
 *  environment NAME=VALUE, preload PATH: what a runtime wants to be told, and libraries that are loaded before the plugin,
 *  so that it finds them by their SONAME
 *  connect HOST:PORT, working_directory PATH: for LAO 0.x plugins
 *  landlock VERSION: at most this one is used, as on an older kernel; for tests
 *  parent PID: the host, checked once the kernel has been told to end this process with it
 *  require P1,P2,...: promises without which nothing is loaded
 *
 * An unknown key is an error: a sandbox must not be weaker than what was asked for. */
#ifndef LAO_SANDBOX_PLAN_H
#define LAO_SANDBOX_PLAN_H

#include <stdbool.h>

#include "../core/error.h"

#define LAO__PLAN_PATHS 512u
#define LAO__PLAN_CONNECTS 16u
#define LAO__PLAN_ENVIRONMENT 32u
#define LAO__PLAN_PRELOADS 8u
#define LAO__PROMISES 12u

enum { /* lao__plan_path_t.access */
       LAO__PLAN_READ = 1u,
       LAO__PLAN_LIST = 2u,
       LAO__PLAN_WRITE = 4u,
       LAO__PLAN_DEVICE = 8u,
       LAO__PLAN_EXECUTE = 16u
};

enum { /* lao__plan_t.namespaces */
       LAO__PLAN_USER = 1u,
       LAO__PLAN_MOUNT = 2u,
       LAO__PLAN_NET = 4u,
       LAO__PLAN_IPC = 8u
};

enum { /* lao__plan_t.tiers */
       LAO__PLAN_ONNX = 1u,
       LAO__PLAN_OPENCL = 2u,
       LAO__PLAN_CUDA = 4u,
       LAO__PLAN_GPU = 8u
};

typedef struct lao__plan_path {
    uint32_t access;
    const char *path;
} lao__plan_path_t;

typedef struct lao__plan {
    char *text; /* owned; the strings below lie in it */
    lao__plan_path_t paths[LAO__PLAN_PATHS];
    uint32_t path_count;
    uint64_t memory_bytes;
    uint64_t file_bytes;
    uint64_t scratch_bytes;
    uint64_t threads;
    uint64_t descriptors;
    bool cgroup_memory;
    bool cgroup_pids;
    bool cgroup_cpu;
    uint32_t namespaces;
    uint32_t tiers;
    const char *connects[LAO__PLAN_CONNECTS];
    uint32_t connect_count;
    const char *environment[LAO__PLAN_ENVIRONMENT];
    uint32_t environment_count;
    const char *preloads[LAO__PLAN_PRELOADS];
    uint32_t preload_count;
    const char *working_directory; /* NULL: `/` */
    int64_t parent;                /* 0: not checked */
    uint64_t landlock_most;        /* 0: none is used; UINT64_MAX: whichever the kernel has */
    uint32_t required;             /* bit 0: P1 ... */
} lao__plan_t;

/* LAO_INVALID_PARAMETER with the line that is wrong. Pure but for memory. */
lao_status_t lao__plan_parse(lao__plan_t *plan, const char *text, uint64_t size, lao__error_t *error);
void lao__plan_deinit(lao__plan_t *plan);

/* True when some path may be used in that way. */
bool lao__plan_has(const lao__plan_t *plan, uint32_t access);

#endif
