// Lists that a server gives page by page.
#ifndef PAGES_HPP
#define PAGES_HPP

#include <functional>
#include <set>

#include "client.hpp"

namespace pages {

// Goes from page to page, as the parameters of a call say.
class Reader {
  public:
    Reader(client::Client &client, std::string_view input, const lao::Call &call);

    // The items of the next page; nothing behind the last one. Throws what Client::send throws, and lao::Failed for what
    // is no page.
    std::optional<std::vector<lao::JsonValue>> next();

    std::int64_t count() const noexcept { return count_; }
    // False: there is more, which `max_pages` or `max_items` left out.
    bool is_complete() const noexcept { return is_complete_; }

  private:
    std::vector<lao::JsonValue> items_of(const client::Answer &answer, const lao::JsonValue &body) const;
    bool turn(const client::Answer &answer, const lao::JsonValue &body, std::size_t items);
    bool turn_to_link(std::string_view link);
    bool turn_to_cursor(const lao::JsonValue &body);

    client::Client &client_;
    const lao::Call &call_;
    client::Request request_;
    std::string style_;
    std::int64_t until_ns_, page_, count_ = 0;
    std::int64_t page_size_, max_pages_, items_left_;
    bool has_more_ = true, is_complete_ = true;
    std::set<std::string> seen_;
};

// The value at `way`, names with dots between, or nullptr; an empty way leads to `value` itself.
const lao::JsonValue *at(const lao::JsonValue &value, std::string_view way);

} // namespace pages

#endif
