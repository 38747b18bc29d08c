/* What is given, held against declared fields. */
#ifndef LAO_C_CHECK_H
#define LAO_C_CHECK_H

#include "fields.h"
#include "text.h"

static inline int lao__is_choice(const char *choices, const char *text, uint64_t size) {
    while (choices != NULL && *choices != '\0') {
        const size_t length = strcspn(choices, "|");
        if (length == size && memcmp(choices, text, length) == 0) {
            return 1;
        }
        choices += length + (choices[length] == '|');
    }
    return choices == NULL;
}

static inline lao_status_t lao__choice_wrong(const char *choices, const char *text, uint64_t size, const char *what,
                                             lao_status_t status, lao_error_t *error) {
    lao_text_t said = {0, 0, 0, 0};
    lao_text_putf(&said, "%s must be one of ", what);
    for (; *choices != '\0'; choices++) {
        lao_text_add(&said, *choices == '|' ? ", " : choices, *choices == '|' ? 2 : 1);
    }
    lao_text_put(&said, "; not `");
    lao_text_add(&said, text, size);
    lao_text_put(&said, "`");
    status = lao_fail(error, status, said.failed ? what : said.at);
    free(said.at);
    return status;
}

static inline lao_status_t lao__field_range(const lao_field_t *field, double value, const char *what, const char *unit,
                                            lao_status_t status, lao_error_t *error) {
    const int least = field->minimum > -DBL_MAX, most = field->maximum < DBL_MAX;
    if ((field->flags & LAO_FIELD_BOUNDED) == 0 || (value >= field->minimum && value <= field->maximum)) {
        return LAO_OK;
    }
    if (least && most) {
        return lao_failf(error, status, "%s must be between %.15g and %.15g%s", what, field->minimum, field->maximum,
                         unit);
    }
    return least ? lao_failf(error, status, "%s must be at least %.15g%s", what, field->minimum, unit)
                 : lao_failf(error, status, "%s must be at most %.15g%s", what, field->maximum, unit);
}

/* LAO_OK when `given` is what the field declares; otherwise `status`, with a text that begins with `what`. Inside lists
 * and objects only the host looks, by the schema. */
static inline lao_status_t lao__field_check(const lao_field_t *field, const lao_param_t *given, const char *what,
                                            lao_status_t status, lao_error_t *error) {
    const char *data = given->size > 0 ? (const char *)given->data : "";
    switch (field->type) {
    case LAO_PARAM_BOOL:
        return given->type == LAO_PARAM_BOOL ? (lao_status_t)LAO_OK
                                             : lao_failf(error, status, "%s must be true or false", what);
    case LAO_PARAM_INT:
        if (given->type != LAO_PARAM_INT) {
            return lao_failf(error, status, "%s must be an integer", what);
        }
        return lao__field_range(field, (double)given->integer, what, "", status, error);
    case LAO_PARAM_DOUBLE:
        if (given->type != LAO_PARAM_DOUBLE && given->type != LAO_PARAM_INT) {
            return lao_failf(error, status, "%s must be a number", what);
        }
        return lao__field_range(field, given->type == LAO_PARAM_INT ? (double)given->integer : given->number, what, "",
                                status, error);
    case LAO_PARAM_TEXT:
        if (given->type != LAO_PARAM_TEXT) {
            return lao_failf(error, status, "%s must be a text", what);
        }
        if (!lao__is_choice(field->choices, data, given->size)) {
            return lao__choice_wrong(field->choices, data, given->size, what, status, error);
        }
        return lao__field_range(field, (double)lao_utf8_count(data, given->size), what, " characters long", status,
                                error);
    case LAO_PARAM_BYTES:
        return given->type == LAO_PARAM_BYTES ? (lao_status_t)LAO_OK
                                              : lao_failf(error, status, "%s must be bytes", what);
    case LAO_FIELD_LIST:
        return given->type == LAO_PARAM_JSON && *data == '[' ? (lao_status_t)LAO_OK
                                                             : lao_failf(error, status, "%s must be a list", what);
    case LAO_FIELD_OBJECT:
        return given->type == LAO_PARAM_JSON && *data == '{' ? (lao_status_t)LAO_OK
                                                             : lao_failf(error, status, "%s must be an object", what);
    default:
        return LAO_OK;
    }
}

/* LAO_INVALID_PARAMETER when a parameter of the call is not as declared, is not declared, or is missing.
 * [thread: any] [state: during the call] */
static inline lao_status_t lao_fields_check(const lao_field_t *fields, const lao_request_t *request,
                                            lao_error_t *error) {
    char what[300];
    uint32_t i;
    for (i = 0; i < request->param_count; i++) {
        const lao_param_t *given = request->params[i];
        const lao_field_t *field = lao_field_find(fields, given->name);
        lao_status_t status;
        if (field == NULL) {
            return lao_failf(error, LAO_INVALID_PARAMETER, "there is no parameter `%s`", given->name);
        }
        snprintf(what, sizeof what, "parameter `%s`", field->name);
        status = lao__field_check(field, given, what, LAO_INVALID_PARAMETER, error);
        if (status != LAO_OK) {
            return status;
        }
    }
    for (; fields != NULL && fields->name != NULL; fields++) {
        if ((fields->flags & LAO_FIELD_REQUIRED) != 0 && lao_param_find(request, fields->name) == NULL) {
            return lao_failf(error, LAO_INVALID_PARAMETER, "the parameter `%s` is missing", fields->name);
        }
    }
    return LAO_OK;
}

#endif /* LAO_C_CHECK_H */
