// Writing small JSON documents.
#ifndef LAO_CPP_JSON_WRITE_HPP
#define LAO_CPP_JSON_WRITE_HPP

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <type_traits>

namespace lao {

// A JSON document, e.g. from JsonObject.
struct Json {
    std::string text;
};

// `text` as a JSON string, with its quotation marks.
inline std::string json_quote(std::string_view text) {
    std::string quoted = "\"";
    for (char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            quoted += '\\';
            quoted += c;
        } else if (byte < 0x20) {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\u%04x", byte);
            quoted += escaped;
        } else {
            quoted += c;
        }
    }
    return quoted += '"';
}

// A number as JSON has it, in the fewest digits that read back as the same, whatever the process's locale; NaN and the
// infinities become null.
inline std::string json_number(double number) {
    if (!(number - number == 0)) {
        return "null";
    }
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        std::snprintf(text, sizeof text, "%.*g", digits, number);
        if (std::strtod(text, nullptr) == number) {
            break;
        }
    }
    for (char *c = text; *c != '\0'; c++) {
        if (*c == ',') {
            *c = '.';
        }
    }
    return text;
}

namespace detail {

template <class T> std::string json_text(const T &value) {
    if constexpr (std::is_same_v<T, bool>) {
        return value ? "true" : "false";
    } else if constexpr (std::is_integral_v<T>) {
        return std::to_string(value);
    } else if constexpr (std::is_floating_point_v<T>) {
        return json_number(static_cast<double>(value));
    } else if constexpr (std::is_convertible_v<const T &, std::string_view>) {
        return json_quote(value);
    } else if constexpr (std::is_same_v<T, Json>) {
        return value.text;
    } else {
        return value.text();
    }
}

} // namespace detail

// A JSON array, written item by item: texts, numbers, truth values, Json, JsonObject and JsonArray.
class JsonArray {
  public:
    template <class T> JsonArray &add(const T &item) { return add_raw(detail::json_text(item)); }
    JsonArray &add(const char *item) { return add_raw(json_quote(item)); }
    // `json` is written as it is.
    JsonArray &add_raw(std::string_view json) {
        body_ += body_.empty() ? "" : ",";
        body_ += json;
        return *this;
    }
    Json json() const { return {text()}; }
    std::string text() const { return "[" + body_ + "]"; }

  private:
    std::string body_;
};

// A JSON object, written member by member; the same types.
class JsonObject {
  public:
    template <class T> JsonObject &set(std::string_view name, const T &value) {
        return set_raw(name, detail::json_text(value));
    }
    JsonObject &set(std::string_view name, const char *text) { return set_raw(name, json_quote(text)); }
    // `json` is written as it is.
    JsonObject &set_raw(std::string_view name, std::string_view json) {
        body_ += body_.empty() ? "" : ",";
        body_ += json_quote(name);
        body_ += ':';
        body_ += json;
        return *this;
    }
    Json json() const { return {text()}; }
    std::string text() const { return "{" + body_ + "}"; }

  private:
    std::string body_;
};

} // namespace lao

#endif // LAO_CPP_JSON_WRITE_HPP
