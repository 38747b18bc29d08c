// What XML takes as a name, as a character, and as white space.
#ifndef XML_NAMES_HPP
#define XML_NAMES_HPP

#include <cstdint>
#include <string_view>

namespace data {

// Whether a name is written as it is. One with a colon is not: it would belong to a namespace that nobody declares.
bool is_written_name(std::string_view name) noexcept;
bool is_xml_character(std::uint32_t character) noexcept;
// Nothing but white space.
inline bool is_blank(std::string_view text) noexcept {
    return text.find_first_not_of(" \t\n\r") == std::string_view::npos;
}

} // namespace data

#endif // XML_NAMES_HPP
