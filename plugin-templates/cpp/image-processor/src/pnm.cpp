// PGM and PPM of 8 bits, as text or not: images that can be written by hand.
#include "codec.hpp"

#include <algorithm>

namespace codec::pnm {
namespace {

class File : public Decoder {
  public:
    explicit File(lao::Bytes file)
        : rest_(reinterpret_cast<const char *>(file.data) + 2, file.size - 2), kind_(static_cast<char>(file.data[1])) {
        const char *const wrong = "its head is no head of a PNM";
        head.width = number(wrong);
        head.height = number(wrong);
        most_ = number(wrong);
        if (most_ < 1 || most_ > 255) {
            throw refused("a PNM of more than 8 bits is not supported");
        }
        head.channels = kind_ == '3' || kind_ == '6' ? 3 : 1;
        rest_.remove_prefix(std::min<std::size_t>(rest_.size(), 1));
    }

    void read(std::uint8_t *to) override {
        const char *const wrong = "it ends before its last pixel";
        const std::size_t size = head.elements();
        if (kind_ == '2' || kind_ == '3') {
            for (std::size_t at = 0; at < size; at++) {
                to[at] = scaled(number(wrong));
            }
            return;
        }
        if (rest_.size() < size) {
            throw refused(wrong);
        }
        std::transform(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(size), to,
                       [this](char value) { return scaled(static_cast<unsigned char>(value)); });
    }

  private:
    // The next number; comments run from # to the end of the line.
    std::uint32_t number(const char *wrong) {
        constexpr std::string_view blanks = " \t\n\r\f";
        while (true) {
            rest_.remove_prefix(std::min(rest_.find_first_not_of(blanks), rest_.size()));
            if (rest_.empty() || rest_.front() != '#') {
                break;
            }
            rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
        }
        std::uint64_t value = 0;
        std::size_t digits = 0;
        for (; digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; digits++) {
            value = value * 10 + static_cast<std::uint64_t>(rest_[digits] - '0');
            if (value > 0xffffffff) {
                throw refused(wrong);
            }
        }
        if (digits == 0) {
            throw refused(wrong);
        }
        rest_.remove_prefix(digits);
        return static_cast<std::uint32_t>(value);
    }
    std::uint8_t scaled(std::uint32_t value) const {
        return static_cast<std::uint8_t>((std::min(value, most_) * 255 + most_ / 2) / most_);
    }

    std::string_view rest_;
    char kind_;
    std::uint32_t most_ = 0;
};

} // namespace

std::unique_ptr<Decoder> open(lao::Bytes file) { return std::make_unique<File>(file); }

} // namespace codec::pnm
