/* The settings of an instance, by tables of fields. */
#ifndef LAO_C_SETTINGS_H
#define LAO_C_SETTINGS_H

#include "check.h"

/* LAO_INVALID_CONFIG when a setting is not as declared, or missing. Settings that are not declared are not looked at.
 * [thread: any] [state: in create and configure] */
static inline lao_status_t lao_settings_check(const lao_field_t *fields, const lao_config_t *config,
                                              lao_error_t *error) {
    for (; fields != NULL && fields->name != NULL; fields++) {
        char what[300];
        char *text = NULL;
        int truth;
        lao_json_t value = {NULL, 0};
        lao_param_t given;
        lao_status_t status;
        int found = lao_json_member(config->json, config->json_size, fields->name, &value);
        if (found < 0) {
            return lao_fail(error, LAO_INVALID_CONFIG, "the configuration is not a JSON object");
        }
        if (found == 0) {
            if ((fields->flags & LAO_FIELD_REQUIRED) != 0) {
                return lao_failf(error, LAO_INVALID_CONFIG, "the setting `%s` is missing", fields->name);
            }
            continue;
        }
        memset(&given, 0, sizeof given);
        given.type = LAO_PARAM_JSON;
        given.data = value.at;
        given.size = value.size;
        if (*value.at == '"') {
            text = lao_json_text(value, &given.size);
            if (text == NULL) {
                return LAO_OUT_OF_MEMORY;
            }
            given.type = LAO_PARAM_TEXT;
            given.data = text;
        } else if (lao_json_boolean(value, &truth)) {
            given.type = LAO_PARAM_BOOL;
        } else if (lao_json_integer(value, &given.integer)) {
            given.type = LAO_PARAM_INT;
        } else if (lao_json_number(value, &given.number)) {
            given.type = LAO_PARAM_DOUBLE;
        }
        snprintf(what, sizeof what, "`%s`", fields->name);
        status = lao__field_check(fields, &given, what, LAO_INVALID_CONFIG, error);
        free(text);
        if (status != LAO_OK) {
            return status;
        }
    }
    return LAO_OK;
}

/* A setting that was checked, or its default. [thread: any] [state: in create and configure] */

static inline int64_t lao_setting_int(const lao_config_t *config, const lao_field_t *fields, const char *name) {
    int64_t integer = lao__field_of(fields, name, LAO_PARAM_INT)->integer;
    lao_json_t value;
    if (lao_json_member(config->json, config->json_size, name, &value) > 0) {
        (void)lao_json_integer(value, &integer);
    }
    return integer;
}

static inline double lao_setting_number(const lao_config_t *config, const lao_field_t *fields, const char *name) {
    double number = lao__field_of(fields, name, LAO_PARAM_DOUBLE)->number;
    lao_json_t value;
    if (lao_json_member(config->json, config->json_size, name, &value) > 0) {
        (void)lao_json_number(value, &number);
    }
    return number;
}

static inline int lao_setting_bool(const lao_config_t *config, const lao_field_t *fields, const char *name) {
    int truth = lao__field_of(fields, name, LAO_PARAM_BOOL)->integer != 0;
    lao_json_t value;
    if (lao_json_member(config->json, config->json_size, name, &value) > 0) {
        (void)lao_json_boolean(value, &truth);
    }
    return truth;
}

/* A copy, NUL-terminated, freed with free(); NULL without memory. */
static inline char *lao_setting_text(const lao_config_t *config, const lao_field_t *fields, const char *name,
                                     uint64_t *size) {
    const lao_field_t *field = lao__field_of(fields, name, LAO_PARAM_TEXT);
    const char *otherwise = field->text != NULL ? field->text : "";
    lao_json_t value;
    char *copy;
    if (lao_json_member(config->json, config->json_size, name, &value) > 0) {
        return lao_json_text(value, size);
    }
    *size = strlen(otherwise);
    copy = (char *)malloc((size_t)*size + 1);
    if (copy != NULL) {
        memcpy(copy, otherwise, (size_t)*size + 1);
    }
    return copy;
}

#endif /* LAO_C_SETTINGS_H */
