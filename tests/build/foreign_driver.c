/* Loads a plugin library with the system's own loader, and calls its first capability: a host in one file.
 *
 *   foreign_driver LIBRARY TEXT
 *
 * Prints the plugin's name and version, its number of capabilities, and what the first makes of TEXT. */
#include <lao/lao.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#include <windows.h>
static void *entry_of(const char *file) {
    HMODULE module = LoadLibraryA(file);
    if (module == NULL)
        fprintf(stderr, "LoadLibrary: %lu\n", GetLastError());
    return module == NULL ? NULL : (void *)GetProcAddress(module, LAO_PLUGIN_ENTRY);
}
#else
#include <dlfcn.h>
static void *entry_of(const char *file) {
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        fprintf(stderr, "dlopen: %s\n", dlerror());
    return library == NULL ? NULL : dlsym(library, LAO_PLUGIN_ENTRY);
}
#endif

static void *LAO_CALL host_alloc(const lao_host_t *host, uint64_t size, uint64_t alignment) {
    (void)host, (void)alignment;
    return malloc((size_t)size);
}

static void LAO_CALL host_free(const lao_host_t *host, void *memory) {
    (void)host;
    free(memory);
}

static void LAO_CALL host_log(const lao_host_t *host, uint32_t level, const char *text, uint64_t size) {
    (void)host;
    fprintf(stderr, "[%u] %.*s\n", level, (int)size, text);
}

static int64_t LAO_CALL host_now(const lao_host_t *host) {
    (void)host;
    return 0;
}

static const void *LAO_CALL host_extension(const lao_host_t *host, const char *id) {
    (void)host, (void)id;
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    void *found = entry_of(argv[1]);
    if (found == NULL)
        return 1;
    lao_plugin_entry_fn entry;
    memcpy(&entry, &found, sizeof entry);
    static lao_host_t host = {sizeof host, LAO_ABI_VERSION, "0.0.0",  NULL,          host_alloc,
                              host_free,   host_log,        host_now, host_extension};
    const lao_plugin_t *plugin = entry(&host);
    if (plugin == NULL)
        return 1;
    printf("%s %s, %u capabilities\n", plugin->name, plugin->version, plugin->capability_count);

    char text[256] = "";
    lao_error_t error = {.struct_size = sizeof error, .text = text, .text_capacity = sizeof text};
    lao_config_t config = {.struct_size = sizeof config, .json = "{}", .json_size = 2};
    lao_instance_t *instance = NULL;
    lao_status_t status = plugin->create(&host, &config, &instance, &error);
    if (status != LAO_OK) {
        fprintf(stderr, "create: %d %.*s\n", (int)status, (int)error.text_size, text);
        return 1;
    }
    uint32_t cancel = 0;
    lao_value_t input = {.struct_size = sizeof input, .kind = LAO_KIND_TEXT, .file_handle = -1};
    input.data = argv[2];
    input.size = strlen(argv[2]);
    lao_value_t output = {.struct_size = sizeof output, .file_handle = -1};
    lao_value_t *inputs[] = {&input}, *outputs[] = {&output};
    lao_request_t request = {.struct_size = sizeof request, .input_count = 1, .inputs = inputs};
    request.deadline_ns = INT64_MAX;
    request.cancel = &cancel;
    lao_response_t response = {.struct_size = sizeof response, .output_capacity = 1, .outputs = outputs};
    status = plugin->call(instance, &request, &response, &error);
    if (status != LAO_OK || response.output_count != 1) {
        fprintf(stderr, "call: %d %.*s\n", (int)status, (int)error.text_size, text);
        return 1;
    }
    printf("%.*s\n", (int)output.size, (const char *)output.data);
    if (output.release != NULL)
        output.release(&output);
    plugin->destroy(instance);
    if (plugin->shutdown != NULL)
        plugin->shutdown();
    return 0;
}
