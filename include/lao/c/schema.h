/* JSON Schemas of declared fields. */
#ifndef LAO_C_SCHEMA_H
#define LAO_C_SCHEMA_H

#include "fields.h"
#include "text.h"

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

#endif /* LAO_C_SCHEMA_H */
