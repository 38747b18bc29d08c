// Numbers as texts, whatever the process's locale.
#ifndef NUMBER_HPP
#define NUMBER_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace data {

// The whole text as an integer of 64 bits; nothing when it is none.
std::optional<std::int64_t> to_integer(std::string_view text) noexcept;
// The whole text as a number; nothing when it is none, or beyond what a double can hold.
std::optional<double> to_double(std::string_view text) noexcept;
// In the fewest digits that read back as the same; with an exponent where there would be many zeros.
std::string number_text(double number);

// How many bytes at the start of a text are a number as JSON writes it; 0: none.
std::size_t json_number_size(std::string_view text) noexcept;

} // namespace data

#endif // NUMBER_HPP
