#include "exif.hpp"

#include <optional>

namespace exif {
namespace {

constexpr std::uint32_t orientation_tag = 0x0112;

class Reader {
  public:
    explicit Reader(std::string_view data) : data_(data), little_(data.substr(0, 2) == "II") {}

    // `bytes` of a number; none beyond the end.
    std::optional<std::uint32_t> number(std::uint64_t at, std::uint64_t bytes) const {
        if (at > data_.size() || bytes > data_.size() - at) {
            return std::nullopt;
        }
        std::uint32_t value = 0;
        for (std::uint64_t i = 0; i < bytes; i++) {
            const auto byte = static_cast<unsigned char>(data_[at + (little_ ? bytes - 1 - i : i)]);
            value = value << 8 | byte;
        }
        return value;
    }

  private:
    std::string_view data_;
    bool little_;
};

std::uint32_t orientation(std::string_view data) {
    using namespace std::literals;
    if (data.substr(0, 6) == "Exif\0\0"sv) {
        data.remove_prefix(6);
    }
    if (data.substr(0, 4) != "II\x2a\0"sv && data.substr(0, 4) != "MM\0\x2a"sv) {
        return 1;
    }
    const Reader reader(data);
    const std::uint64_t directory = reader.number(4, 4).value_or(0xffffffff);
    const std::uint32_t entries = reader.number(directory, 2).value_or(0);
    for (std::uint32_t entry = 0; entry < entries; entry++) {
        const std::uint64_t at = directory + 2 + std::uint64_t{entry} * 12;
        if (reader.number(at, 2) == orientation_tag) {
            return reader.number(at + 8, 2).value_or(1);
        }
    }
    return 1;
}

} // namespace

Turn turn(std::string_view data) {
    switch (orientation(data)) {
    case 2:
        return {false, false, true};
    case 3:
        return {false, true, true};
    case 4:
        return {false, true, false};
    case 5:
        return {true, false, false};
    case 6:
        return {true, true, false};
    case 7:
        return {true, true, true};
    case 8:
        return {true, false, true};
    default:
        return {};
    }
}

} // namespace exif
