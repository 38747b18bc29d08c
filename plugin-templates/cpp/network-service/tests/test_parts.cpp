// Tests of addresses, pacing and secrets alone.
#include "../src/address.hpp"
#include "../src/pacing.hpp"
#include "../src/secrets.hpp"

#include <cmath>
#include <iostream>
#include <lao/cpp/json_read.hpp>

static int failures = 0;

template <class A, class B> static void expect(const char *what, const A &is, const B &expected) {
    if (!(is == expected)) {
        std::cout << what << " is `" << is << "`, not `" << expected << "`\n";
        failures++;
    }
}

template <class Function> static void refuses(const char *what, Function &&function) {
    try {
        function();
        std::cout << what << " is accepted\n";
        failures++;
    } catch (const lao::InvalidInput &) {
    }
}

static void test_addresses() {
    using namespace address;
    const Address base = parse("HTTPS://API.Example.org:443/v1/", "base_url");
    expect("an address", base.text(), "https://api.example.org/v1/");
    expect("below it", below(base, "/a b/\xc3\xa9%20").text(), "https://api.example.org/v1/a%20b/%C3%A9%20");
    expect("a port", parse("http://localhost:8080", "x").text(), "http://localhost:8080/");
    expect("an address", parse("http://[::1]:080/", "x").text(), "http://[::1]/");
    for (const char *wrong : {"", "ftp://a/", "http://", "http://:80/", "http://user:word@a/", "//a/b", "http://a b/",
                              "http://a:80:80/", "http://[::1/", "http://a:99999999/", "http://[a]b/"}) {
        refuses(wrong, [&] { parse(wrong, "url"); });
    }
    for (const char *wrong : {"", "a", "/a?b", "/a#b", "/../a", "/a/%2e%2E/b", "/.", "/a\\b"}) {
        refuses(wrong, [&] { below(base, wrong); });
    }
    Address to = below(base, "/items");
    add(to, {{"q", "a&b=c d"}, {"q", "\xc3\xa9"}});
    expect("a query", to.query, "q=a%26b%3Dc%20d&q=%C3%A9");
    set(to, "page", "2");
    set(to, "page", "3");
    expect("a query that was changed", to.query, "q=a%26b%3Dc%20d&q=%C3%A9&page=3");
    expect("what may be shown", to.shown(), "https://api.example.org/v1/items");

    expect("a link", follow(to, "?page=4").text(), "https://api.example.org/v1/items?page=4");
    expect("a link", follow(to, "/x?y#z").text(), "https://api.example.org/x?y");
    expect("a link", follow(to, "more").text(), "https://api.example.org/v1/more");
    expect("a link", follow(to, "//other.org/x").text(), "https://other.org/x");
    expect("a link", follow(to, "http://other.org?u=http://a/").text(), "http://other.org/?u=http://a/");
    refuses("a link", [&] { follow(to, "javascript:alert(1)"); });
    refuses("a link", [&] { follow(to, "../../etc"); });

    expect("the next page",
           next_link("<https://a/1>; rel=\"prev\", <https://a/3?x=1,2>; title=\"a, b\"; rel=\"next last\""),
           "https://a/3?x=1,2");
    expect("the next page", next_link("</p2>;rel=next"), "/p2");
    expect("the next page", next_link("<a>; rel=prev"), "");
    expect("the next page", next_link("<a; rel=next"), "");
    expect("the next page", next_link("nonsense"), "");
}

static void test_pacing() {
    using namespace pacing;
    Bucket bucket(10, 3);
    const std::int64_t now = 5 * SECOND;
    for (int i = 0; i < 3; i++) {
        expect("a token that is there", *bucket.take(now, now + SECOND) <= now, true);
    }
    expect("the next one", std::llabs(*bucket.take(now, now + SECOND) - (now + SECOND / 10)) < 1000, true);
    expect("the one after", std::llabs(*bucket.take(now, now + SECOND) - (now + SECOND / 5)) < 1000, true);
    expect("one that comes too late", bucket.take(now, now + SECOND / 10).has_value(), false);
    expect("and takes no place", std::llabs(*bucket.take(now, now + SECOND) - (now + 3 * SECOND / 10)) < 1000, true);
    expect("after a rest", *bucket.take(now + 10 * SECOND, now + 10 * SECOND) <= now + 10 * SECOND, true);

    for (int attempt = 1; attempt < 100; attempt++) {
        const double whole = std::min(8.0, 0.5 * std::pow(2.0, std::min(attempt, 60) - 1)) * SECOND;
        const auto least = back_off_ns(attempt, 0.5, 8, 0), most = back_off_ns(attempt, 0.5, 8, 1);
        expect("the least pause", std::fabs(static_cast<double>(least) - whole / 2) < 10, true);
        expect("the longest pause", std::fabs(static_cast<double>(most) - whole) < 10, true);
    }
    double sum = 0;
    for (int i = 0; i < 1000; i++) {
        const double drawn = chance(17);
        expect("chance", drawn >= 0 && drawn < 1, true);
        sum += drawn;
    }
    expect("its mean", std::fabs(sum / 1000 - 0.5) < 0.1, true);

    expect("a date", *http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
    expect("a date", *http_date("Thu, 29 Feb 2024 00:00:00 GMT"), 1709164800);
    for (const char *wrong :
         {"", "1994", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nuv 1994 08:49:37 GMT", "Sun, 06 ovD 1994 08:49:37 GMT",
          "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT"}) {
        expect("a date", http_date(wrong).has_value(), false);
    }
    expect("Retry-After", *retry_after_s("120", "", 0), 120);
    expect("Retry-After", *retry_after_s("99999999999999999999", "", 0), 1e9);
    expect("Retry-After", *retry_after_s("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:30 GMT", 0), 7);
    expect("Retry-After", *retry_after_s("Sun, 06 Nov 1994 08:49:37 GMT", "", 784111770), 7);
    expect("Retry-After", *retry_after_s("Sun, 06 Nov 1994 08:49:37 GMT", "", 784111780), 0);
    for (const char *wrong : {"", "-1", "soon", "1.5"}) {
        expect("Retry-After", retry_after_s(wrong, "", 0).has_value(), false);
    }
    expect("503", is_passing(503), true);
    expect("501", is_passing(501), false);
    expect("PUT", is_idempotent("PUT"), true);
    expect("PATCH", is_idempotent("PATCH"), false);
}

int main() {
    test_addresses();
    test_pacing();
    expect("base64", secrets::base64("Aladdin:open sesame"), "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    expect("base64", secrets::base64(""), "");
    expect("base64", secrets::base64("\xff"), "/w==");
    return failures == 0 ? 0 : 1;
}
