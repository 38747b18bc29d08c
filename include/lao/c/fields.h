/* Parameters, settings and the members of JSON documents, declared by tables. Their schemas are made from them (schema.h),
 * and what is given is held against them (check.h). */
#ifndef LAO_C_FIELDS_H
#define LAO_C_FIELDS_H

#include <assert.h>
#include <float.h>
#include <inttypes.h>

#include "json.h"
#include "params.h"

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
