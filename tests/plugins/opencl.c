/* Doubles 64 float32 by an OpenCL kernel: input and output are "binary". The driver's loader is opened by name, so that
 * this builds where there are no headers. */
#include "support.h"

#include <dlfcn.h>

#define NUMBERS 64
#define DEVICE_ALL 0xFFFFFFFFu
#define READ_WRITE_COPY (1u | 1u << 5) /* CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR */

static const char *const source =
    "__kernel void twice(__global float *x) { int i = get_global_id(0); x[i] = 2 * x[i]; }";

struct lao_instance {
    const lao_host_t *host;
    void *context;
    void *queue;
    void *kernel;
};

static struct {
    int (*get_platforms)(uint32_t, void **, uint32_t *);
    int (*get_devices)(void *, uint64_t, uint32_t, void **, uint32_t *);
    void *(*create_context)(const void *, uint32_t, void *const *, void *, void *, int *);
    void *(*create_queue)(void *, void *, uint64_t, int *);
    void *(*create_program)(void *, uint32_t, const char *const *, const size_t *, int *);
    int (*build_program)(void *, uint32_t, void *const *, const char *, void *, void *);
    void *(*create_kernel)(void *, const char *, int *);
    void *(*create_buffer)(void *, uint64_t, size_t, void *, int *);
    int (*set_argument)(void *, uint32_t, size_t, const void *);
    int (*run)(void *, void *, uint32_t, const size_t *, const size_t *, const size_t *, uint32_t, const void *,
               void *);
    int (*read)(void *, void *, uint32_t, size_t, size_t, void *, uint32_t, const void *, void *);
    int (*release)(void *);
} cl;

static const char *open_driver(void) {
    static const struct {
        void *function;
        const char *name;
    } functions[] = {
        {&cl.get_platforms, "clGetPlatformIDs"},
        {&cl.get_devices, "clGetDeviceIDs"},
        {&cl.create_context, "clCreateContext"},
        {&cl.create_queue, "clCreateCommandQueue"},
        {&cl.create_program, "clCreateProgramWithSource"},
        {&cl.build_program, "clBuildProgram"},
        {&cl.create_kernel, "clCreateKernel"},
        {&cl.create_buffer, "clCreateBuffer"},
        {&cl.set_argument, "clSetKernelArg"},
        {&cl.run, "clEnqueueNDRangeKernel"},
        {&cl.read, "clEnqueueReadBuffer"},
        {&cl.release, "clReleaseMemObject"},
    };
    void *library = dlopen("libOpenCL.so.1", RTLD_NOW);
    for (size_t i = 0; library != NULL && i < COUNT_OF(functions); i++) {
        *(void **)functions[i].function = dlsym(library, functions[i].name);
        if (*(void **)functions[i].function == NULL) {
            return dlerror();
        }
    }
    return library != NULL ? NULL : dlerror();
}

static lao_status_t LAO_CALL create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **created,
                                    lao_error_t *error) {
    lao_instance_t *instance = calloc(1, sizeof *instance);
    const char *missing = open_driver();
    void *platform;
    void *device;
    void *program;
    int reason;
    (void)config;
    if (missing != NULL) {
        return lao_fail(error, LAO_FAILED, missing);
    }
    instance->host = host;
    if (cl.get_platforms(1, &platform, NULL) != 0 || cl.get_devices(platform, DEVICE_ALL, 1, &device, NULL) != 0) {
        return lao_fail(error, LAO_FAILED, "there is no OpenCL device");
    }
    instance->context = cl.create_context(NULL, 1, &device, NULL, NULL, &reason);
    instance->queue = reason == 0 ? cl.create_queue(instance->context, device, 0, &reason) : NULL;
    program = reason == 0 ? cl.create_program(instance->context, 1, &source, NULL, &reason) : NULL;
    if (reason != 0 || cl.build_program(program, 1, &device, "", NULL, NULL) != 0) {
        return lao_fail(error, LAO_FAILED, "the kernel does not build");
    }
    instance->kernel = cl.create_kernel(program, "twice", &reason);
    *created = instance;
    return reason == 0 ? LAO_OK : lao_fail(error, LAO_FAILED, "there is no such kernel");
}

static void LAO_CALL destroy(lao_instance_t *instance) { free(instance); /* the rest ends with the process */ }

static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                  lao_error_t *error) {
    float numbers[NUMBERS];
    size_t count = NUMBERS;
    void *buffer;
    int reason;
    if (request->inputs[0]->size != sizeof numbers) {
        return lao_fail(error, LAO_INVALID_INPUT, "64 float32 are wanted");
    }
    memcpy(numbers, request->inputs[0]->data, sizeof numbers);
    buffer = cl.create_buffer(instance->context, READ_WRITE_COPY, sizeof numbers, numbers, &reason);
    if (reason != 0 || cl.set_argument(instance->kernel, 0, sizeof buffer, &buffer) != 0 ||
        cl.run(instance->queue, instance->kernel, 1, NULL, &count, NULL, 0, NULL, NULL) != 0 ||
        cl.read(instance->queue, buffer, 1, 0, sizeof numbers, numbers, 0, NULL, NULL) != 0) {
        return lao_fail(error, LAO_FAILED, "the kernel does not run");
    }
    cl.release(buffer);
    return give_data(request, response, LAO_KIND_BINARY, numbers, sizeof numbers);
}

static const lao_capability_t compute = {
    .struct_size = sizeof compute, .name = "compute", .input_kind = LAO_KIND_BINARY, .output_kind = LAO_KIND_BINARY};
static const lao_capability_t *const capabilities[] = {&compute};
static const lao_plugin_t plugin = {.struct_size = sizeof plugin,
                                    .abi_version = LAO_ABI_VERSION,
                                    .name = "opencl",
                                    .version = "1.0.0",
                                    .capability_count = COUNT_OF(capabilities),
                                    .capabilities = capabilities,
                                    .create = create,
                                    .destroy = destroy,
                                    .call = call};

LAO_EXPORT const lao_plugin_t *LAO_CALL lao_plugin_entry(const lao_host_t *host) {
    the_host = host;
    return &plugin;
}
