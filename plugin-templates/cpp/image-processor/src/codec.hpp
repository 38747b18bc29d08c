// Files: PNG, JPEG, WebP, and PNM to read. What a file claims is held against `max_pixels` before memory is taken for it.
#ifndef CODEC_HPP
#define CODEC_HPP

#include "pixels.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace codec {

// What a file says of its image, as it lies in the file: not yet turned as the camera was.
struct Head {
    std::size_t width = 0, height = 0;
    std::size_t channels = 3; // 1, 3 or 4
    bool sixteen = false;
    Turn turn;

    std::size_t elements() const noexcept { return width * height * channels; }
    // Height and width once it is turned.
    std::pair<std::size_t, std::size_t> size() const { return turn.size(height, width); }
};

// Throws InvalidInput where an image is larger than is allowed, or has no pixels.
class Limit {
  public:
    explicit Limit(std::uint64_t max_pixels) : max_pixels_(max_pixels) {}
    void check(std::uint64_t width, std::uint64_t height) const;
    // Bytes that a library may take for what is beside the pixels.
    std::uint64_t memory() const noexcept { return max_pixels_ * 8 + (64u << 20); }

  private:
    std::uint64_t max_pixels_;
};

// A file whose head was read.
class Decoder {
  public:
    virtual ~Decoder() = default;
    Decoder() = default;
    Decoder(const Decoder &) = delete;
    Decoder &operator=(const Decoder &) = delete;

    Head head;
    // Fills `to` with head.elements() of 8 bits, or of 16 in network order. Once only.
    virtual void read(std::uint8_t *to) = 0;
};

lao::InvalidInput refused(const std::string &reason);
lao::InvalidInput unwritable(const std::string &reason);

// Of a file in one of the formats.
std::unique_ptr<Decoder> open(lao::Bytes file, const Limit &limit);

// The elements, turned as the head says. `to` has room for them.
void read(Decoder &decoder, std::uint8_t *to);
void read(Decoder &decoder, std::uint16_t *to);
// As 8 bits; of 16 the upper ones.
Pixels<std::uint8_t> read(Decoder &decoder);

// `format`: png, jpeg or webp. The media type is set.
lao::Binary encode(const Pixels<std::uint8_t> &image, std::string_view format, int quality, lao::Host host);

namespace png {
std::unique_ptr<Decoder> open(lao::Bytes file, const Limit &limit);
lao::Binary write(const Pixels<std::uint8_t> &image, lao::Host host);
} // namespace png
namespace jpeg {
std::unique_ptr<Decoder> open(lao::Bytes file);
lao::Binary write(const Pixels<std::uint8_t> &image, int quality, lao::Host host);
} // namespace jpeg
namespace webp {
std::unique_ptr<Decoder> open(lao::Bytes file, const Limit &limit);
lao::Binary write(const Pixels<std::uint8_t> &image, lao::Host host);
} // namespace webp
namespace pnm {
std::unique_ptr<Decoder> open(lao::Bytes file);
} // namespace pnm

} // namespace codec

#endif // CODEC_HPP
