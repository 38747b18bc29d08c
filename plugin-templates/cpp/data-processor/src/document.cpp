#include "document.hpp"

#include <algorithm>

namespace data {
namespace {

constexpr std::string_view MARK = "\xEF\xBB\xBF"; // what UTF-8 may begin with
constexpr std::size_t MOST_SPACE = 64 << 10;      // before which the first character of a document is looked for

bool is_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

} // namespace

Place Place::after(std::string_view bytes) const noexcept {
    const auto breaks = static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
    const std::string_view last = breaks > 0 ? bytes.substr(bytes.rfind('\n') + 1) : bytes;
    // All but the bytes that continue a character.
    const auto characters =
        static_cast<std::uint64_t>(std::count_if(last.begin(), last.end(), [](char c) { return (c & 0xC0) != 0x80; }));
    return {line + breaks, (breaks > 0 ? 1 : column) + characters};
}

lao::InvalidInput Place::refuse(const std::string &why) const {
    return lao::InvalidInput("line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + why);
}

Document::Document(std::string_view whole, std::size_t most) : loaded_(whole), most_(most) { begin(); }

Document::Document(Parts parts, std::size_t most) : parts_(std::move(parts)), most_(most) {
    std::string start, part;
    while (start.size() < 3 || (start.size() < MOST_SPACE && !next_byte())) {
        part.clear();
        if (!parts_(part)) {
            break;
        }
        start += part;
        loaded_ = start;
        at_ = loaded_.substr(0, MARK.size()) == MARK ? MARK.size() : 0;
    }
    part_ = std::move(start);
    loaded_ = part_;
    begin();
}

void Document::begin() {
    const std::string_view two = loaded_.substr(0, 2);
    if (two == "\xFF\xFE" || two == "\xFE\xFF") {
        throw place_.refuse("this is UTF-16; UTF-8 is needed");
    }
    at_ = loaded_.substr(0, MARK.size()) == MARK ? MARK.size() : 0;
}

std::string_view Document::fill() {
    while (at_ == loaded_.size() && parts_) {
        part_.clear();
        at_ = 0;
        const bool is_more = parts_(part_);
        loaded_ = part_;
        if (!is_more) {
            parts_ = nullptr;
        }
    }
    return loaded_.substr(at_);
}

void Document::pass(std::size_t count) noexcept {
    place_ = place_.after(loaded_.substr(at_, count));
    at_ += count;
}

std::string Document::too_long() const {
    return "a record has more than " + std::to_string(most_) + " bytes (`max_record_bytes`)";
}

std::optional<char> Document::next_byte() const noexcept {
    for (std::size_t i = at_; i < loaded_.size(); i++) {
        if (!is_space(loaded_[i])) {
            return loaded_[i];
        }
    }
    return std::nullopt;
}

} // namespace data
