// Given parameters and settings held against what was declared, before the author's code sees them.
#ifndef LAO_CPP_PARAM_HPP
#define LAO_CPP_PARAM_HPP

#include <cstring>
#include <optional>

#include "../c/params.h"
#include "../c/utf8.h"
#include "error.hpp"
#include "schema.hpp"

namespace lao {
namespace detail {

inline const Param *declared(const std::vector<Param> &params, std::string_view name) noexcept {
    for (const auto &param : params) {
        if (param.name == name) {
            return &param;
        }
    }
    return nullptr;
}

inline std::string_view data_of(const lao_param_t &given) noexcept {
    return given.size > 0
               ? std::string_view(static_cast<const char *>(given.data), static_cast<std::size_t>(given.size))
               : std::string_view("", 0);
}

inline std::string range_of(const Param &param) {
    if (std::isinf(param.maximum)) {
        return "at least " + json_number(param.minimum);
    }
    if (std::isinf(param.minimum)) {
        return "at most " + json_number(param.maximum);
    }
    return "between " + json_number(param.minimum) + " and " + json_number(param.maximum);
}

inline bool in_range(const Param &param, double value) noexcept {
    return value >= param.minimum && value <= param.maximum;
}

inline std::string wrong_text(const Param &param, std::string_view text) {
    const auto length = lao_utf8_count(text.data(), text.size());
    if (!in_range(param, static_cast<double>(length))) {
        return range_of(param) + " characters long";
    }
    std::string list;
    for (const auto &choice : param.choices) {
        if (choice == text) {
            return "";
        }
        list += (list.empty() ? "" : ", ") + choice;
    }
    return list.empty() ? "" : "one of " + list + "; not `" + std::string(text) + "`";
}

// What a value must be and is not; empty when it is. Inside lists and objects only the host looks, by the schema.
inline std::string wrong(const Param &param, const lao_param_t &given) {
    switch (param.type) {
    case LAO_PARAM_BOOL:
        return given.type == LAO_PARAM_BOOL ? "" : "true or false";
    case LAO_PARAM_INT:
        if (given.type != LAO_PARAM_INT) {
            return "an integer";
        }
        return in_range(param, static_cast<double>(given.integer)) ? "" : range_of(param);
    case LAO_PARAM_DOUBLE:
        if (given.type != LAO_PARAM_DOUBLE && given.type != LAO_PARAM_INT) {
            return "a number";
        }
        return in_range(param, given.type == LAO_PARAM_INT ? static_cast<double>(given.integer) : given.number)
                   ? ""
                   : range_of(param);
    case LAO_PARAM_TEXT:
        return given.type == LAO_PARAM_TEXT ? wrong_text(param, data_of(given)) : "a text";
    case LAO_PARAM_BYTES:
        return given.type == LAO_PARAM_BYTES ? "" : "bytes";
    default:
        break;
    }
    const char begins = given.type == LAO_PARAM_JSON && given.size > 0 ? data_of(given).front() : '\0';
    if (param.shape == Param::Shape::list) {
        return begins == '[' ? "" : "a list";
    }
    return param.shape == Param::Shape::anything || begins == '{' ? "" : "an object";
}

// Every given parameter must be declared, and be of its type and range; what has no default must be given.
inline void check(const std::vector<Param> &params, const lao_request_t &request) {
    for (std::uint32_t i = 0; i < request.param_count; i++) {
        const lao_param_t &given = *request.params[i];
        const Param *param = declared(params, given.name);
        if (param == nullptr) {
            throw InvalidParameter("there is no parameter `" + std::string(given.name) + "`");
        }
        const std::string wanted = wrong(*param, given);
        if (!wanted.empty()) {
            throw InvalidParameter("parameter `" + param->name + "` must be " + wanted);
        }
    }
    for (const auto &param : params) {
        if (!param.has_default() && !param.may_lack && lao_param_find(&request, param.name.c_str()) == nullptr) {
            throw InvalidParameter("the parameter `" + param.name + "` is missing");
        }
    }
}

} // namespace detail
} // namespace lao

#endif // LAO_CPP_PARAM_HPP
