/* Which files a plugin reaches. The files of these tests are open to everybody: only the sandbox keeps them shut. */
#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "sandboxed.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static char tree[64] = "/tmp/lao-sandbox-XXXXXX"; /* holds granted/, listed/, readable/ and secret */
static char plan[2048];

static const char *at(const char *name) {
    static char path[4][256];
    static unsigned next;
    char *text = path[next++ % 4];
    snprintf(text, 256, "%s/%s", tree, name);
    return text;
}

static void put(const char *path) {
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    EXPECT(file >= 0 && write(file, "secret", 6) == 6 && fchmod(file, 0666) == 0);
    close(file);
}

static void make_tree(void) {
    static const char *const folders[] = {"granted", "granted/inner", "readable", "listed"};
    size_t index;
    EXPECT(mkdtemp(tree) != NULL && chmod(tree, 0777) == 0);
    for (index = 0; index < COUNT(folders); index++) {
        EXPECT(mkdir(at(folders[index]), 0777) == 0 && chmod(at(folders[index]), 0777) == 0);
    }
    put(at("secret"));
    put(at("granted/own"));
    put(at("readable/text"));
    put(at("listed/name"));
    EXPECT(symlink(at("secret"), at("granted/to_secret")) == 0);
    EXPECT(symlink(at("granted"), at("link_to_granted")) == 0);
    EXPECT(link(at("secret"), at("granted/second_name")) == 0);
    snprintf(plan, sizeof plan, BASE_PLAN "write %s\nread %s\nread_list %s\nread %s\nfile_bytes 65536\n", at("granted"),
             at("readable"), at("listed"), at("not_there"));
}

static void remove_tree(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", tree);
    EXPECT(system(command) == 0);
}

/* What an older kernel's Landlock does not refuse, the other walls have to. */
static void on_all_kernels(const attempt_t *attempts, size_t count) {
    static const char *const versions[] = {"", "landlock 6\n", "landlock 3\n", "landlock 2\n"};
    size_t index;
    for (index = 0; index < COUNT(versions); index++) {
        char older[4096];
        snprintf(older, sizeof older, "%s%s", plan, versions[index]);
        run_attempts(older, attempts, count);
    }
}

/* --- Reading --- */

static int read_of(const char *path) { return ATTEMPT(open(path, O_RDONLY)); }
static int read_outside(void) { return read_of(at("secret")); }
static int read_upwards(void) { return read_of(at("granted/../secret")); }
static int read_through_link(void) { return read_of(at("granted/to_secret")); }
static int read_second_name(void) { return read_of(at("granted/second_name")); }
static int read_passwords(void) { return read_of("/etc/passwd"); }
static int read_parent(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/environ", (int)getppid());
    return read_of(path);
}
static int read_granted(void) { return read_of(at("readable/text")); }
static int list_outside(void) { return ATTEMPT(open(tree, O_RDONLY | O_DIRECTORY)); }
static int list_listed(void) { return ATTEMPT(open(at("listed"), O_RDONLY | O_DIRECTORY)); }
static int read_listed(void) { return read_of(at("listed/name")); }
static int read_own_maps(void) { return read_of("/proc/self/maps"); }

static void reading(void) {
    static const attempt_t attempts[] = {
        {"a file outside", read_outside, EACCES},
        {"a file upwards", read_upwards, EACCES},
        {"a file through a link", read_through_link, EACCES},
        {"/etc/passwd", read_passwords, EACCES},
        {"the parent's environment", read_parent, EACCES},
        {"a file of a readable directory", read_granted, 0},
        {"the names outside", list_outside, EACCES},
        {"the names of a listed directory", list_listed, 0},
        {"a file of a listed directory", read_listed, EACCES},
        {"its own memory map", read_own_maps, 0},
        /* Why the host refuses to grant a directory with second names in it: the kernel cannot tell them. */
        {"a second name of a file outside", read_second_name, 0},
    };
    on_all_kernels(attempts, COUNT(attempts));
}

/* --- Changing --- */

static int write_to(const char *path, int flags) { return ATTEMPT(open(path, O_WRONLY | flags, 0666)); }
static int write_outside(void) { return write_to(at("secret"), 0); }
static int create_outside(void) { return write_to(at("new"), O_CREAT); }
static int write_readable(void) { return write_to(at("readable/text"), 0); }
static int truncate_readable(void) { return ATTEMPT(truncate(at("readable/text"), 0)); }
static int truncate_opened(void) { return ATTEMPT(open(at("readable/text"), O_RDONLY | O_TRUNC)); }
static int create_readable(void) { return write_to(at("readable/new"), O_CREAT); }
static int remove_readable(void) { return ATTEMPT(unlink(at("readable/text"))); }
static int remove_outside(void) { return ATTEMPT(unlink(at("secret"))); }
static int rename_out(void) { return ATTEMPT(rename(at("granted/own"), at("taken"))); }
static int rename_in(void) { return ATTEMPT(rename(at("secret"), at("granted/taken"))); }
static int exchange(void) {
    return ATTEMPT(syscall(SYS_renameat2, AT_FDCWD, at("granted/own"), AT_FDCWD, at("readable/text"), 2));
}
static int make_folder_outside(void) { return ATTEMPT(mkdir(at("folder"), 0777)); }
static int create_granted(void) {
    int reason = write_to(at("granted/new"), O_CREAT);
    return reason != 0 ? reason : ATTEMPT(unlink(at("granted/new")));
}
static int make_folder_granted(void) {
    int reason = ATTEMPT(mkdir(at("granted/folder"), 0777));
    return reason != 0 ? reason : ATTEMPT(rmdir(at("granted/folder")));
}
static int rename_granted(void) {
    int reason = ATTEMPT(rename(at("granted/own"), at("granted/other")));
    return reason != 0 ? reason : ATTEMPT(rename(at("granted/other"), at("granted/own")));
}
static int rename_between(void) {
    int reason = ATTEMPT(rename(at("granted/own"), at("granted/inner/own")));
    return reason != 0 ? reason : ATTEMPT(rename(at("granted/inner/own"), at("granted/own")));
}
static int reopen(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", open(at("readable/text"), O_RDONLY));
    return write_to(path, 0);
}
static int write_own_memory(void) { return ATTEMPT(open("/proc/self/mem", O_RDWR)); }
static int write_large(void) {
    static char block[4096];
    int file = open(at("granted/own"), O_WRONLY);
    int blocks = 0;
    while (write(file, block, sizeof block) == (ssize_t)sizeof block) {
        blocks++;
    }
    return blocks == 16 ? errno : 0;
}
static int lock_readable(void) { return ATTEMPT(flock(open(at("readable/text"), O_RDONLY), LOCK_EX | LOCK_NB)); }

static void changing(void) {
    static const attempt_t attempts[] = {
        {"writing outside", write_outside, EACCES},
        {"creating outside", create_outside, EACCES},
        {"writing what is readable", write_readable, EACCES},
        {"truncating what is readable", truncate_readable, EACCES},
        {"truncating while opening", truncate_opened, EACCES},
        {"creating among what is readable", create_readable, EACCES},
        {"removing what is readable", remove_readable, EACCES},
        {"removing outside", remove_outside, EACCES},
        {"renaming out", rename_out, EACCES},
        {"renaming in", rename_in, EACCES},
        {"exchanging", exchange, EACCES},
        {"a folder outside", make_folder_outside, EACCES},
        {"creating", create_granted, 0},
        {"a folder", make_folder_granted, 0},
        {"renaming", rename_granted, 0},
        {"renaming into another folder of it", rename_between, 0},
        {"reopening for writing", reopen, EACCES},
        {"writing its memory through /proc", write_own_memory, EACCES},
        {"a file beyond the bound", write_large, EFBIG},
        {"locking what is readable", lock_readable, 0},
    };
    on_all_kernels(attempts, COUNT(attempts));
}

/* --- A private /tmp --- */

static void make_namespaces(void) { EXPECT(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0); }
static bool unshare_works(void) { return outcome_of(make_namespaces) == 0; }

static int nothing_of_others(void) { return ATTEMPT(open(tree, O_RDONLY)); }
static int fill_scratch(void) {
    static char block[65536];
    int file = open("/tmp/file", O_WRONLY | O_CREAT, 0600);
    size_t written = 0;
    ssize_t got;
    while ((got = write(file, block, sizeof block)) > 0) {
        written += (size_t)got;
    }
    return file >= 0 && written >= 1 << 19 && written <= 1 << 20 ? errno : -1;
}
static int many_files(void) {
    char path[64];
    int count;
    for (count = 0; count < 10000; count++) {
        int file;
        snprintf(path, sizeof path, "/tmp/%d", count);
        file = open(path, O_WRONLY | O_CREAT, 0600);
        if (file < 0) {
            return errno;
        }
        close(file);
    }
    return 0;
}
static int run_from_scratch(void) {
    int file = open("/tmp/code", O_RDWR | O_CREAT, 0700);
    EXPECT(ftruncate(file, 4096) == 0);
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) == MAP_FAILED ? errno : 0;
}

static void scratch(void) {
    static const attempt_t attempts[] = {
        {"what others keep there", nothing_of_others, ENOENT},
        {"a file that is too large", fill_scratch, ENOSPC},
        {"too many files", many_files, ENOSPC},
        {"code in it", run_from_scratch, EPERM},
    };
    if (unshare_works()) {
        run_attempts(BASE_PLAN "namespaces user,mount\nscratch 1048576\n", attempts, COUNT(attempts));
    } else {
        printf("  skipped: no mount namespaces\n");
    }
}

/* --- Roots that are not what they were --- */

static int nothing(void) { return 0; }

static void without_landlock(void) {
    static const attempt_t entered[] = {{"reading outside", read_outside, 0}};
    static const attempt_t refused[] = {{"entering", nothing, NO_SANDBOX}};
    char older[4096];
    snprintf(older, sizeof older, "%slandlock 0\n", plan);
    run_attempts(older, entered, 1); /* what was asked for, and reported as none */
    snprintf(older, sizeof older, "%slandlock 0\nrequire P1\n", plan);
    run_attempts(older, refused, 1);
}

static void refused_roots(void) {
    char swapped[512];
    const attempt_t attempts[] = {{"entering", nothing, NO_SANDBOX}};
    snprintf(swapped, sizeof swapped, BASE_PLAN "write %s\n", at("link_to_granted"));
    run_attempts(swapped, attempts, 1);
    snprintf(swapped, sizeof swapped, BASE_PLAN "write %s/inner\n", at("link_to_granted"));
    run_attempts(swapped, attempts, 1);
}

int main(void) {
    umask(0);
    make_tree();
    RUN(reading);
    RUN(changing);
    RUN(scratch);
    RUN(refused_roots);
    RUN(without_landlock);
    remove_tree();
    return 0;
}
