/* A LAO 0.x plugin that tells what it sees around it, since the ones of the time ran programs and read files by relative
 * paths: the input "cwd" gives the working directory, "env NAME" a variable ("unset" where there is none), "stdin" what
 * reading a byte from standard input gives, "run COMMAND" the first line that a command prints. */
#include "v0/table.h"

#include <unistd.h>

#define SIZE 4096

static void first_line_of(const char *command, char *text) {
    FILE *pipe = popen(command, "r");
    if (pipe == NULL || fgets(text, SIZE, pipe) == NULL) {
        strcpy(text, "error: the command printed nothing");
    }
    if (pipe != NULL) {
        pclose(pipe);
    }
}

static const char *name(void) { return "surroundings"; }

static PluginOutput run(const PluginInput *input) {
    char *text = calloc(1, SIZE), byte;
    if (strcmp(input->text, "cwd") == 0) {
        if (getcwd(text, SIZE) == NULL) {
            strcpy(text, "error: no working directory");
        }
    } else if (strncmp(input->text, "env ", 4) == 0) {
        const char *value = getenv(input->text + 4);
        snprintf(text, SIZE, "%s", value != NULL ? value : "unset");
    } else if (strncmp(input->text, "run ", 4) == 0) {
        first_line_of(input->text + 4, text);
    } else {
        snprintf(text, SIZE, "%d", (int)read(STDIN_FILENO, &byte, 1));
    }
    return (PluginOutput){text};
}

static void free_output(PluginOutput output) { free(output.text); }

static PluginMetadata get_metadata(void) { return (PluginMetadata){.name = "v0-surroundings", .version = "1.0.0"}; }

static bool validate_input(const PluginInput *input) { return input->text[0] != '\0'; }

static const char *get_capabilities(void) { return NULL; }

#include "v0/export.h"
