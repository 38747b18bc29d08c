#include "secrets.hpp"

#include <algorithm>

namespace secrets {
namespace {

// A header cannot carry anything else; a line break in it would begin another header.
void check(const char *setting, const std::string &text, bool may_have_spaces) {
    if (text.empty()) {
        throw lao::InvalidConfig(std::string("`") + setting + "` is missing: `auth` needs it");
    }
    for (const char c : text) {
        if (c < (may_have_spaces ? 0x20 : 0x21) || c > 0x7E) {
            throw lao::InvalidConfig(std::string("`") + setting + "` has characters that cannot be sent");
        }
    }
}

bool is_name(const std::string &text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

std::string lowered(std::string text) {
    for (char &c : text) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return text;
}

} // namespace

Credentials::Credentials(const lao::Config &config) {
    const std::string auth = config.text("auth");
    if (auth == "bearer") {
        const std::string token = config.text("token");
        check("token", token, false);
        header_name_ = "authorization";
        header_value_ = "Bearer " + token;
        hide(token);
    } else if (auth == "basic") {
        const std::string username = config.text("username"), password = config.text("password");
        if (username.empty() || username.find(':') != std::string::npos) {
            throw lao::InvalidConfig("`username` must be there, and have no colon in it");
        }
        const std::string pair = base64(username + ":" + password);
        header_name_ = "authorization";
        header_value_ = "Basic " + pair;
        hide(password);
        hide(pair);
    } else if (auth == "api_key") {
        const std::string key = config.text("api_key"), name = config.text("api_key_name");
        check("api_key", key, true);
        if (!is_name(name)) {
            throw lao::InvalidConfig("`api_key_name` cannot be the name of a header or of a part of a query");
        }
        if (config.text("api_key_in") == "query") {
            query_name_ = name;
            query_value_ = key;
        } else {
            header_name_ = lowered(name);
            header_value_ = key;
        }
        hide(key);
    }
}

void Credentials::sign(address::Address &to) const {
    if (!query_name_.empty()) {
        address::set(to, query_name_, query_value_);
    }
}

void Credentials::hide(const std::string &secret) {
    if (secret.size() < 4) {
        return; // it would be found in everything
    }
    const std::string quoted = lao::json_quote(secret);
    for (const auto &form : {secret, address::escaped(secret), quoted.substr(1, quoted.size() - 2)}) {
        if (std::find(hidden_.begin(), hidden_.end(), form) == hidden_.end()) {
            hidden_.push_back(form);
        }
    }
}

std::string Credentials::without(std::string text) const {
    for (const auto &secret : hidden_) {
        std::size_t found = text.find(secret), from = 0;
        if (found == std::string::npos) {
            continue;
        }
        std::string clean;
        for (; found != std::string::npos; found = text.find(secret, from)) {
            clean.append(text, from, found - from).append("***");
            from = found + secret.size();
        }
        text = clean.append(text, from, std::string::npos);
    }
    return text;
}

std::string base64(std::string_view bytes) {
    static constexpr const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 3; j++) {
            group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
        }
        for (std::size_t j = 0; j < 4; j++) {
            text += i + j <= bytes.size() ? letters[group >> (18 - 6 * j) & 63] : '=';
        }
    }
    return text;
}

} // namespace secrets
