#include "cgroup_place_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEAF "lao-host" /* where a host goes that must not have processes in its own group */
#define CLIMB 3         /* groups above its own that are looked at */

static const char *const controllers[LAO__CGROUP_CONTROLLERS] = {"memory", "cpu", "pids"};

static lao__cgroup_place_t places[LAO__CGROUP_CONTROLLERS];
static pthread_once_t found = PTHREAD_ONCE_INIT;

/* The groups that this process is in, as the kernel names them, and the mount that shows each. */
typedef struct hierarchy {
    char path[LAO__CGROUP_PLACE_SIZE];
    char directory[LAO__CGROUP_PLACE_SIZE];
} hierarchy_t;

static bool join_path(char *path, size_t size, const char *directory, const char *name) {
    int length = snprintf(path, size, "%s/%s", directory, name);
    return length > 0 && (size_t)length < size;
}

bool lao__cgroup_read(const char *directory, const char *file, char *text, uint32_t size) {
    char path[LAO__CGROUP_PLACE_SIZE + 160];
    int descriptor;
    ssize_t got;
    uint32_t length = 0;
    if (!join_path(path, sizeof path, directory, file)) {
        return false;
    }
    descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return false;
    }
    while (length + 1 < size && (got = read(descriptor, text + length, size - 1 - length)) > 0) {
        length += (uint32_t)got;
    }
    close(descriptor);
    text[length] = '\0';
    return true;
}

bool lao__cgroup_write(const char *directory, const char *file, const char *text) {
    char path[LAO__CGROUP_PLACE_SIZE + 160];
    size_t length = strlen(text);
    bool written;
    int descriptor;
    if (!join_path(path, sizeof path, directory, file)) {
        return false;
    }
    descriptor = open(path, O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return false;
    }
    written = write(descriptor, text, length) == (ssize_t)length;
    close(descriptor);
    return written;
}

/* Whether a list of words, parted by `separator`, has `word`. */
static bool has_word(const char *list, const char *word, char separator) {
    size_t length = strlen(word);
    const char *at = list;
    while ((at = strstr(at, word)) != NULL) {
        bool starts = at == list || at[-1] == separator;
        char next = at[length];
        if (starts && (next == '\0' || next == separator || next == '\n')) {
            return true;
        }
        at += length;
    }
    return false;
}

/* mountinfo writes a blank as \040. */
static void decode_octal(char *text) {
    char *to = text;
    while (*text != '\0') {
        if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] != '\0' && text[3] != '\0') {
            *to++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
            text += 4;
        } else {
            *to++ = *text++;
        }
    }
    *to = '\0';
}

/* A line of /proc/self/cgroup: "4:memory:/a/b", or "0::/a/b" for version 2, whose place comes last in the array. */
static void take_group(char *line, hierarchy_t *hierarchies) {
    char *names = strchr(line, ':');
    char *path = names == NULL ? NULL : strchr(names + 1, ':');
    uint32_t index;
    if (path == NULL) {
        return;
    }
    *path++ = '\0';
    names++;
    path[strcspn(path, "\n")] = '\0';
    if (strlen(path) >= LAO__CGROUP_PLACE_SIZE) {
        return;
    }
    for (index = 0; index < LAO__CGROUP_CONTROLLERS; index++) {
        if (has_word(names, controllers[index], ',')) {
            strcpy(hierarchies[index].path, path);
        }
    }
    if (names[0] == '\0' && strncmp(line, "0:", 2) == 0) {
        strcpy(hierarchies[LAO__CGROUP_CONTROLLERS].path, path);
    }
}

/* The directory of a group: where its hierarchy is mounted, and the group's path below what is mounted there. */
static void take_directory(hierarchy_t *hierarchy, const char *root, const char *mounted_at) {
    const char *below = hierarchy->path;
    size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
    char directory[LAO__CGROUP_PLACE_SIZE];
    int size;
    if (below[0] != '/' || strstr(below, "/..") != NULL || strncmp(below, root, length) != 0 ||
        (below[length] != '/' && below[length] != '\0')) {
        return; /* not to be seen from here */
    }
    below += length;
    size = snprintf(directory, sizeof directory, "%s%s", mounted_at, strcmp(below, "/") == 0 ? "" : below);
    if (size > 0 && (size_t)size < sizeof directory && access(directory, F_OK) == 0) {
        strcpy(hierarchy->directory, directory);
    }
}

/* A line of mountinfo: "35 31 0:32 ROOT MOUNTED_AT OPTIONS ... - TYPE SOURCE SUPER_OPTIONS". */
static void take_mount(char *line, hierarchy_t *hierarchies) {
    char *type = strstr(line, " - ");
    char *fields[5];
    char *rest = NULL;
    char *super_options = NULL;
    uint32_t index;
    if (type == NULL) {
        return;
    }
    *type = '\0';
    type += 3;
    super_options = strchr(type, ' ');
    if (super_options == NULL || strncmp(type, "cgroup", 6) != 0) {
        return;
    }
    *super_options++ = '\0';
    super_options = strchr(super_options, ' ');
    super_options = super_options == NULL ? NULL : super_options + 1;
    for (index = 0; index < 5; index++) {
        fields[index] = strtok_r(index == 0 ? line : NULL, " ", &rest);
        if (fields[index] == NULL) {
            return;
        }
    }
    decode_octal(fields[3]);
    decode_octal(fields[4]);
    if (strcmp(type, "cgroup2") == 0) {
        take_directory(&hierarchies[LAO__CGROUP_CONTROLLERS], fields[3], fields[4]);
        return;
    }
    for (index = 0; super_options != NULL && index < LAO__CGROUP_CONTROLLERS; index++) {
        if (has_word(super_options, controllers[index], ',')) {
            take_directory(&hierarchies[index], fields[3], fields[4]);
        }
    }
}

static void each_line(const char *file, void (*take)(char *line, hierarchy_t *), hierarchy_t *hierarchies) {
    FILE *stream = fopen(file, "re");
    char *line = NULL;
    size_t capacity = 0;
    if (stream == NULL) {
        return;
    }
    while (getline(&line, &capacity, stream) > 0) {
        take(line, hierarchies);
    }
    free(line);
    fclose(stream);
}

static bool may_write(const char *directory) { return faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) == 0; }

/* --- Version 2 --- */

/* LAO__CGROUP_* bits of the controllers that a file of a group lists. */
static uint32_t listed(const char *directory, const char *file) {
    char text[512];
    uint32_t bits = 0;
    uint32_t index;
    if (!lao__cgroup_read(directory, file, text, sizeof text)) {
        return 0;
    }
    for (index = 0; index < LAO__CGROUP_CONTROLLERS; index++) {
        bits |= has_word(text, controllers[index], ' ') ? 1u << index : 0;
    }
    return bits;
}

/* Who is in a group itself, not in those below it. */
typedef enum members { NOBODY, THIS_PROCESS, OTHERS } members_t;

static members_t members_of(const char *directory) {
    char text[64];
    char *end;
    if (!lao__cgroup_read(directory, "cgroup.procs", text, sizeof text)) {
        return OTHERS;
    }
    if (text[0] == '\0') {
        return NOBODY;
    }
    return strtol(text, &end, 10) == (long)getpid() && strcmp(end, "\n") == 0 ? THIS_PROCESS : OTHERS;
}

/* The group of everything, which alone may have both processes and limited groups below it. */
static bool is_root(const char *directory) {
    char path[LAO__CGROUP_PLACE_SIZE + 16];
    return join_path(path, sizeof path, directory, "cgroup.type") && access(path, F_OK) != 0;
}

/* Hands the controllers of a group down to the groups below it; the bits of those that are. */
static uint32_t hand_down(const char *directory) {
    uint32_t there = listed(directory, "cgroup.controllers");
    uint32_t index;
    for (index = 0; index < LAO__CGROUP_CONTROLLERS; index++) {
        char word[16];
        if ((there & ~listed(directory, "cgroup.subtree_control")) & 1u << index) {
            snprintf(word, sizeof word, "+%s", controllers[index]);
            lao__cgroup_write(directory, "cgroup.subtree_control", word);
        }
    }
    return listed(directory, "cgroup.subtree_control");
}

/* The host's own group, for groups below it. With processes in it, handing down fails, or (cpu, pids) makes groups that
 * nobody can join: the host moves to a leaf, unless others are there too, who are not ours to move. */
static uint32_t below_own(const char *directory) {
    members_t members = is_root(directory) ? NOBODY : members_of(directory);
    char leaf[LAO__CGROUP_PLACE_SIZE];
    char pid[16];
    uint32_t bits;
    if (members == NOBODY) {
        return hand_down(directory);
    }
    if (members == OTHERS || listed(directory, "cgroup.controllers") == 0 ||
        !join_path(leaf, sizeof leaf, directory, LEAF) || (mkdir(leaf, 0755) != 0 && errno != EEXIST)) {
        return 0;
    }
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    if (!lao__cgroup_write(leaf, "cgroup.procs", pid)) {
        rmdir(leaf);
        return 0;
    }
    bits = hand_down(directory);
    if (bits == 0) { /* in vain: back again */
        lao__cgroup_write(directory, "cgroup.procs", pid);
        rmdir(leaf);
    }
    return bits;
}

/* A process moves between two groups only by leave of a group above both. */
static bool may_move_members(const char *directory) {
    char path[LAO__CGROUP_PLACE_SIZE + 16];
    return join_path(path, sizeof path, directory, "cgroup.procs") && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

static bool is_unlimited(const char *directory, const char *file) {
    char text[64];
    return !lao__cgroup_read(directory, file, text, sizeof text) || strncmp(text, "max", 3) == 0;
}

static void find_unified(char *directory) {
    const char *own = strrchr(directory, '/');
    uint32_t bits = 0;
    uint32_t index;
    int level;
    if (own != NULL && strcmp(own + 1, LEAF) == 0) {
        directory[own - directory] = '\0'; /* a host that moved there before, or a child of it */
    }
    for (level = 0; level <= CLIMB && bits == 0; level++) {
        char *last;
        if (level == 0) {
            bits = may_write(directory) ? below_own(directory) : 0;
            continue;
        }
        /* Beside its own group: it must not escape limits that somebody set for the host. Others' groups are not
         * changed: their controllers count only if they are handed down already. */
        if (!is_unlimited(directory, "memory.max") || !is_unlimited(directory, "memory.high") ||
            !is_unlimited(directory, "cpu.max")) {
            return;
        }
        last = strrchr(directory, '/');
        if (last == NULL) {
            return;
        }
        *last = '\0';
        if (!may_write(directory) || !may_move_members(directory)) {
            continue;
        }
        bits = is_root(directory) || members_of(directory) == NOBODY ? listed(directory, "cgroup.subtree_control") : 0;
    }
    for (index = 0; index < LAO__CGROUP_CONTROLLERS; index++) {
        if (bits & 1u << index && places[index].directory[0] == '\0') {
            strcpy(places[index].directory, directory);
            places[index].unified = true;
        }
    }
}

static void find(void) {
    hierarchy_t hierarchies[LAO__CGROUP_CONTROLLERS + 1];
    uint32_t index;
    memset(hierarchies, 0, sizeof hierarchies);
    each_line("/proc/self/cgroup", take_group, hierarchies);
    each_line("/proc/self/mountinfo", take_mount, hierarchies);
    for (index = 0; index < LAO__CGROUP_CONTROLLERS; index++) {
        if (hierarchies[index].directory[0] != '\0' && may_write(hierarchies[index].directory)) {
            strcpy(places[index].directory, hierarchies[index].directory);
        }
    }
    if (hierarchies[LAO__CGROUP_CONTROLLERS].directory[0] != '\0') {
        find_unified(hierarchies[LAO__CGROUP_CONTROLLERS].directory);
    }
}

const lao__cgroup_place_t *lao__cgroup_places(void) {
    pthread_once(&found, find);
    return places;
}
