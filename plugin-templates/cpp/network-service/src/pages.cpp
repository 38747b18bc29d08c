#include "pages.hpp"

#include <algorithm>

namespace pages {

using lao::JsonValue;

const JsonValue *at(const JsonValue &value, std::string_view way) {
    const JsonValue *found = &value;
    while (!way.empty() && found != nullptr) {
        const std::size_t dot = std::min(way.find('.'), way.size());
        found = found->find(way.substr(0, dot));
        way.remove_prefix(std::min(dot + 1, way.size()));
    }
    return found;
}

Reader::Reader(client::Client &client, std::string_view input, const lao::Call &call)
    : client_(client), call_(call), request_(client::Request::read(input, client.settings())),
      style_(call.text("style")), until_ns_(client.end_of(call)), page_(call.integer("first_page")),
      page_size_(call.integer("page_size")), max_pages_(call.integer("max_pages")),
      items_left_(call.integer("max_items")) {
    if (request_.method != "GET" || request_.dry_run) {
        throw lao::InvalidInput("pages are fetched by GET, and not with `dry_run`");
    }
    if (page_size_ > 0) {
        address::set(request_.address, call.text("page_size_param"), std::to_string(page_size_));
    }
    if (style_ == "page") {
        address::set(request_.address, call.text("page_param"), std::to_string(page_));
    }
    seen_.insert(request_.address.text());
}

std::optional<std::vector<JsonValue>> Reader::next() {
    if (!has_more_) {
        return std::nullopt;
    }
    if (count_ == max_pages_ || items_left_ == 0) {
        is_complete_ = false;
        return std::nullopt;
    }
    const client::Answer answer = client_.send(request_, call_, until_ns_);
    answer.check(request_);
    std::string type;
    const JsonValue body = answer.body(type);
    std::vector<JsonValue> items = items_of(answer, body);
    if (style_ == "page" && items.empty()) {
        has_more_ = false;
        return std::nullopt;
    }
    count_++;
    has_more_ = turn(answer, body, items.size());
    if (static_cast<std::int64_t>(items.size()) > items_left_) {
        items.resize(static_cast<std::size_t>(items_left_));
        has_more_ = false;
        is_complete_ = false;
    }
    items_left_ -= static_cast<std::int64_t>(items.size());
    return items;
}

std::vector<JsonValue> Reader::items_of(const client::Answer &answer, const JsonValue &body) const {
    const std::string_view way = call_.text("items_at");
    const JsonValue *list = at(body, way);
    if (list == nullptr || !list->is_list()) {
        throw lao::Failed(
            "the page `" + answer.address + "` has no list " +
            (way.empty() ? std::string("as its body: say where with `items_at`") : "at `" + std::string(way) + "`"));
    }
    return list->items();
}

bool Reader::turn(const client::Answer &answer, const JsonValue &body, std::size_t items) {
    if (style_ == "page") {
        if (page_size_ > 0 && static_cast<std::int64_t>(items) < page_size_) {
            return false;
        }
        address::set(request_.address, call_.text("page_param"), std::to_string(++page_));
        return true;
    }
    const std::string link = address::next_link(answer.header("link"));
    if (style_ == "link" || (style_ == "auto" && !link.empty())) {
        return !link.empty() && turn_to_link(link);
    }
    return turn_to_cursor(body);
}

bool Reader::turn_to_link(std::string_view link) {
    address::Address next;
    try {
        next = address::follow(request_.address, link);
    } catch (const lao::InvalidInput &wrong) {
        throw lao::Failed(std::string("the server names a next page that is none: ") + wrong.what());
    }
    if (next.origin != request_.address.origin) {
        throw lao::Failed("the server names a next page of another origin: `" + next.shown() + "`");
    }
    request_.address = next;
    if (!seen_.insert(next.text()).second) {
        throw lao::Failed("the server names a next page that was there before: `" + next.shown() + "`");
    }
    return true;
}

bool Reader::turn_to_cursor(const JsonValue &body) {
    const JsonValue *cursor = at(body, call_.text("cursor_at"));
    if (call_.text("cursor_at").empty() || cursor == nullptr || (!cursor->is_text() && !cursor->is_number()) ||
        cursor->text().empty()) {
        return false;
    }
    address::set(request_.address, call_.text("cursor_param"), cursor->text());
    if (!seen_.insert(request_.address.text()).second) {
        throw lao::Failed("the server gives a cursor that was there before");
    }
    return true;
}

} // namespace pages
