/* The isolated backend: a target whose calls run in worker processes. */
#ifndef LAO_IPC_ISOLATED_H
#define LAO_IPC_ISOLATED_H

#include "../core/target.h"

#define LAO__MAX_WORKERS 64u

typedef struct lao__isolated_options {
    const char *executable; /* the worker; absolute path */
    const char *library;    /* absolute path */
    const char *config_json;
    const char *resource_dir; /* NULL = none */
    const char *data_dir;     /* NULL = none */
    uint32_t workers;         /* 1..LAO__MAX_WORKERS; all but the first start when they are needed */
    int64_t timeout_ns;       /* of each call; LAO__NO_DEADLINE = none */
    int64_t open_timeout_ns;  /* of starting a worker and loading the plugin in it */
    int64_t grace_ns;         /* between the cancel word and the end of the worker */
} lao__isolated_options_t;

/* Starts the first worker and loads the plugin in it. `*description` is the JSON of lao__describe, freed by the
 * caller. */
lao_status_t lao__isolated_open(const lao__isolated_options_t *options, lao__target_t **target, char **description,
                                lao__error_t *error);

/* The newest bytes that the workers printed. */
uint32_t lao__isolated_output(lao__target_t *target, char *bytes, uint32_t size);

/* The process id of a running worker, or 0. */
int32_t lao__isolated_pid(lao__target_t *target, uint32_t index);

#endif
