#include "address.hpp"

#include <lao/lao.hpp>

namespace address {
namespace {

constexpr const char *HEX = "0123456789ABCDEF";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lowered(std::string_view text) {
    std::string result;
    for (const char c : text) {
        result += lower(c);
    }
    return result;
}

bool is_letter_or_digit(char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9'); }

bool is_hex(char c) { return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'f'); }

void put_escape(std::string &to, char c) {
    const auto byte = static_cast<unsigned char>(c);
    to += '%';
    to += HEX[byte >> 4];
    to += HEX[byte & 15];
}

// Escapes what may not stand in `text`; an escape that is there stays.
std::string cleaned(std::string_view text, std::string_view allowed) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); i++) {
        const char c = text[i];
        const bool escape = c == '%' && i + 2 < text.size() && is_hex(text[i + 1]) && is_hex(text[i + 2]);
        if (escape || is_letter_or_digit(c) || allowed.find(c) != std::string_view::npos) {
            result += c;
        } else {
            put_escape(result, c);
        }
    }
    return result;
}

std::string clean_path(std::string_view path) { return cleaned(path, "-._~!$&'()*+,;=:@/"); }
std::string clean_query(std::string_view query) { return cleaned(query, "-._~!$&'()*+,;=:@/?"); }

// Without `.` and `..`, also where they are written as escapes.
bool is_dots(std::string_view segment) {
    std::string plain;
    for (std::size_t i = 0; i < segment.size(); i++) {
        if (segment[i] == '%' && i + 2 < segment.size() && segment[i + 1] == '2' && lower(segment[i + 2]) == 'e') {
            plain += '.';
            i += 2;
        } else {
            plain += segment[i];
        }
    }
    return plain == "." || plain == "..";
}

bool has_dots(std::string_view path) {
    std::size_t at = 0;
    while (at <= path.size()) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        if (is_dots(path.substr(at, end - at))) {
            return true;
        }
        at = end + 1;
    }
    return false;
}

lao::InvalidInput refused(std::string_view what, const char *reason) {
    return lao::InvalidInput("`" + std::string(what) + "` " + reason);
}

std::string_view without_fragment(std::string_view text) { return text.substr(0, text.find('#')); }

// "host" or "host:port" as it is compared: in lower case, without the port that `scheme` has anyway.
std::string host_of(std::string_view text, std::string_view scheme, std::string_view what) {
    const std::size_t bracket = text.rfind(']');
    const std::size_t colon = std::min(text.find(':', bracket == std::string_view::npos ? 0 : bracket), text.size());
    const std::string name = lowered(text.substr(0, colon));
    const std::string_view digits = colon < text.size() ? text.substr(colon + 1) : std::string_view();
    if (name.empty()) {
        throw refused(what, "names no host");
    }
    const bool is_literal = name.front() == '[' && name.back() == ']';
    for (const char c : is_literal ? std::string_view(name).substr(1, name.size() - 2) : std::string_view(name)) {
        const bool fits = is_literal ? is_hex(c) || c == ':' || c == '.'
                                     : is_letter_or_digit(c) || c == '-' || c == '.' || c == '_' || (c & 0x80) != 0;
        if (!fits) {
            throw refused(what, "names a host that cannot be");
        }
    }
    if (digits.size() > 5 || digits.find_first_not_of("0123456789") != std::string_view::npos) {
        throw refused(what, "has a port that cannot be");
    }
    const int port = digits.empty() ? 0 : std::atoi(std::string(digits).c_str());
    return port == 0 || port == (scheme == "http" ? 80 : 443) ? name : name + ":" + std::to_string(port);
}

} // namespace

Address parse(std::string_view text, std::string_view what) {
    Address made;
    const std::size_t colon = text.find("://");
    const std::string scheme = lowered(text.substr(0, std::min(colon, text.size())));
    if (colon == std::string_view::npos || (scheme != "http" && scheme != "https")) {
        throw refused(what, "must begin with `http://` or `https://`");
    }
    text = without_fragment(text.substr(colon + 3));
    const std::size_t end = std::min(text.find_first_of("/?"), text.size());
    const std::string_view host = text.substr(0, end);
    if (host.find('@') != std::string_view::npos) {
        throw refused(what, "must not have a user name in it: set `auth`");
    }
    made.origin = scheme + "://" + host_of(host, scheme, what);
    text = text.substr(end);
    const std::size_t question = std::min(text.find('?'), text.size());
    made.path = clean_path(text.substr(0, question));
    made.path = made.path.empty() ? "/" : made.path;
    made.query = question < text.size() ? clean_query(text.substr(question + 1)) : "";
    return made;
}

Address below(const Address &base, std::string_view path) {
    if (path.empty() || path.front() != '/') {
        throw refused("path", "must begin with `/`");
    }
    if (path.find_first_of("?#\\") != std::string_view::npos) {
        throw refused("path", "must not have `?`, `#` or `\\` in it: what follows `?` goes into `query`");
    }
    if (has_dots(path)) {
        throw refused("path", "must not have `.` or `..` in it");
    }
    Address made = base;
    if (made.path.back() == '/') {
        made.path.pop_back();
    }
    made.path += clean_path(path);
    return made;
}

Address follow(const Address &from, std::string_view link) {
    link = without_fragment(link);
    const std::string_view scheme = std::string_view(from.origin).substr(0, from.origin.find("://"));
    if (link.find("://") < link.find_first_of("/?")) {
        return parse(link, "link");
    }
    if (link.substr(0, 2) == "//") {
        return parse(std::string(scheme) + ":" + std::string(link), "link");
    }
    const std::size_t question = std::min(link.find('?'), link.size());
    const std::string_view path = link.substr(0, question);
    Address made = from;
    made.query = question < link.size() ? clean_query(link.substr(question + 1)) : "";
    if (has_dots(path) || path.find_first_of(":\\") != std::string_view::npos) {
        throw refused("link", "must be a plain address");
    }
    if (!path.empty()) {
        made.path =
            path.front() == '/' ? clean_path(path) : from.path.substr(0, from.path.rfind('/') + 1) + clean_path(path);
    }
    return made;
}

void set(Address &to, std::string_view name, std::string_view value) {
    const std::string key = escaped(name) + "=";
    std::string kept;
    std::string_view rest = to.query;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('&'), rest.size());
        const std::string_view pair = rest.substr(0, end);
        if (pair.substr(0, key.size()) != key) {
            kept += (kept.empty() ? "" : "&") + std::string(pair);
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    to.query = std::move(kept);
    add(to, {{std::string(name), std::string(value)}});
}

void add(Address &to, const Query &query) {
    for (const auto &[name, value] : query) {
        to.query += (to.query.empty() ? "" : "&") + escaped(name) + "=" + escaped(value);
    }
}

std::string escaped(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (is_letter_or_digit(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            result += c;
        } else {
            put_escape(result, c);
        }
    }
    return result;
}

std::string next_link(std::string_view header) {
    // <address>; rel="next"; ..., <address>; rel=prev
    while (!header.empty()) {
        const std::size_t open = header.find('<');
        const std::size_t close = header.find('>', open == std::string_view::npos ? 0 : open);
        if (open == std::string_view::npos || close == std::string_view::npos) {
            return "";
        }
        const std::string_view target = header.substr(open + 1, close - open - 1);
        std::size_t end = close + 1;
        bool quoted = false;
        while (end < header.size() && (quoted || header[end] != ',')) {
            quoted = header[end] == '"' ? !quoted : quoted;
            end++;
        }
        std::string parameters = " ";
        for (const char c : header.substr(close + 1, end - close - 1)) {
            parameters += c == '"' || c == ';' || c == '\t' ? ' ' : lower(c);
        }
        parameters += ' ';
        const std::size_t relation = parameters.find(" rel=");
        if (relation != std::string::npos) {
            // A list of words where it is quoted, which ends before the next parameter.
            std::string words = parameters.substr(relation + 5);
            words = " " + words.substr(0, words.find('='));
            if (words.find(" next ") != std::string::npos) {
                return std::string(target);
            }
        }
        header.remove_prefix(std::min(end + 1, header.size()));
    }
    return "";
}

} // namespace address
