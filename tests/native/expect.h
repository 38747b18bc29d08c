/* What the native tests need: expectations that say where they failed, and threads that start together.
 *
 * A test is one program: RUN its functions from main, return 0 at the end. A failed expectation ends the program. */
#ifndef LAO_TESTS_EXPECT_H
#define LAO_TESTS_EXPECT_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN(test)                                                                                                      \
    do {                                                                                                               \
        printf("%s\n", #test);                                                                                         \
        fflush(stdout);                                                                                                \
        test();                                                                                                        \
    } while (0)

#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition);                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Two integers, compared and shown as signed 64-bit numbers. */
#define EXPECT_EQUAL(actual, wanted)                                                                                   \
    do {                                                                                                               \
        int64_t actual_ = (int64_t)(actual);                                                                           \
        int64_t wanted_ = (int64_t)(wanted);                                                                           \
        if (actual_ != wanted_) {                                                                                      \
            fprintf(stderr, "%s:%d: %s is %" PRId64 ", expected %" PRId64 "\n", __FILE__, __LINE__, #actual, actual_,  \
                    wanted_);                                                                                          \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#define EXPECT_TEXT(actual, wanted)                                                                                    \
    do {                                                                                                               \
        const char *text_ = (actual);                                                                                  \
        if (text_ == NULL || strcmp(text_, (wanted)) != 0) {                                                           \
            fprintf(stderr, "%s:%d: %s is \"%s\", expected \"%s\"\n", __FILE__, __LINE__, #actual,                     \
                    text_ != NULL ? text_ : "(null)", (wanted));                                                       \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#define EXPECT_CONTAINS(actual, part)                                                                                  \
    do {                                                                                                               \
        const char *text_ = (actual);                                                                                  \
        if (text_ == NULL || strstr(text_, (part)) == NULL) {                                                          \
            fprintf(stderr, "%s:%d: %s is \"%s\", without \"%s\"\n", __FILE__, __LINE__, #actual,                      \
                    text_ != NULL ? text_ : "(null)", (part));                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* How a child process that runs `body` ends: what waitpid says. Its standard error is thrown away. */
__attribute__((unused)) static int outcome_of(void (*body)(void)) {
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        EXPECT(freopen("/dev/null", "w", stderr) != NULL);
        body();
        _exit(0);
    }
    EXPECT(waitpid(child, &status, 0) == child);
    return status;
}

/* A deterministic generator (xorshift64*): the same seed gives the same run everywhere. */
__attribute__((unused)) static uint64_t next_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

#endif /* LAO_TESTS_EXPECT_H */
