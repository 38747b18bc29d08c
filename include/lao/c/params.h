/* The parameters of a call, by name and with their type checked. */
#ifndef LAO_C_PARAMS_H
#define LAO_C_PARAMS_H

#include <string.h>

#include "../plugin.h"
#include "fail.h"

/* The parameter of that name, or NULL. Valid during the call. [thread: any] [state: during the call] */
static inline const lao_param_t *lao_param_find(const lao_request_t *request, const char *name) {
    uint32_t i;
    for (i = 0; i < request->param_count; i++) {
        if (strcmp(request->params[i]->name, name) == 0) {
            return request->params[i];
        }
    }
    return NULL;
}

static inline lao_status_t lao__param_wrong(lao_error_t *error, const char *name, const char *wanted) {
    return lao_failf(error, LAO_INVALID_PARAMETER, "parameter `%s` must be %s", name, wanted);
}

/* Each of these leaves `*value`, the default, as it is when the parameter was not given, and fails with
 * LAO_INVALID_PARAMETER when it has another type. [thread: any] [state: during the call] */

/* UTF-8, followed by a NUL byte; the host's, valid during the call. `size` may be NULL. */
static inline lao_status_t lao_param_text(const lao_request_t *request, const char *name, const char **value,
                                          uint64_t *size, lao_error_t *error) {
    const lao_param_t *param = lao_param_find(request, name);
    if (param == NULL) {
        return LAO_OK;
    }
    if (param->type != LAO_PARAM_TEXT) {
        return lao__param_wrong(error, name, "a text");
    }
    *value = param->size > 0 ? (const char *)param->data : "";
    if (size != NULL) {
        *size = param->size;
    }
    return LAO_OK;
}

static inline lao_status_t lao_param_bool(const lao_request_t *request, const char *name, int *value,
                                          lao_error_t *error) {
    const lao_param_t *param = lao_param_find(request, name);
    if (param != NULL && param->type != LAO_PARAM_BOOL) {
        return lao__param_wrong(error, name, "true or false");
    }
    if (param != NULL) {
        *value = param->integer != 0;
    }
    return LAO_OK;
}

static inline lao_status_t lao_param_int(const lao_request_t *request, const char *name, int64_t *value,
                                         lao_error_t *error) {
    const lao_param_t *param = lao_param_find(request, name);
    if (param != NULL && param->type != LAO_PARAM_INT) {
        return lao__param_wrong(error, name, "an integer");
    }
    if (param != NULL) {
        *value = param->integer;
    }
    return LAO_OK;
}

/* An integer is a number too. */
static inline lao_status_t lao_param_double(const lao_request_t *request, const char *name, double *value,
                                            lao_error_t *error) {
    const lao_param_t *param = lao_param_find(request, name);
    if (param != NULL && param->type != LAO_PARAM_DOUBLE && param->type != LAO_PARAM_INT) {
        return lao__param_wrong(error, name, "a number");
    }
    if (param != NULL) {
        *value = param->type == LAO_PARAM_INT ? (double)param->integer : param->number;
    }
    return LAO_OK;
}

/* LAO_INVALID_PARAMETER when a parameter was given whose name is not among the `count` names.
 * [thread: any] [state: during the call] */
static inline lao_status_t lao_params_only(const lao_request_t *request, const char *const *names, uint32_t count,
                                           lao_error_t *error) {
    uint32_t i, k;
    for (i = 0; i < request->param_count; i++) {
        for (k = 0; k < count && strcmp(request->params[i]->name, names[k]) != 0; k++) {
        }
        if (k == count) {
            return lao_failf(error, LAO_INVALID_PARAMETER, "there is no parameter `%s`", request->params[i]->name);
        }
    }
    return LAO_OK;
}

#endif /* LAO_C_PARAMS_H */
