/* A plugin that takes what it is told to take, slowly enough to be watched at it: memory, threads, descriptors, CPU time,
 * disk. The capability `take` reads the parameter `what`; it stops when its call is cancelled unless `deaf`, and returns
 * how much it took. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef THREAD_ROLE
#define THREAD_ROLE unsafe
#endif
#define ROLE_unsafe LAO_THREADS_UNSAFE
#define ROLE_full LAO_THREADS_FULL

struct lao_instance {
    char data_dir[2048];
};

#define MIB (1 << 20)

static void *spin(void *until) {
    while (now_ns() < (int64_t)(intptr_t)until) {
    }
    return NULL;
}

static void *sleep_on(void *unused) {
    (void)unused;
    for (;;) {
        pause();
    }
    return NULL;
}

static int start(void *(*body)(void *), void *context) {
    pthread_attr_t attributes;
    pthread_t thread;
    int reason;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 65536);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    reason = pthread_create(&thread, &attributes, body, context);
    pthread_attr_destroy(&attributes);
    return reason;
}

/* Takes one more; 0 when it was had, else why not. */
static int take_one(lao_instance_t *self, const lao_request_t *request, int64_t number) {
    char path[2200];
    int file;
    if (param_is(request, "what", "memory")) {
        char *bytes = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (bytes == MAP_FAILED) {
            return errno;
        }
        memset(bytes, 1, MIB);
        return 0;
    }
    if (param_is(request, "what", "output")) {
        char *bytes = the_host->alloc(the_host, MIB, 0);
        if (bytes == NULL) {
            return ENOMEM;
        }
        memset(bytes, 1, MIB);
        return 0;
    }
    if (param_is(request, "what", "threads")) {
        return start(sleep_on, NULL);
    }
    if (param_is(request, "what", "descriptors")) {
        return open("/dev/null", O_RDONLY) < 0 ? errno : 0;
    }
    if (param_is(request, "what", "disk") || param_is(request, "what", "files") ||
        param_is(request, "what", "hidden")) {
        static char block[MIB];
        ssize_t size = param_is(request, "what", "files") ? 0 : MIB;
        snprintf(path, sizeof path, "%s/out/%lld-%d", self->data_dir, (long long)number, (int)getpid());
        file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (file < 0) {
            return errno;
        }
        memset(block, 1, sizeof block);
        if (size > 0 && write(file, block, (size_t)size) != size) {
            close(file);
            return errno != 0 ? errno : ENOSPC;
        }
        if (param_is(request, "what", "hidden")) { /* open, but without a name */
            return unlink(path) != 0 ? errno : 0;
        }
        close(file);
        return 0;
    }
    return EINVAL;
}

/* Until `count` of `what` were taken, one every `every_us`, then for `ms` more; with "refused" the first refusal ends it. */
static lao_status_t take(lao_instance_t *self, const lao_request_t *request, lao_response_t *response,
                         lao_error_t *error) {
    int64_t count = int_param(request, "count", 1), every_ns = int_param(request, "every_us", 1000) * 1000;
    int64_t deaf = int_param(request, "deaf", 0), taken = 0, end;
    int reason = 0;
    json_t json = {.size = 0};
    while (taken < count && reason == 0 && (deaf || !lao_cancelled(request))) {
        reason = take_one(self, request, taken);
        taken += reason == 0;
        sleep_ns(every_ns);
    }
    end = now_ns() + int_param(request, "ms", 0) * 1000000;
    while (now_ns() < end && (deaf || !lao_cancelled(request))) {
        sleep_ns(1000000);
    }
    if (!deaf && lao_cancelled(request)) {
        return lao_fail(error, LAO_CANCELLED, "stopped when told to");
    }
    json_add(&json, "{\"taken\":%lld,\"reason\":%d}", (long long)taken, reason);
    return give_data(request, response, LAO_KIND_JSON, json.text, json.size);
}

/* Keeps `threads` busy for `ms`; with `stay` they go on after the call. */
static lao_status_t burn(const lao_request_t *request, lao_response_t *response, lao_error_t *error) {
    int64_t end = now_ns() + int_param(request, "ms", 1000) * 1000000, threads = int_param(request, "threads", 1);
    struct timespec before, after;
    json_t json = {.size = 0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    while (threads-- > 1) {
        if (start(spin, (void *)(intptr_t)end) != 0) {
            return lao_fail(error, LAO_FAILED, "no thread");
        }
    }
    if (int_param(request, "stay", 0)) {
        if (start(spin, (void *)(intptr_t)end) != 0) {
            return lao_fail(error, LAO_FAILED, "no thread");
        }
    } else {
        spin((void *)(intptr_t)end);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    json_add(&json, "{\"pid\":%d,\"cpu_s\":%.6f}", (int)getpid(),
             (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9);
    return give_data(request, response, LAO_KIND_JSON, json.text, json.size);
}

static lao_status_t nothing(const lao_request_t *request, lao_response_t *response) {
    json_t json = {.size = 0};
    json_add(&json, "{\"pid\":%d}", (int)getpid());
    return give_data(request, response, LAO_KIND_JSON, json.text, json.size);
}

static lao_status_t die(void) {
    raise(SIGSEGV);
    return LAO_FAILED;
}

static const lao_capability_t capability_take = {
    .struct_size = sizeof capability_take, .name = "take", .input_kind = LAO_KIND_NONE, .output_kind = LAO_KIND_JSON};
static const lao_capability_t capability_burn = {
    .struct_size = sizeof capability_burn, .name = "burn", .input_kind = LAO_KIND_NONE, .output_kind = LAO_KIND_JSON};
static const lao_capability_t capability_nothing = {.struct_size = sizeof capability_nothing,
                                                    .name = "nothing",
                                                    .input_kind = LAO_KIND_NONE,
                                                    .output_kind = LAO_KIND_JSON};
static const lao_capability_t capability_die = {
    .struct_size = sizeof capability_die, .name = "die", .input_kind = LAO_KIND_NONE, .output_kind = LAO_KIND_JSON};
static const lao_capability_t *const capabilities[] = {&capability_take, &capability_burn, &capability_nothing,
                                                       &capability_die};

static lao_status_t LAO_CALL create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance,
                                    lao_error_t *error) {
    lao_instance_t *made = calloc(1, sizeof *made);
    (void)host, (void)error;
    if (made == NULL) {
        return LAO_OUT_OF_MEMORY;
    }
    snprintf(made->data_dir, sizeof made->data_dir, "%s", config->data_dir != NULL ? config->data_dir : "");
    *instance = made;
    return LAO_OK;
}

static void LAO_CALL destroy(lao_instance_t *instance) { free(instance); }

static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    switch (request->capability) {
    case 0:
        return take(instance, request, response, error);
    case 1:
        return burn(request, response, error);
    case 2:
        return nothing(request, response);
    default:
        return die();
    }
}

PLUGIN("greedy", PASTE(ROLE_, THREAD_ROLE), .shutdown = NULL)
