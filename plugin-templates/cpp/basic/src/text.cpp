#include "text.hpp"

#include <lao/c/letter_case.h>
#include <lao/c/utf8.h>

#include <stdexcept>

namespace text {
namespace {

// Calls `use` with every character and the bytes it has in the text.
template <class Use> void each(std::string_view text, Use use) {
    const char *at = text.data(), *const end = text.data() + text.size();
    while (at < end) {
        const char *const from = at;
        const std::int32_t character = lao_utf8_next(&at, end);
        if (character < 0) {
            throw std::invalid_argument("the text is not UTF-8");
        }
        use(static_cast<std::uint32_t>(character), std::string_view(from, static_cast<std::size_t>(at - from)));
    }
}

void put(std::string &to, std::uint32_t character) {
    char bytes[4];
    to.append(bytes, lao_utf8_put(bytes, character));
}

// Letters and digits, and whatever is no white space or punctuation beyond ASCII.
bool belongs_to_slug(std::uint32_t c) {
    if (c < 0x80) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    }
    return c > 0xBF && !(c >= 0x2000 && c <= 0x206F) && !(c >= 0x3000 && c <= 0x303F) && lao_is_space(c) == 0;
}

std::string slug(std::string_view text) {
    std::string result;
    bool gap = false;
    each(text, [&](std::uint32_t c, std::string_view) {
        if (!belongs_to_slug(c)) {
            gap = true;
            return;
        }
        if (gap && !result.empty()) {
            result += '-';
        }
        gap = false;
        put(result, lao_to_lower(c));
    });
    return result;
}

} // namespace

std::string change(std::string_view mode, std::string_view text) {
    std::string result;
    result.reserve(text.size());
    if (mode == "upper") {
        each(text, [&](std::uint32_t c, std::string_view) { put(result, lao_to_upper(c)); });
    } else if (mode == "lower") {
        each(text, [&](std::uint32_t c, std::string_view) { put(result, lao_to_lower(c)); });
    } else if (mode == "title") {
        bool word_begins = true;
        each(text, [&](std::uint32_t c, std::string_view) {
            put(result, word_begins ? lao_to_upper(c) : lao_to_lower(c));
            word_begins = lao_is_space(c) != 0;
        });
    } else if (mode == "reverse") {
        result.resize(text.size());
        std::size_t at = text.size();
        each(text, [&](std::uint32_t, std::string_view bytes) {
            at -= bytes.size();
            bytes.copy(&result[at], bytes.size());
        });
    } else if (mode == "slug") {
        result = slug(text);
    } else {
        throw std::invalid_argument("there is no mode `" + std::string(mode) + "`");
    }
    return result;
}

std::string_view trim(std::string_view text) {
    std::size_t at = 0, first = text.size(), last = 0;
    each(text, [&](std::uint32_t c, std::string_view bytes) {
        if (lao_is_space(c) == 0) {
            first = at < first ? at : first;
            last = at + bytes.size();
        }
        at += bytes.size();
    });
    return first < last ? text.substr(first, last - first) : std::string_view("", 0);
}

Counts count(std::string_view text) {
    Counts counts;
    counts.bytes = static_cast<std::int64_t>(text.size());
    bool in_word = false;
    each(text, [&](std::uint32_t c, std::string_view) {
        const bool space = lao_is_space(c) != 0;
        counts.characters++;
        counts.words += !space && !in_word;
        counts.lines += c == '\n';
        in_word = !space;
    });
    counts.lines += !text.empty() && text.back() != '\n'; // the last line may lack its end
    return counts;
}

} // namespace text
