// Addresses on the web: taken apart, joined, and written without mistakes.
#ifndef ADDRESS_HPP
#define ADDRESS_HPP

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace address {

using Query = std::vector<std::pair<std::string, std::string>>;

// http or https; no user name, no fragment.
struct Address {
    std::string origin; // "https://api.example.org:8443", in lower case, without the scheme's own port
    std::string path;   // "/v1/items", begins with a slash
    std::string query;  // "a=1&b=2", without the question mark

    std::string text() const { return origin + path + (query.empty() ? "" : "?" + query); }
    // What may be shown: a query can hold a key.
    std::string shown() const { return origin + path; }
};

// Throws lao::InvalidInput for what is no such address; `what` is how it is called there.
Address parse(std::string_view text, std::string_view what);

// `path`, which begins with a slash, below `base`; spaces and the like become escapes. Throws lao::InvalidInput.
Address below(const Address &base, std::string_view path);

// Where a link on the page `from` leads. Throws lao::InvalidInput.
Address follow(const Address &from, std::string_view link);

// Adds to the query; a name that it has already is replaced.
void set(Address &to, std::string_view name, std::string_view value);
void add(Address &to, const Query &query);

// As it stands in a query.
std::string escaped(std::string_view text);

// The address of the next page in a `Link` header; empty when there is none.
std::string next_link(std::string_view header);

} // namespace address

#endif
