// Parameters of a capability: declared once, checked before the author's function runs.
#ifndef LAO_CPP_PARAM_HPP
#define LAO_CPP_PARAM_HPP

#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "../c/params.h"
#include "json.hpp"

namespace lao {

// One declared parameter; made by the functions below.
struct Param {
    std::uint32_t type; // LAO_PARAM_*
    std::string name;
    std::variant<bool, std::int64_t, double, std::string> otherwise; // the default
    std::string description;
    std::vector<std::string> choices; // of a text; empty: any
    double minimum = -std::numeric_limits<double>::infinity();
    double maximum = std::numeric_limits<double>::infinity();
};

inline Param text_param(std::string name, std::string otherwise, std::string description = "",
                        std::vector<std::string> choices = {}) {
    return {LAO_PARAM_TEXT, std::move(name), std::move(otherwise), std::move(description), std::move(choices)};
}
inline Param bool_param(std::string name, bool otherwise, std::string description = "") {
    return {LAO_PARAM_BOOL, std::move(name), otherwise, std::move(description), {}};
}
// Both bounds belong to the range.
inline Param int_param(std::string name, std::int64_t otherwise, std::string description = "",
                       double minimum = -std::numeric_limits<double>::infinity(),
                       double maximum = std::numeric_limits<double>::infinity()) {
    return {LAO_PARAM_INT, std::move(name), otherwise, std::move(description), {}, minimum, maximum};
}
inline Param number_param(std::string name, double otherwise, std::string description = "",
                          double minimum = -std::numeric_limits<double>::infinity(),
                          double maximum = std::numeric_limits<double>::infinity()) {
    return {LAO_PARAM_DOUBLE, std::move(name), otherwise, std::move(description), {}, minimum, maximum};
}

namespace detail {

inline std::string schema_of(const Param &param) {
    JsonObject schema;
    switch (param.type) {
    case LAO_PARAM_BOOL:
        schema.set("type", "boolean").set("default", std::get<bool>(param.otherwise));
        break;
    case LAO_PARAM_INT:
        schema.set("type", "integer").set("default", std::get<std::int64_t>(param.otherwise));
        break;
    case LAO_PARAM_DOUBLE:
        schema.set("type", "number").set("default", std::get<double>(param.otherwise));
        break;
    default:
        schema.set("type", "string").set("default", std::get<std::string>(param.otherwise));
    }
    if (!param.choices.empty()) {
        std::string list;
        for (const auto &choice : param.choices) {
            list += (list.empty() ? "" : ",") + json_quote(choice);
        }
        schema.set_raw("enum", "[" + list + "]");
    }
    if (param.minimum > -std::numeric_limits<double>::infinity()) {
        schema.set("minimum", param.minimum);
    }
    if (param.maximum < std::numeric_limits<double>::infinity()) {
        schema.set("maximum", param.maximum);
    }
    if (!param.description.empty()) {
        schema.set("description", param.description);
    }
    return schema.text();
}

inline std::string schema_of(const std::vector<Param> &params) {
    JsonObject properties;
    for (const auto &param : params) {
        properties.set_raw(param.name, schema_of(param));
    }
    return JsonObject()
        .set("type", "object")
        .set_raw("properties", properties.text())
        .set("additionalProperties", false)
        .text();
}

[[noreturn]] inline void refuse(const Param &param, const std::string &wanted) {
    throw InvalidParameter("parameter `" + param.name + "` must be " + wanted);
}

inline void check(const Param &param, const lao_param_t &given) {
    static constexpr const char *wanted[] = {"", "true or false", "an integer", "a number", "a text"};
    const bool is_number = param.type == LAO_PARAM_DOUBLE && given.type == LAO_PARAM_INT;
    if (given.type != param.type && !is_number) {
        refuse(param, wanted[param.type]);
    }
    if (!param.choices.empty()) {
        const std::string text(given.size > 0 ? static_cast<const char *>(given.data) : "",
                               static_cast<std::size_t>(given.size));
        std::string list;
        for (const auto &choice : param.choices) {
            if (choice == text) {
                return;
            }
            list += (list.empty() ? "" : ", ") + choice;
        }
        refuse(param, "one of " + list + "; not `" + text + "`");
    }
    if (param.type == LAO_PARAM_INT || param.type == LAO_PARAM_DOUBLE) {
        const double number = given.type == LAO_PARAM_INT ? static_cast<double>(given.integer) : given.number;
        if (!(number >= param.minimum && number <= param.maximum)) {
            refuse(param, "between " + json_number(param.minimum) + " and " + json_number(param.maximum));
        }
    }
}

// Every given parameter must be declared, and be of its type and range.
inline void check(const std::vector<Param> &declared, const lao_request_t &request) {
    for (std::uint32_t i = 0; i < request.param_count; i++) {
        const lao_param_t &given = *request.params[i];
        const Param *match = nullptr;
        for (const auto &param : declared) {
            match = param.name == given.name ? &param : match;
        }
        if (match == nullptr) {
            throw InvalidParameter("there is no parameter `" + std::string(given.name) + "`");
        }
        check(*match, given);
    }
}

} // namespace detail
} // namespace lao

#endif // LAO_CPP_PARAM_HPP
