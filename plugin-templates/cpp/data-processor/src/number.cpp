#include "number.hpp"

#include <charconv>
#include <cmath>

namespace data {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::size_t digits(std::string_view text, std::size_t at) noexcept {
    std::size_t end = at;
    while (end < text.size() && is_digit(text[end])) {
        end++;
    }
    return end - at;
}

// Whether what lies beyond a double is too small for it, and not too large.
bool is_tiny(std::string_view text) noexcept {
    const std::size_t power = text.find_first_of("eE");
    const std::size_t first = text.find_first_of("123456789");
    const std::size_t point = std::min(text.find('.'), std::min(power, text.size()));
    std::int64_t exponent = 0;
    if (power != std::string_view::npos) {
        const std::string_view written = text.substr(power + 1);
        const bool is_negative = written.substr(0, 1) == "-";
        const std::string_view value = written.substr(is_negative || written.substr(0, 1) == "+" ? 1 : 0);
        const auto result = std::from_chars(value.data(), value.data() + value.size(), exponent);
        if (result.ec == std::errc::result_out_of_range) {
            return is_negative;
        }
        exponent = is_negative ? -exponent : exponent;
    }
    // Where the first digit stands before the point, in powers of ten.
    const auto size = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(std::min(first, text.size()));
    return exponent < -size;
}

} // namespace

std::optional<std::int64_t> to_integer(std::string_view text) noexcept {
    std::int64_t number = 0;
    text.remove_prefix(text.size() > 1 && text[0] == '+' && is_digit(text[1]) ? 1 : 0);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::optional<double> to_double(std::string_view text) noexcept {
    double number = 0;
    text.remove_prefix(text.size() > 1 && text[0] == '+' && text[1] != '-' ? 1 : 0);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (end != text.data() + text.size() || error == std::errc::invalid_argument) {
        return std::nullopt;
    }
    if (error == std::errc::result_out_of_range) {
        return is_tiny(text) ? std::optional(0.0) : std::nullopt;
    }
    return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

std::string number_text(double number) {
    char text[40];
    const double size = std::fabs(number);
    const bool is_plain = size == 0 || (size >= 1e-7 && size < 1e16);
    const auto form = is_plain ? std::chars_format::fixed : std::chars_format::scientific;
    std::string made(text, std::to_chars(text, text + sizeof text, number, form).ptr);
    if (!is_plain) {
        // "1e+07" is "1e7", as others write it.
        std::size_t at = made.find('e') + 1;
        made.erase(at, made[at] == '+' ? 1 : 0);
        at += made[at] == '-' ? 1 : 0;
        made.erase(at, made[at] == '0' ? 1 : 0);
    }
    return made;
}

std::size_t json_number_size(std::string_view text) noexcept {
    std::size_t at = !text.empty() && text[0] == '-' ? 1 : 0;
    const std::size_t whole = digits(text, at);
    if (whole == 0 || (whole > 1 && text[at] == '0')) {
        return 0;
    }
    at += whole;
    if (at < text.size() && text[at] == '.') {
        const std::size_t more = digits(text, at + 1);
        if (more == 0) {
            return 0;
        }
        at += 1 + more;
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        const std::size_t sign = at + 1 < text.size() && (text[at + 1] == '+' || text[at + 1] == '-') ? 1 : 0;
        const std::size_t more = digits(text, at + 1 + sign);
        if (more == 0) {
            return 0;
        }
        at += 1 + sign + more;
    }
    return at;
}

} // namespace data
