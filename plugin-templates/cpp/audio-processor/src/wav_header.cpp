#include "wav_header.hpp"

#include <cstring>

namespace {

constexpr std::uint32_t unknown = 0x7FFFF000; // sizes from here on say nothing

std::uint32_t number(const std::uint8_t *at, int count) {
    std::uint32_t found = 0;
    for (int i = 0; i < count; i++) {
        found |= static_cast<std::uint32_t>(at[i]) << (8 * i);
    }
    return found;
}

} // namespace

std::string wrong_with_wav(const std::uint8_t *bytes, std::size_t size) {
    // Written to a pipe, by a program that did not know how long it would be.
    const bool is_streamed = size >= 12 && number(bytes + 4, 4) >= unknown;
    std::uint32_t frame_bytes = 0;
    for (std::size_t at = 12; at + 8 <= size;) {
        const std::uint8_t *chunk = bytes + at;
        const std::uint64_t length = number(chunk + 4, 4);
        const std::uint64_t left = size - at - 8;
        if (std::memcmp(chunk, "fmt ", 4) == 0) {
            if (length < 16 || left < 16) {
                return "its header is cut off";
            }
            const std::uint32_t tag = number(chunk + 8, 2);
            const std::uint32_t channels = number(chunk + 10, 2);
            const std::uint32_t bits = number(chunk + 22, 2);
            frame_bytes = number(chunk + 20, 2);
            const bool is_plain = tag == 1 || tag == 3 || tag == 0xFFFE; // PCM, floats, or either of them
            if (channels == 0 || (is_plain && (bits == 0 || bits > 64 || frame_bytes != channels * ((bits + 7) / 8)))) {
                return "its header contradicts itself: " + std::to_string(channels) + " channels of " +
                       std::to_string(bits) + " bits in frames of " + std::to_string(frame_bytes) + " bytes";
            }
        } else if (std::memcmp(chunk, "data", 4) == 0) {
            if (frame_bytes == 0) {
                return "its samples come before its header";
            }
            if (length > left && !(is_streamed && length >= unknown)) {
                return "it ends after " + std::to_string(left / frame_bytes) + " of " +
                       std::to_string(length / frame_bytes) + " frames";
            }
            return "";
        }
        at += 8 + static_cast<std::size_t>(length) + length % 2;
    }
    return "it has no samples";
}
