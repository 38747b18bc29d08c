// What the plugin does with text, apart from everything about plugins. All text is UTF-8.
#ifndef TEXT_HPP
#define TEXT_HPP

#include <cstdint>
#include <string>
#include <string_view>

namespace text {

struct Counts {
    std::int64_t bytes = 0, characters = 0;
    std::int64_t words = 0; // parted by white space
    std::int64_t lines = 0;
};

// `mode` is upper, lower, title, reverse or slug; throws std::invalid_argument for another one.
std::string change(std::string_view mode, std::string_view text);

// Without the white space around.
std::string_view trim(std::string_view text);

Counts count(std::string_view text);

} // namespace text

#endif
