// Writing small JSON documents, and reading the configuration.
#ifndef LAO_CPP_JSON_HPP
#define LAO_CPP_JSON_HPP

#include <cstdio>
#include <memory>
#include <optional>
#include <type_traits>

#include "../c/json.h"
#include "../plugin.h"
#include "value.hpp"

namespace lao {

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

// A number as JSON has it, whatever the process's locale; NaN and the infinities become null.
inline std::string json_number(double number) {
    if (!(number - number == 0)) {
        return "null";
    }
    char text[40];
    std::snprintf(text, sizeof text, "%.17g", number);
    for (char *c = text; *c != '\0'; c++) {
        if (*c == ',') {
            *c = '.';
        }
    }
    return text;
}

// A JSON object that is written member by member.
class JsonObject {
  public:
    JsonObject &set(std::string_view name, std::string_view text) { return set_raw(name, json_quote(text)); }
    JsonObject &set(std::string_view name, const char *text) { return set(name, std::string_view(text)); }
    template <class N, class = std::enable_if_t<std::is_arithmetic_v<N>>>
    JsonObject &set(std::string_view name, N number) {
        if constexpr (std::is_same_v<N, bool>) {
            return set_raw(name, number ? "true" : "false");
        } else if constexpr (std::is_integral_v<N>) {
            return set_raw(name, std::to_string(number));
        } else {
            return set_raw(name, json_number(static_cast<double>(number)));
        }
    }
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

// The settings and directories of an instance. Valid while the instance is made. A setting of another type than the
// one asked for throws InvalidConfig; one that is not there gives the default.
class Config {
  public:
    Config(Host host, const lao_config_t &config) noexcept : host_(host), config_(&config) {}

    Host host() const noexcept { return host_; }
    std::string_view json() const noexcept { return {config_->json, static_cast<std::size_t>(config_->json_size)}; }
    // The plugin's package, read-only; empty when there is none.
    std::string resource_dir() const { return config_->resource_dir != nullptr ? config_->resource_dir : ""; }
    // The plugin's own data directory; empty when there is none.
    std::string data_dir() const { return config_->data_dir != nullptr ? config_->data_dir : ""; }

    std::string text(const std::string &name, const std::string &otherwise) const {
        const auto member = find(name);
        if (!member) {
            return otherwise;
        }
        std::uint64_t size = 0;
        const std::unique_ptr<char, void (*)(void *)> decoded(lao_json_text(*member, &size), std::free);
        if (decoded == nullptr) {
            throw wrong(name, "a text");
        }
        return {decoded.get(), static_cast<std::size_t>(size)};
    }
    std::int64_t integer(const std::string &name, std::int64_t otherwise) const {
        return get<std::int64_t>(name, otherwise, lao_json_integer, "an integer");
    }
    double number(const std::string &name, double otherwise) const {
        return get<double>(name, otherwise, lao_json_number, "a number");
    }
    bool boolean(const std::string &name, bool otherwise) const {
        return get<int>(name, otherwise ? 1 : 0, lao_json_boolean, "true or false") != 0;
    }

  private:
    static InvalidConfig wrong(const std::string &name, const char *wanted) {
        return InvalidConfig("`" + name + "` must be " + wanted);
    }
    std::optional<lao_json_t> find(const std::string &name) const {
        lao_json_t member{};
        const int found = lao_json_member(config_->json, config_->json_size, name.c_str(), &member);
        if (found < 0) {
            throw InvalidConfig("the configuration is not a JSON object");
        }
        return found != 0 ? std::optional<lao_json_t>(member) : std::nullopt;
    }
    template <class T>
    T get(const std::string &name, T otherwise, int (*parse)(lao_json_t, T *), const char *wanted) const {
        const auto member = find(name);
        if (member && parse(*member, &otherwise) == 0) {
            throw wrong(name, wanted);
        }
        return otherwise;
    }

    Host host_;
    const lao_config_t *config_;
};

} // namespace lao

#endif // LAO_CPP_JSON_HPP
