/* A LAO 0.x plugin that hands back its input and watches how the host treats it. What it does depends on the input:
 *   @counts   a JSON object: how often each function was called, outputs not freed yet, bad frees, and the highest
 *             number of calls at the same time
 *   @null     an output whose text is NULL
 *   @empty, @blank   an output of no or of only white characters
 *   @slow     waits 30 ms first, so that calls that run at the same time are seen
 *   @refuse   is refused by validate_input (layouts of 64 and 80 bytes)
 *   @latin1   an output that is not UTF-8
 * name() allocates on every call, as the plugins of the time did. PLUGIN_NAME replaces the name in the metadata. */
#include "v0/table.h"

#ifndef PLUGIN_NAME
#define PLUGIN_NAME "v0-echo"
#endif

static atomic_int name_calls, metadata_calls, capability_calls, validate_calls, run_calls, structured_calls;
static atomic_int outputs_alive, bad_frees, running, most_running;
static char *last_freed; /* a second free of the same output in a row shows as a bad free */

/* A new string for every call, which nobody frees; still reachable, so that a leak checker finds only the host's leaks. */
static const char *new_string(const char *text) {
    static struct kept {
        struct kept *next;
        char text[256];
    } *all;
    struct kept *fresh = malloc(sizeof *fresh);
    snprintf(fresh->text, sizeof fresh->text, "%s", text);
    fresh->next = all;
    all = fresh;
    return fresh->text;
}

static void enter(void) {
    int now = atomic_fetch_add(&running, 1) + 1, most = atomic_load(&most_running);
    while (now > most && !atomic_compare_exchange_weak(&most_running, &most, now)) {
    }
}

static void leave(void) { atomic_fetch_sub(&running, 1); }

static char *counts(void) {
    char *text = malloc(512);
    snprintf(text, 512,
             "{\"name\":%d,\"metadata\":%d,\"capabilities\":%d,\"validate\":%d,\"run\":%d,\"structured\":%d,"
             "\"alive\":%d,\"bad_frees\":%d,\"most_running\":%d}",
             name_calls, metadata_calls, capability_calls, validate_calls, run_calls, structured_calls, outputs_alive,
             bad_frees, most_running);
    return text;
}

static char *answer(const PluginInput *input) {
    if (input == NULL || input->text == NULL) {
        forbidden("run without a text");
    }
    char *text = strdup(input->text);
    if (strcmp(text, "@slow") == 0) {
        nanosleep(&(struct timespec){.tv_nsec = 30 * 1000 * 1000}, NULL);
    } else if (strcmp(text, "@counts") == 0) {
        free(text);
        text = counts();
    } else if (strcmp(text, "@null") == 0) {
        free(text);
        return NULL;
    } else if (strcmp(text, "@empty") == 0) {
        text[0] = '\0';
    } else if (strcmp(text, "@blank") == 0) {
        strcpy(text, " \t\n");
    } else if (strcmp(text, "@latin1") == 0) {
        strcpy(text, "caf\xe9");
    }
    memset(input->text, 'X', strlen(input->text)); /* every call has a buffer of its own: scribbling harms nobody */
    atomic_fetch_add(&outputs_alive, 1);
    return text;
}

static void forget(char *text) {
    if (text == NULL || text == last_freed) {
        atomic_fetch_add(&bad_frees, 1);
        return;
    }
    atomic_fetch_sub(&outputs_alive, 1);
    free(text);
}

static const char *name(void) {
    atomic_fetch_add(&name_calls, 1);
    return new_string("EchoOfTheOldDays");
}

static PluginOutput run(const PluginInput *input) {
    enter();
    atomic_fetch_add(&run_calls, 1);
    PluginOutput output = {answer(input)};
    last_freed = NULL;
    leave();
    return output;
}

static void free_output(PluginOutput output) {
    enter();
    forget(output.text);
    last_freed = output.text;
    leave();
}

#if LAYOUT >= 64
#define CAPABILITIES "[{\"name\":\"echo\",\"description\":\"Echoes\",\"input_type\":\"Text\",\"output_type\":\"Text\"}]"

static PluginMetadata get_metadata(void) {
    atomic_fetch_add(&metadata_calls, 1);
    return (PluginMetadata){.name = PLUGIN_NAME,
                            .version = "1.0.0",
                            .description = "Echoes and watches",
                            .author = "LAO Team",
                            .tags = "[\"echo\",\"test\"]",
                            .capabilities = CAPABILITIES};
}

static bool validate_input(const PluginInput *input) {
    if (input == NULL || input->text == NULL) {
        forbidden("validate_input without a text");
    }
    enter();
    atomic_fetch_add(&validate_calls, 1);
    leave();
    return strcmp(input->text, "@refuse") != 0;
}

static const char *get_capabilities(void) {
    atomic_fetch_add(&capability_calls, 1);
    return new_string(CAPABILITIES);
}
#endif

#if LAYOUT >= 80
static PluginResult run_structured(const PluginInput *input) {
    enter();
    atomic_fetch_add(&structured_calls, 1);
    PluginResult result = {.status = 0, .text = answer(input)};
    last_freed = NULL;
    leave();
    return result;
}

static void free_result(PluginResult result) {
    enter();
    forget(result.text);
    last_freed = result.text;
    leave();
}
#endif

#include "v0/export.h"
