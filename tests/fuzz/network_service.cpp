// What the template `network-service` reads of a server, for test_network_service.py.
#include <cmath>
#include <lao/cpp/json_read.hpp>

#include "address.hpp"
#include "fed.hpp"
#include "pacing.hpp"
#include "secrets.hpp"

static bool is_plain(std::string_view text) {
    for (const char c : text) {
        if (c <= 0x20 || c == 0x7F || static_cast<unsigned char>(c) >= 0x80) {
            return false;
        }
    }
    return true;
}

static void check(const address::Address &found) {
    const std::string text = found.text();
    require(address::parse(text, "it").text() == text, "an address is another one when it is read again");
    require(is_plain(found.path) && is_plain(found.query), "an address has characters that cannot be sent");
    require(found.path.front() == '/' && found.origin.find('@') == std::string::npos, "an address is none");
}

template <class Function> static void attempt(Function &&function) {
    try {
        function();
    } catch (const lao::InvalidInput &) {
    }
}

static void read(const std::string &data) {
    const address::Address base = address::parse("https://api.example.org/v1/items?page=2", "base");
    attempt([&] { check(address::parse(data, "it")); });
    attempt([&] { check(address::follow(base, data)); });
    attempt([&] {
        const address::Address found = address::below(base, data);
        require(found.origin == base.origin && found.path.rfind("/v1/items/", 0) == 0, "a path leaves its base");
        check(found);
    });
    attempt([&] {
        address::Address to = base;
        address::set(to, data, data);
        require(is_plain(to.query), "a query has characters that cannot be sent");
        address::set(to, data, "");
        check(to);
    });
    const std::string link = address::next_link(data);
    require(data.find(link) != std::string::npos, "a link is not what stands there");
    const auto wait = pacing::retry_after_s(data, data, 0);
    require(!wait || (*wait >= 0 && std::isfinite(*wait)), "a pause is none");
    (void)pacing::http_date(data);
    require(secrets::base64(data).size() == (data.size() + 2) / 3 * 4, "base64 has another length");
    attempt([&] {
        const std::string once = lao::JsonValue::parse(data).json().text;
        require(lao::JsonValue::parse(once).json().text == once, "a document is another one when it is read again");
    });
}
