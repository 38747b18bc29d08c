#include "report.h"

#include <stdio.h>
#include <string.h>

enum { P1, P2, P3, P4, P5, P6, P7, P8, P9, P10, P11, P12 };

static lao__promise_t kernel(const char *why) { return (lao__promise_t){"kernel", why}; }
static lao__promise_t host(const char *why) { return (lao__promise_t){"host", why}; }
static lao__promise_t soft(const char *why) { return (lao__promise_t){"soft", why}; }
static lao__promise_t none(const char *why) { return (lao__promise_t){"none", why}; }

static lao__promise_t of_memory(const lao__plan_t *plan, const lao__reached_t *reached) {
    if (plan->cgroup_memory) {
        return kernel("its worker is in a memory cgroup of its own");
    }
    if (reached->data_limit && reached->seccomp && !lao__plan_has(plan, LAO__PLAN_EXECUTE)) {
        return kernel("RLIMIT_DATA bounds its memory, memory that it does not count is refused, and the host watches");
    }
    if (plan->memory_bytes > 0 && lao__plan_has(plan, LAO__PLAN_EXECUTE)) {
        return soft("each program that it starts may take as much again, and the host measures its worker alone");
    }
    return plan->memory_bytes > 0 ? host("the host measures it and ends the worker") : none("it has no bound");
}

static lao__promise_t of_programs(const lao__plan_t *plan, const lao__reached_t *reached) {
    if (!reached->seccomp) {
        return none("nothing keeps it from starting programs");
    }
    return lao__plan_has(plan, LAO__PLAN_EXECUTE) ? soft("it was granted programs, which run in the same sandbox")
                                                  : kernel("the seccomp filter refuses programs and processes");
}

static lao__promise_t of_cpu(const lao__plan_t *plan) {
    if (!plan->cgroup_cpu && lao__plan_has(plan, LAO__PLAN_EXECUTE)) {
        return soft("programs that it starts are not slowed down with its worker");
    }
    return plan->cgroup_cpu ? kernel("its worker is in a CPU cgroup of its own")
                            : host("each call has a deadline, and the host slows the worker down past its limit");
}

static lao__promise_t of_disk(const lao__plan_t *plan, const lao__reached_t *reached) {
    if (!lao__plan_has(plan, LAO__PLAN_WRITE)) {
        return reached->landlock > 0
                   ? kernel(reached->scratch ? "it can write to a bounded, private /tmp only" : "it can write nowhere")
                   : none("nothing keeps it from writing");
    }
    return host("the kernel bounds each file, the host measures its directories and ends the worker");
}

void lao__judge(const lao__plan_t *plan, const lao__reached_t *reached, lao__promise_t promises[LAO__PROMISES]) {
    bool programs = lao__plan_has(plan, LAO__PLAN_EXECUTE);
    bool scoped = reached->landlock >= 6;
    promises[P1] = reached->landlock == 0 ? none("this kernel has no Landlock")
                   : plan->working_directory != NULL
                       ? kernel("Landlock opens listed directories only; the one that it was "
                                "granted to work in is among them")
                       : kernel("Landlock opens listed directories only");
    promises[P2] = !reached->seccomp         ? none("nothing keeps it from opening sockets")
                   : plan->connect_count > 0 ? soft("it was granted connections to listed local ports")
                                             : kernel("the seccomp filter refuses sockets");
    promises[P3] = of_programs(plan, reached);
    promises[P4] = !reached->seccomp ? none("nothing keeps it from reaching other processes")
                   : programs && !scoped
                       ? soft("with programs of its own it may send signals, which this kernel cannot scope")
                       : kernel("the seccomp filter refuses to signal, trace or bound others");
    promises[P5] = kernel("it starts with an empty environment, no terminal, and its own descriptors only");
    promises[P6] = of_memory(plan, reached);
    promises[P7] = of_cpu(plan);
    promises[P8] = host("the host waits with a deadline and ends the worker");
    promises[P9] = host("what the worker writes is copied, checked, and only then used");
    promises[P10] = of_disk(plan, reached);
    promises[P11] = !reached->seccomp ? soft("processes that it started are not ended with it")
                    : programs        ? soft("programs that it started may outlive it for a moment")
                                      : kernel("all that it has ends with its process, which ends with the host");
    promises[P12] = host("manifests are read from files and from the library's bytes");
}

lao_status_t lao__check_required(const lao__plan_t *plan, const lao__promise_t promises[LAO__PROMISES],
                                 lao__error_t *error) {
    char missing[1024] = "";
    size_t used = 0;
    uint32_t index;
    for (index = 0; index < LAO__PROMISES; index++) {
        if ((plan->required & 1u << index) != 0 && strcmp(promises[index].level, "none") == 0 &&
            used < sizeof missing) {
            used += (size_t)snprintf(missing + used, sizeof missing - used, "%sP%u: %s", used > 0 ? "; " : "",
                                     index + 1, promises[index].why);
        }
    }
    return used == 0 ? LAO_OK
                     : lao__fail(error, LAO_PERMISSION_DENIED, "this machine cannot keep what isolation promises (%s)",
                                 missing);
}

uint32_t lao__write_report(const lao__plan_t *plan, const lao__reached_t *reached,
                           const lao__promise_t promises[LAO__PROMISES], char *report, uint32_t capacity) {
    static const char *const names[] = {"user", "mount", "net", "ipc"};
    size_t used = 0;
    uint32_t index;
    const char *comma = "";
#define ADD(...) used += used < capacity ? (size_t)snprintf(report + used, capacity - used, __VA_ARGS__) : 0
    ADD("{");
    for (index = 0; index < LAO__PROMISES; index++) {
        ADD("\"P%u\": [\"%s\", \"%s\"], ", index + 1, promises[index].level, promises[index].why);
    }
    ADD("\"facts\": {\"landlock\": %d, \"seccomp\": %s, \"scratch\": %s, \"data_limit\": %s, \"thread_limit\": %s, "
        "\"namespaces\": [",
        reached->landlock, reached->seccomp ? "true" : "false", reached->scratch ? "true" : "false",
        reached->data_limit ? "true" : "false", reached->thread_limit ? "true" : "false");
    for (index = 0; index < sizeof names / sizeof *names; index++) {
        if ((reached->namespaces & 1u << index) != 0) {
            ADD("%s\"%s\"", comma, names[index]);
            comma = ", ";
        }
    }
    ADD("], \"cgroup_memory\": %s, \"cgroup_cpu\": %s, \"cgroup_pids\": %s, \"canaries\": [%s]}}",
        plan->cgroup_memory ? "true" : "false", plan->cgroup_cpu ? "true" : "false",
        plan->cgroup_pids ? "true" : "false", reached->canaries);
#undef ADD
    return used < capacity ? (uint32_t)used : 0;
}
