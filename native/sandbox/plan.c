#include "plan.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct word {
    const char *name;
    uint32_t bit;
} word_t;

static const word_t namespaces[] = {
    {"user", LAO__PLAN_USER}, {"mount", LAO__PLAN_MOUNT}, {"net", LAO__PLAN_NET}, {"ipc", LAO__PLAN_IPC}, {NULL, 0}};
static const word_t tiers[] = {{"onnx", LAO__PLAN_ONNX},
                               {"opencl", LAO__PLAN_OPENCL},
                               {"cuda", LAO__PLAN_CUDA},
                               {"gpu", LAO__PLAN_GPU},
                               {NULL, 0}};
static const word_t promises[] = {{"P1", 1u << 0}, {"P2", 1u << 1},  {"P3", 1u << 2},   {"P4", 1u << 3},
                                  {"P5", 1u << 4}, {"P6", 1u << 5},  {"P7", 1u << 6},   {"P8", 1u << 7},
                                  {"P9", 1u << 8}, {"P10", 1u << 9}, {"P11", 1u << 10}, {"P12", 1u << 11},
                                  {NULL, 0}};

/* --- Kinds of line; all answer false for a value that is wrong --- */

static bool add_path(lao__plan_t *plan, uint32_t access, const char *path) {
    if (path[0] != '/' || plan->path_count == LAO__PLAN_PATHS) {
        return false;
    }
    plan->paths[plan->path_count++] = (lao__plan_path_t){access, path};
    return true;
}

static bool read_number(const char *text, uint64_t *number) {
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

static bool read_switch(const char *text, bool *on) {
    *on = strcmp(text, "1") == 0;
    return *on || strcmp(text, "0") == 0;
}

/* A list of words with commas between them, which is cut up. */
static bool add_words(char *text, const word_t *known, uint32_t *bits) {
    char *rest = NULL;
    char *word;
    for (word = strtok_r(text, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
        const word_t *one = known;
        while (one->name != NULL && strcmp(one->name, word) != 0) {
            one++;
        }
        if (one->name == NULL) {
            return false;
        }
        *bits |= one->bit;
    }
    return true;
}

static bool add_text(const char **texts, uint32_t *count, uint32_t capacity, const char *text) {
    if (*count == capacity) {
        return false;
    }
    texts[(*count)++] = text;
    return true;
}

/* --- The whole --- */

static bool take_path(lao__plan_t *plan, const char *key, const char *value) {
    static const word_t kinds[] = {{"read", LAO__PLAN_READ},       {"read_list", LAO__PLAN_LIST},
                                   {"write", LAO__PLAN_WRITE},     {"device", LAO__PLAN_DEVICE},
                                   {"execute", LAO__PLAN_EXECUTE}, {NULL, 0}};
    const word_t *kind = kinds;
    while (kind->name != NULL && strcmp(kind->name, key) != 0) {
        kind++;
    }
    return kind->name != NULL && add_path(plan, kind->bit, value);
}

static bool take_bound(lao__plan_t *plan, const char *key, const char *value) {
    const struct {
        const char *key;
        uint64_t *bound;
    } bounds[] = {{"memory", &plan->memory_bytes},     {"file_bytes", &plan->file_bytes},
                  {"scratch", &plan->scratch_bytes},   {"threads", &plan->threads},
                  {"descriptors", &plan->descriptors}, {"landlock", &plan->landlock_most}};
    size_t index;
    for (index = 0; index < sizeof bounds / sizeof *bounds; index++) {
        if (strcmp(bounds[index].key, key) == 0) {
            return read_number(value, bounds[index].bound);
        }
    }
    return false;
}

static bool take_line(lao__plan_t *plan, const char *key, char *value) {
    uint64_t number;
    if (strcmp(key, "cgroup_memory") == 0) {
        return read_switch(value, &plan->cgroup_memory);
    }
    if (strcmp(key, "cgroup_pids") == 0) {
        return read_switch(value, &plan->cgroup_pids);
    }
    if (strcmp(key, "cgroup_cpu") == 0) {
        return read_switch(value, &plan->cgroup_cpu);
    }
    if (strcmp(key, "namespaces") == 0) {
        return add_words(value, namespaces, &plan->namespaces);
    }
    if (strcmp(key, "tier") == 0) {
        return add_words(value, tiers, &plan->tiers);
    }
    if (strcmp(key, "require") == 0) {
        return add_words(value, promises, &plan->required);
    }
    if (strcmp(key, "connect") == 0) {
        return add_text(plan->connects, &plan->connect_count, LAO__PLAN_CONNECTS, value);
    }
    if (strcmp(key, "environment") == 0) {
        return value[0] != '=' && strchr(value, '=') != NULL &&
               add_text(plan->environment, &plan->environment_count, LAO__PLAN_ENVIRONMENT, value);
    }
    if (strcmp(key, "preload") == 0) {
        return value[0] == '/' && add_text(plan->preloads, &plan->preload_count, LAO__PLAN_PRELOADS, value);
    }
    if (strcmp(key, "working_directory") == 0) {
        plan->working_directory = value;
        return value[0] == '/';
    }
    if (strcmp(key, "parent") == 0) {
        plan->parent = read_number(value, &number) && number < INT32_MAX ? (int64_t)number : -1;
        return plan->parent >= 0;
    }
    return take_path(plan, key, value) || take_bound(plan, key, value);
}

lao_status_t lao__plan_parse(lao__plan_t *plan, const char *text, uint64_t size, lao__error_t *error) {
    char *rest = NULL;
    char *line;
    memset(plan, 0, sizeof *plan);
    plan->landlock_most = UINT64_MAX;
    if (memchr(text, '\0', (size_t)size) != NULL) { /* nobody would look at what follows it */
        plan->text = NULL;
        return lao__fail(error, LAO_INVALID_PARAMETER, "the sandbox's plan is no text");
    }
    plan->text = malloc((size_t)size + 1);
    if (plan->text == NULL) {
        return lao__fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    }
    memcpy(plan->text, text, (size_t)size);
    plan->text[size] = '\0';
    for (line = strtok_r(plan->text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        char *space = strchr(line, ' ');
        if (space != NULL) {
            *space = '\0';
        }
        if (space == NULL || space[1] == '\0' || !take_line(plan, line, space + 1)) {
            return lao__fail(error, LAO_INVALID_PARAMETER, "the sandbox's plan has a line `%s` that is not understood",
                             line);
        }
    }
    return LAO_OK;
}

void lao__plan_deinit(lao__plan_t *plan) {
    free(plan->text);
    plan->text = NULL;
}

bool lao__plan_has(const lao__plan_t *plan, uint32_t access) {
    uint32_t index;
    for (index = 0; index < plan->path_count; index++) {
        if ((plan->paths[index].access & access) != 0) {
            return true;
        }
    }
    return false;
}
