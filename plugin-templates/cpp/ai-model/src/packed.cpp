#include "packed.hpp"

#include <algorithm>
#include <charconv>

namespace {

std::optional<std::uint32_t> digit_of(char c) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? std::optional<std::uint32_t>(62) : c == '/' ? std::optional<std::uint32_t>(63) : std::nullopt;
}

} // namespace

std::optional<std::string> decode_base64(const std::string &text) {
    if (text.size() % 4 != 0) {
        return std::nullopt;
    }
    std::size_t count = text.size();
    for (int padding = 0; padding < 2 && count > 0 && text[count - 1] == '='; padding++) {
        count--;
    }
    std::string bytes;
    bytes.reserve(count * 3 / 4);
    for (std::size_t at = 0; at < count; at += 4) {
        const std::size_t digits = std::min<std::size_t>(4, count - at);
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < digits; i++) {
            const auto digit = digit_of(text[at + i]);
            if (!digit) {
                return std::nullopt;
            }
            bits = bits << 6 | *digit;
        }
        bits <<= 32 - 6 * digits;
        for (std::size_t i = 0; i < digits * 6 / 8; i++) {
            bytes.push_back(static_cast<char>(bits >> (24 - 8 * i) & 0xFF));
        }
    }
    return bytes;
}

std::optional<Packed> unpack(const lao::JsonValue &value) {
    const lao::JsonValue *shape = value.find("shape");
    const lao::JsonValue *data = value.find("data");
    if (shape == nullptr || !shape->is_list() || data == nullptr || !data->is_text()) {
        return std::nullopt;
    }
    Packed found;
    for (const lao::JsonValue &item : shape->items()) {
        std::int64_t length = -1;
        const std::string &digits = item.text();
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), length);
        if (!item.is_number() || read.ec != std::errc() || read.ptr != digits.data() + digits.size() || length < 0) {
            return std::nullopt;
        }
        found.shape.push_back(length);
    }
    auto bytes = decode_base64(data->text());
    if (!bytes) {
        return std::nullopt;
    }
    found.bytes = std::move(*bytes);
    return found;
}
