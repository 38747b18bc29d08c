/* A LAO 0.x plugin of the last layout, whose run_structured answers with a status: the input "N:text" gives status N and
 * that text, "N!" status N and no text at all (NULL). "@counts" tells how many results were made and freed.
 * run must not be called where run_structured is there. */
#undef LAYOUT
#define LAYOUT 80
#include "v0/table.h"

static atomic_int made, freed;

static const char *name(void) { return "structured"; }

static PluginOutput run(const PluginInput *input) {
    (void)input;
    forbidden("call run although run_structured is there");
    return (PluginOutput){NULL};
}

static void free_output(PluginOutput output) {
    (void)output;
    forbidden("free a result of run_structured with free_output");
}

static PluginMetadata get_metadata(void) {
    return (PluginMetadata){.name = "v0-structured",
                            .version = "2.0.0",
                            .description = "Answers with the status that it is told",
                            .capabilities = "[{\"name\":\"answer\",\"description\":\"Answers\",\"input_type\":\"Text\","
                                            "\"output_type\":\"Text\"}]"};
}

static bool validate_input(const PluginInput *input) { return strcmp(input->text, "@refuse") != 0; }

static const char *get_capabilities(void) { return get_metadata().capabilities; }

static PluginResult run_structured(const PluginInput *input) {
    char *text = malloc(strlen(input->text) + 64);
    if (strcmp(input->text, "@counts") == 0) {
        sprintf(text, "{\"made\":%d,\"freed\":%d}", made, freed);
        atomic_fetch_add(&made, 1);
        return (PluginResult){.status = 0, .text = text};
    }
    char *end = input->text;
    uint32_t status = (uint32_t)strtoul(input->text, &end, 10);
    if (*end == '!') {
        free(text);
        return (PluginResult){.status = status, .text = NULL};
    }
    strcpy(text, *end == ':' ? end + 1 : end);
    atomic_fetch_add(&made, 1);
    return (PluginResult){.status = status, .text = text};
}

static void free_result(PluginResult result) {
    if (result.text != NULL) {
        atomic_fetch_add(&freed, 1);
        free(result.text);
    }
}

#include "v0/export.h"
