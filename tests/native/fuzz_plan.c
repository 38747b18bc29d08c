/* The text of a sandbox's plan: what is accepted says nothing but what stands in it, and what is not is refused whole. */
#include "fuzz.h"
#include "sandbox/plan.h"

static void check_text(const lao__plan_t *plan, const char *text, size_t size) {
    FUZZ_CHECK(text >= plan->text && text < plan->text + size + 1);
    FUZZ_CHECK(strchr(text, '\n') == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static lao__plan_t plan;
    lao__error_t error;
    char *text = malloc(size + 1);
    uint32_t index;
    if (text == NULL) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    if (lao__plan_parse(&plan, text, size, &error) == LAO_OK) {
        FUZZ_CHECK(memchr(data, '\0', size) == NULL); /* what lies behind it would not have been looked at */
        FUZZ_CHECK(plan.path_count <= LAO__PLAN_PATHS && plan.connect_count <= LAO__PLAN_CONNECTS);
        FUZZ_CHECK(plan.environment_count <= LAO__PLAN_ENVIRONMENT && plan.preload_count <= LAO__PLAN_PRELOADS);
        for (index = 0; index < plan.path_count; index++) {
            check_text(&plan, plan.paths[index].path, size);
            FUZZ_CHECK(plan.paths[index].path[0] == '/' && plan.paths[index].access != 0);
        }
        for (index = 0; index < plan.connect_count; index++) {
            check_text(&plan, plan.connects[index], size);
        }
        for (index = 0; index < plan.environment_count; index++) {
            check_text(&plan, plan.environment[index], size);
        }
        FUZZ_CHECK(plan.required >> 12 == 0);
    } else {
        FUZZ_CHECK(error.status == LAO_INVALID_PARAMETER || error.status == LAO_OUT_OF_MEMORY);
        FUZZ_CHECK(error.size > 0);
    }
    lao__plan_deinit(&plan);
    free(text);
    return 0;
}

size_t fuzz_seed(unsigned number, uint8_t *data, size_t capacity) {
    static const char *const plans[] = {
        "read /usr/lib\nread_list /\nwrite /tmp/data\ndevice /dev/null\nexecute /bin/true\nmemory 4294967296\n"
        "threads 128\ndescriptors 256\nfile_bytes 1073741824",
        "cgroup_memory 1\ncgroup_pids 0\ncgroup_cpu 1\nscratch 65536\nnamespaces user,net,ipc,mount\ntier onnx\ntier "
        "opencl\nconnect 127.0.0.1:11434\nworking_directory /tmp\nrequire P1,P2,P12",
        "environment PATH=/bin\npreload /usr/lib/libc.so.6\nparent 42\n", "unknown 1\n"};
    size_t size;
    if (number >= sizeof plans / sizeof *plans) {
        return 0;
    }
    size = strlen(plans[number]);
    memcpy(data, plans[number], size < capacity ? size : capacity);
    return size < capacity ? size : capacity;
}
