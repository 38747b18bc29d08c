/* A LAO 0.x plugin that writes to standard output whenever it is touched, as the ones of the time did: a worker that
 * speaks its protocol over that descriptor breaks, and `--json` output with it. */
#include "v0/table.h"

#include <unistd.h>

#define NOISE "NOISE ON STDOUT\n"

static void make_noise(void) {
    fputs(NOISE, stdout);
    fflush(stdout);
    if (write(STDOUT_FILENO, NOISE, sizeof NOISE - 1) < 0) {
        return; /* a closed stdout is no reason to fail */
    }
}

__attribute__((constructor)) static void constructor(void) { make_noise(); }

static const char *name(void) {
    make_noise();
    return "noisy";
}

static PluginOutput run(const PluginInput *input) {
    make_noise();
    return (PluginOutput){strdup(input->text)};
}

static void free_output(PluginOutput output) {
    make_noise();
    free(output.text);
}

static PluginMetadata get_metadata(void) {
    make_noise();
    return (PluginMetadata){.name = "v0-noisy", .version = "1.0.0"};
}

static bool validate_input(const PluginInput *input) {
    make_noise();
    return input->text[0] != '\0';
}

static const char *get_capabilities(void) {
    make_noise();
    return NULL;
}

#include "v0/export.h"
