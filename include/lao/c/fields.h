/* Parameters, settings and the members of JSON documents, declared by tables: their schemas are made from them, and what
 * is given is held against them. */
#ifndef LAO_C_FIELDS_H
#define LAO_C_FIELDS_H

#include <assert.h>
#include <float.h>
#include <inttypes.h>

#include "json.h"
#include "params.h"
#include "text.h"

enum { /* lao_field_t.type, besides LAO_PARAM_* */
       LAO_FIELD_LIST = 100,
       LAO_FIELD_OBJECT = 101
};

enum { /* lao_field_t.flags */
       LAO_FIELD_REQUIRED = 1u, /* it has no default, and must be there */
       LAO_FIELD_OPTIONAL = 2u, /* it has no default, and may be left out */
       LAO_FIELD_BOUNDED = 4u, /* `minimum` and `maximum` hold */
       LAO_FIELD_SECRET = 8u /* a password or key: it is shown nowhere */
};

/* One field, made by the macros below; a table of them ends with LAO_END. */
typedef struct lao_field {
    uint32_t type;
    uint32_t flags;
    const char *name;
    const char *description; /* "" = none */
    const char *text; /* the default of a text */
    int64_t integer; /* of an integer or a truth value */
    double number; /* of a number */
    const char *choices; /* the texts that are allowed, parted by '|'; NULL = any */
    double minimum, maximum; /* of a number; of a text its characters, of a list its items; DBL_MAX = no bound */
    const struct lao_field *members; /* of an object its fields; of a list one, what its items are; NULL = any */
    const char *format; /* JSON Schema's: "path", "uri"; NULL = none */
} lao_field_t;

#define LAO__FIELD(type, flags, name, description, text, integer, number, choices, least, most, members)               \
    {(type), (flags), (name), (description), (text), (integer), (number), (choices), (least), (most), (members), NULL}

#define LAO_TEXT(name, otherwise, description) LAO_CHOICE(name, otherwise, description, NULL)
#define LAO_CHOICE(name, otherwise, description, choices)                                                              \
    LAO__FIELD(LAO_PARAM_TEXT, 0, name, description, otherwise, 0, 0, choices, 0, 0, NULL)
#define LAO_TEXT_OF(name, otherwise, description, least, most)                                                         \
    LAO__FIELD(LAO_PARAM_TEXT, LAO_FIELD_BOUNDED, name, description, otherwise, 0, 0, NULL, least, most, NULL)
/* A path. */
#define LAO_PATH(name, otherwise, description)                                                                         \
    {LAO_PARAM_TEXT, 0, (name), (description), (otherwise), 0, 0, NULL, 0, 0, NULL, "path"}
/* A password or key, empty where it is left out; it is shown nowhere. */
#define LAO_SECRET(name, description)                                                                                  \
    LAO__FIELD(LAO_PARAM_TEXT, LAO_FIELD_SECRET, name, description, "", 0, 0, NULL, 0, 0, NULL)
#define LAO_BOOL(name, otherwise, description)                                                                         \
    LAO__FIELD(LAO_PARAM_BOOL, 0, name, description, NULL, otherwise, 0, NULL, 0, 0, NULL)
#define LAO_INT(name, otherwise, description)                                                                          \
    LAO__FIELD(LAO_PARAM_INT, 0, name, description, NULL, otherwise, 0, NULL, 0, 0, NULL)
#define LAO_INT_IN(name, otherwise, description, least, most)                                                          \
    LAO__FIELD(LAO_PARAM_INT, LAO_FIELD_BOUNDED, name, description, NULL, otherwise, 0, NULL, least, most, NULL)
#define LAO_NUMBER(name, otherwise, description)                                                                       \
    LAO__FIELD(LAO_PARAM_DOUBLE, 0, name, description, NULL, 0, otherwise, NULL, 0, 0, NULL)
#define LAO_NUMBER_IN(name, otherwise, description, least, most)                                                       \
    LAO__FIELD(LAO_PARAM_DOUBLE, LAO_FIELD_BOUNDED, name, description, NULL, 0, otherwise, NULL, least, most, NULL)
/* A list, empty where it is left out; `item` is the address of a field. */
#define LAO_LIST(name, item, description) LAO__FIELD(LAO_FIELD_LIST, 0, name, description, NULL, 0, 0, NULL, 0, 0, item)
/* Without a default. `flags`: LAO_FIELD_REQUIRED or LAO_FIELD_OPTIONAL, and LAO_FIELD_SECRET. `type`: LAO_PARAM_*,
 * LAO_FIELD_LIST or LAO_FIELD_OBJECT. */
#define LAO_FIELD(type, flags, name, description, members)                                                             \
    LAO__FIELD(type, flags, name, description, NULL, 0, 0, NULL, 0, 0, members)
#define LAO_END LAO__FIELD(0, 0, NULL, NULL, NULL, 0, 0, NULL, 0, 0, NULL)

/* The field of that name, or NULL. `fields` may be NULL. [thread: any] */
static inline const lao_field_t *lao_field_find(const lao_field_t *fields, const char *name) {
    for (; fields != NULL && fields->name != NULL; fields++) {
        if (strcmp(fields->name, name) == 0) {
            return fields;
        }
    }
    return NULL;
}

/* --- Schemas --- */

static inline void lao__schema_of(lao_text_t *out, const lao_field_t *field);

static inline void lao__schema_bound(lao_text_t *out, const char *name, const lao_field_t *field, double bound) {
    if ((field->flags & LAO_FIELD_BOUNDED) == 0 || bound >= DBL_MAX || bound <= -DBL_MAX) {
        return;
    }
    lao_text_putf(out, ",\"%s\":", name);
    if (field->type == LAO_PARAM_DOUBLE || bound > 9e15 || bound < -9e15) {
        lao_text_number(out, bound);
    } else {
        lao_text_putf(out, "%" PRId64, (int64_t)bound);
    }
}

static inline void lao__schema_choices(lao_text_t *out, const char *choices) {
    const char *mark = ",\"enum\":[";
    while (*choices != '\0') {
        const size_t size = strcspn(choices, "|");
        lao_text_put(out, mark);
        lao_text_quote(out, choices, size);
        choices += size + (choices[size] == '|');
        mark = ",";
    }
    lao_text_put(out, "]");
}

static inline void lao__schema_members(lao_text_t *out, const lao_field_t *fields) {
    const lao_field_t *field;
    const char *mark = ",\"properties\":{";
    if (fields == NULL || fields->name == NULL) {
        lao_text_put(out, ",\"properties\":{}");
        return;
    }
    for (field = fields; field->name != NULL; field++, mark = ",") {
        lao_text_put(out, mark);
        lao_text_quote(out, field->name, strlen(field->name));
        lao_text_put(out, ":");
        lao__schema_of(out, field);
    }
    lao_text_put(out, "}");
    mark = ",\"required\":[";
    for (field = fields; field->name != NULL; field++) {
        if ((field->flags & LAO_FIELD_REQUIRED) != 0) {
            lao_text_put(out, mark);
            lao_text_quote(out, field->name, strlen(field->name));
            mark = ",";
        }
    }
    lao_text_put(out, *mark == ',' && mark[1] == '\0' ? "]" : "");
}

static inline void lao__schema_default(lao_text_t *out, const lao_field_t *field) {
    if ((field->flags & (LAO_FIELD_REQUIRED | LAO_FIELD_OPTIONAL)) != 0 || field->type == LAO_PARAM_BYTES ||
        field->type == LAO_PARAM_JSON || field->type == LAO_FIELD_OBJECT) {
        return;
    }
    lao_text_put(out, ",\"default\":");
    if (field->type == LAO_PARAM_BOOL) {
        lao_text_put(out, field->integer != 0 ? "true" : "false");
    } else if (field->type == LAO_PARAM_INT) {
        lao_text_putf(out, "%" PRId64, field->integer);
    } else if (field->type == LAO_PARAM_DOUBLE) {
        lao_text_number(out, field->number);
    } else if (field->type == LAO_FIELD_LIST) {
        lao_text_put(out, "[]");
    } else {
        lao_text_quote(out, field->text, strlen(field->text));
    }
}

static inline void lao__schema_of(lao_text_t *out, const lao_field_t *field) {
    const char *type = field->type == LAO_PARAM_BOOL     ? "boolean"
                       : field->type == LAO_PARAM_INT    ? "integer"
                       : field->type == LAO_PARAM_DOUBLE ? "number"
                       : field->type == LAO_FIELD_LIST   ? "array"
                       : field->type == LAO_FIELD_OBJECT ? "object"
                                                         : "string";
    const int sized = field->type == LAO_PARAM_TEXT, counted = field->type == LAO_FIELD_LIST;
    if (field->type == LAO_PARAM_JSON) { /* whatever JSON can say */
        lao_text_put(out, "{\"description\":");
        lao_text_quote(out, field->description, strlen(field->description));
        lao_text_put(out, "}");
        return;
    }
    lao_text_putf(out, "{\"type\":\"%s\"", type);
    if (counted && field->members != NULL) {
        lao_text_put(out, ",\"items\":");
        lao__schema_of(out, field->members);
    }
    if (field->choices != NULL && *field->choices != '\0') {
        lao__schema_choices(out, field->choices);
    }
    lao__schema_default(out, field);
    lao__schema_bound(out, sized ? "minLength" : counted ? "minItems" : "minimum", field, field->minimum);
    lao__schema_bound(out, sized ? "maxLength" : counted ? "maxItems" : "maximum", field, field->maximum);
    if (field->type == LAO_PARAM_BYTES) {
        lao_text_put(out, ",\"contentEncoding\":\"base64\"");
    }
    if (field->format != NULL) {
        lao_text_put(out, ",\"format\":");
        lao_text_quote(out, field->format, strlen(field->format));
    }
    if ((field->flags & LAO_FIELD_SECRET) != 0) {
        lao_text_put(out, ",\"writeOnly\":true");
    }
    if (field->description != NULL && *field->description != '\0') {
        lao_text_put(out, ",\"description\":");
        lao_text_quote(out, field->description, strlen(field->description));
    }
    if (field->type == LAO_FIELD_OBJECT && field->members != NULL) {
        lao__schema_members(out, field->members);
    }
    lao_text_put(out, "}");
}

/* The JSON Schema of an object of these fields, freed with free(); NULL without memory. `open`: it may have others too.
 * [thread: any] */
static inline char *lao_fields_schema(const lao_field_t *fields, int open) {
    lao_text_t out = {0, 0, 0, 0};
    lao_text_put(&out, "{\"type\":\"object\"");
    lao__schema_members(&out, fields);
    lao_text_put(&out, open ? "}" : ",\"additionalProperties\":false}");
    if (out.failed) {
        free(out.at);
        return NULL;
    }
    return out.at;
}

/* --- Checks --- */

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

/* --- Reading --- */

/* The declared field; asking for one that was not declared so is a mistake of the plugin. */
static inline const lao_field_t *lao__field_of(const lao_field_t *fields, const char *name, uint32_t type) {
    const lao_field_t *field = lao_field_find(fields, name);
    assert(field != NULL && field->type == type);
    (void)type;
    return field;
}

/* A parameter of a call whose parameters were checked, or its default. Texts are followed by a NUL byte, are the host's
 * and valid during the call; `size` may be NULL. [thread: any] [state: during the call] */
static inline const char *lao_arg_text(const lao_request_t *request, const lao_field_t *fields, const char *name,
                                       uint64_t *size) {
    const lao_field_t *field = lao__field_of(fields, name, LAO_PARAM_TEXT);
    const lao_param_t *given = lao_param_find(request, name);
    const char *text = given != NULL && given->size > 0       ? (const char *)given->data
                       : given == NULL && field->text != NULL ? field->text
                                                              : "";
    if (size != NULL) {
        *size = given != NULL ? given->size : strlen(text);
    }
    return text;
}

static inline int lao_arg_bool(const lao_request_t *request, const lao_field_t *fields, const char *name) {
    const lao_field_t *field = lao__field_of(fields, name, LAO_PARAM_BOOL);
    const lao_param_t *given = lao_param_find(request, name);
    return (given != NULL ? given->integer : field->integer) != 0;
}

static inline int64_t lao_arg_int(const lao_request_t *request, const lao_field_t *fields, const char *name) {
    const lao_field_t *field = lao__field_of(fields, name, LAO_PARAM_INT);
    const lao_param_t *given = lao_param_find(request, name);
    return given != NULL ? given->integer : field->integer;
}

static inline double lao_arg_number(const lao_request_t *request, const lao_field_t *fields, const char *name) {
    const lao_field_t *field = lao__field_of(fields, name, LAO_PARAM_DOUBLE);
    const lao_param_t *given = lao_param_find(request, name);
    return given == NULL ? field->number : given->type == LAO_PARAM_INT ? (double)given->integer : given->number;
}

/* A list or an object, as JSON; "[]" for a list that was left out. */
static inline lao_json_t lao_arg_json(const lao_request_t *request, const lao_field_t *fields, const char *name) {
    const lao_field_t *field = lao_field_find(fields, name);
    const lao_param_t *given = lao_param_find(request, name);
    lao_json_t value = {field != NULL && field->type == LAO_FIELD_LIST ? "[]" : "null", 0};
    value.size = strlen(value.at);
    if (given != NULL && given->type == LAO_PARAM_JSON) {
        value.at = (const char *)given->data;
        value.size = given->size;
    }
    return value;
}

#endif /* LAO_C_FIELDS_H */
