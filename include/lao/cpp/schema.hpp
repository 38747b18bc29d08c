// What parameters, settings, JSON inputs and outputs, and the data of events consist of: declared once, as fields.
#ifndef LAO_CPP_SCHEMA_HPP
#define LAO_CPP_SCHEMA_HPP

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "../value.h"
#include "json_write.hpp"

namespace lao {

namespace detail {
inline constexpr double unbounded = std::numeric_limits<double>::infinity();
} // namespace detail

// One declared field; made by the functions below. A `..._param` has a default, and may be left out; a `..._field` has
// none, and must be there.
struct Param {
    enum class Shape { plain, list, object, anything }; // of what crosses as JSON

    std::uint32_t type; // LAO_PARAM_*
    std::string name;
    // The default: of a list or an object as JSON; none for a field.
    std::variant<std::monostate, bool, std::int64_t, double, std::string> otherwise;
    std::string description;
    std::vector<std::string> choices; // of a text; empty: any
    // Of a number; of a text its length in characters, of a list its items. Both bounds belong to it.
    double minimum = -detail::unbounded;
    double maximum = detail::unbounded;
    Shape shape = Shape::plain;
    std::vector<Param> members = {}; // of an object its fields; of a list one, what its items are
    std::string format = "";         // JSON Schema's: "path", "uri", ...; empty: none
    bool is_secret = false;     // never shown
    bool may_lack = false;      // a field that may be left out

    // What the text stands for, such as "path" or "uri".
    Param as(std::string wanted) && {
        format = std::move(wanted);
        return std::move(*this);
    }
    // A password or key: it is shown nowhere.
    Param secret() && {
        is_secret = true;
        return std::move(*this);
    }
    // Nothing is given in its place where it is left out: ask with has(). Not for what has a default.
    Param optional() && {
        may_lack = true;
        return std::move(*this);
    }
    // The length of a text in characters, or of a list in items.
    Param sized(double least, double most = detail::unbounded) && {
        minimum = least;
        maximum = most;
        return std::move(*this);
    }
    bool has_default() const noexcept { return otherwise.index() != 0; }
};

inline Param text_param(std::string name, std::string otherwise, std::string description = "",
                        std::vector<std::string> choices = {}) {
    return {LAO_PARAM_TEXT, std::move(name), std::move(otherwise), std::move(description), std::move(choices)};
}
inline Param bool_param(std::string name, bool otherwise, std::string description = "") {
    return {LAO_PARAM_BOOL, std::move(name), otherwise, std::move(description), {}};
}
inline Param int_param(std::string name, std::int64_t otherwise, std::string description = "",
                       double minimum = -detail::unbounded, double maximum = detail::unbounded) {
    return {LAO_PARAM_INT, std::move(name), otherwise, std::move(description), {}, minimum, maximum};
}
inline Param number_param(std::string name, double otherwise, std::string description = "",
                          double minimum = -detail::unbounded, double maximum = detail::unbounded) {
    return {LAO_PARAM_DOUBLE, std::move(name), otherwise, std::move(description), {}, minimum, maximum};
}
// A list, empty when it is left out; `item` is a field, whose name does not matter.
inline Param list_param(std::string name, Param item, std::string description = "") {
    Param made{LAO_PARAM_JSON, std::move(name), std::string("[]"), std::move(description), {}};
    made.shape = Param::Shape::list;
    made.members.push_back(std::move(item));
    return made;
}

inline Param text_field(std::string name, std::string description = "", std::vector<std::string> choices = {}) {
    return {LAO_PARAM_TEXT, std::move(name), {}, std::move(description), std::move(choices)};
}
inline Param bool_field(std::string name, std::string description = "") {
    return {LAO_PARAM_BOOL, std::move(name), {}, std::move(description), {}};
}
inline Param int_field(std::string name, std::string description = "", double minimum = -detail::unbounded,
                       double maximum = detail::unbounded) {
    return {LAO_PARAM_INT, std::move(name), {}, std::move(description), {}, minimum, maximum};
}
inline Param number_field(std::string name, std::string description = "", double minimum = -detail::unbounded,
                          double maximum = detail::unbounded) {
    return {LAO_PARAM_DOUBLE, std::move(name), {}, std::move(description), {}, minimum, maximum};
}
inline Param list_field(std::string name, Param item, std::string description = "") {
    Param made = list_param(std::move(name), std::move(item), std::move(description));
    made.otherwise = std::monostate();
    return made;
}
// An object; with no members, one of any members.
inline Param object_field(std::string name, std::vector<Param> members, std::string description = "") {
    Param made{LAO_PARAM_JSON, std::move(name), {}, std::move(description), {}};
    made.shape = Param::Shape::object;
    made.members = std::move(members);
    return made;
}
// Whatever JSON can say.
inline Param json_field(std::string name, std::string description = "") {
    Param made{LAO_PARAM_JSON, std::move(name), {}, std::move(description), {}};
    made.shape = Param::Shape::anything;
    return made;
}
// Bytes. They have no default.
inline Param bytes_field(std::string name, std::string description = "") {
    return {LAO_PARAM_BYTES, std::move(name), {}, std::move(description), {}};
}

namespace detail {

inline void set_bound(JsonObject &schema, const Param &param, const char *of_number, const char *of_text,
                      const char *of_list, double bound) {
    if (std::isinf(bound)) {
        return;
    }
    const bool is_number = param.type == LAO_PARAM_INT || param.type == LAO_PARAM_DOUBLE;
    const char *name = is_number ? of_number : param.type == LAO_PARAM_TEXT ? of_text : of_list;
    if (param.type != LAO_PARAM_DOUBLE && std::fabs(bound) < 9e15) {
        schema.set(name, static_cast<std::int64_t>(bound));
    } else {
        schema.set(name, bound);
    }
}

std::string schema_of(const std::vector<Param> &fields, bool open);

inline void describe(JsonObject &schema, const Param &param);

inline std::string schema_of(const Param &param) {
    JsonObject schema;
    describe(schema, param);
    return schema.text();
}

inline void set_type(JsonObject &schema, const Param &param) {
    switch (param.type) {
    case LAO_PARAM_BOOL:
        schema.set("type", "boolean");
        break;
    case LAO_PARAM_INT:
        schema.set("type", "integer");
        break;
    case LAO_PARAM_DOUBLE:
        schema.set("type", "number");
        break;
    case LAO_PARAM_JSON:
        if (param.shape == Param::Shape::list) {
            schema.set("type", "array").set_raw("items", schema_of(param.members.at(0)));
        } else if (param.shape == Param::Shape::object) {
            schema.set("type", "object");
        }
        break;
    default:
        schema.set("type", "string");
    }
}

// The members of an object field are described like any object's.
inline void describe(JsonObject &schema, const Param &param) {
    set_type(schema, param);
    if (!param.choices.empty()) {
        JsonArray list;
        for (const auto &choice : param.choices) {
            list.add(choice);
        }
        schema.set("enum", list);
    }
    if (const auto *truth = std::get_if<bool>(&param.otherwise)) {
        schema.set("default", *truth);
    } else if (const auto *integer = std::get_if<std::int64_t>(&param.otherwise)) {
        schema.set("default", *integer);
    } else if (const auto *number = std::get_if<double>(&param.otherwise)) {
        schema.set("default", *number);
    } else if (const auto *text = std::get_if<std::string>(&param.otherwise)) {
        param.type == LAO_PARAM_JSON ? schema.set_raw("default", *text) : schema.set("default", *text);
    }
    set_bound(schema, param, "minimum", "minLength", "minItems", param.minimum);
    set_bound(schema, param, "maximum", "maxLength", "maxItems", param.maximum);
    if (param.type == LAO_PARAM_BYTES) {
        schema.set("contentEncoding", "base64");
    }
    if (!param.format.empty()) {
        schema.set("format", param.format);
    }
    if (param.is_secret) {
        schema.set("writeOnly", true);
    }
    if (!param.description.empty()) {
        schema.set("description", param.description);
    }
    if (param.shape == Param::Shape::object && !param.members.empty()) {
        JsonObject properties;
        JsonArray required;
        bool any = false;
        for (const auto &member : param.members) {
            properties.set_raw(member.name, schema_of(member));
            if (!member.has_default() && !member.may_lack) {
                required.add(member.name);
                any = true;
            }
        }
        schema.set("properties", properties);
        if (any) {
            schema.set("required", required);
        }
    }
}

// The JSON Schema of an object of these fields; `open`: it may have others too.
inline std::string schema_of(const std::vector<Param> &fields, bool open) {
    JsonObject schema;
    Param object = object_field("", fields);
    describe(schema, object);
    if (fields.empty()) {
        schema.set_raw("properties", "{}");
    }
    if (!open) {
        schema.set("additionalProperties", false);
    }
    return schema.text();
}

} // namespace detail
} // namespace lao

#endif // LAO_CPP_SCHEMA_HPP
