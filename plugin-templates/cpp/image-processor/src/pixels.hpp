// Images as LAO carries them, of whatever element type.
#ifndef PIXELS_HPP
#define PIXELS_HPP

#include <cstddef>
#include <cstdint>
#include <lao/lao.hpp>
#include <string>
#include <utility>
#include <vector>

// The value of white.
template <class T> constexpr float white = 1;
template <> inline constexpr float white<std::uint8_t> = 255;
template <> inline constexpr float white<std::uint16_t> = 65535;

// Rounded; it lies within the type.
template <class T> T element_of(float value) { return static_cast<T>(value + 0.5f); }
template <> inline float element_of<float>(float value) { return value; }

inline std::uint32_t usual_order(std::size_t channels) {
    return channels == 1 ? LAO_CHANNELS_GRAY : channels == 3 ? LAO_CHANNELS_RGB : LAO_CHANNELS_RGBA;
}

// An image whose elements lie one after the other: the caller's memory, where they do so there.
template <class T> class Pixels {
  public:
    explicit Pixels(const lao::ImageView<T> &view)
        : height(static_cast<std::size_t>(view.height())), width(static_cast<std::size_t>(view.width())),
          channels(static_cast<std::size_t>(view.channels())), order(view.channel_order()), space(view.color_space()) {
        if (height == 0 || width == 0) {
            throw lao::InvalidInput("the image has no pixels");
        }
        if (channels != 1 && channels != 3 && channels != 4) {
            throw lao::InvalidInput("an image has 1, 3 or 4 channels, not " + std::to_string(channels));
        }
        if (order == LAO_CHANNELS_UNSPECIFIED) {
            order = usual_order(channels);
        }
        data = view.contiguous();
        if (data == nullptr) {
            own_.resize(height * row());
            view.copy_to(own_.data());
            data = own_.data();
        }
    }
    Pixels(std::vector<T> own, std::size_t height, std::size_t width, std::size_t channels)
        : height(height), width(width), channels(channels), order(usual_order(channels)), own_(std::move(own)) {
        data = own_.data();
    }
    Pixels(Pixels &&) noexcept = default; // a vector that moves keeps its memory
    Pixels &operator=(Pixels &&) noexcept = default;

    // Elements of a row, and of all.
    std::size_t row() const noexcept { return width * channels; }
    std::size_t count() const noexcept { return height * row(); }
    bool blue_first() const noexcept { return order == LAO_CHANNELS_BGR || order == LAO_CHANNELS_BGRA; }
    std::uint32_t colors() const noexcept {
        const std::uint32_t usual = channels == 1 ? LAO_COLOR_GRAY : LAO_COLOR_SRGB;
        return space != LAO_COLOR_UNSPECIFIED ? space : usual;
    }

    // Room for another one of this kind, in the host's memory.
    lao::Image<T> room(lao::Host host, std::size_t rows, std::size_t columns) const {
        return lao::Image<T>(host, static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns),
                             static_cast<std::int64_t>(channels), order, colors());
    }

    const T *data;
    std::size_t height, width, channels;
    std::uint32_t order, space = LAO_COLOR_UNSPECIFIED;

  private:
    std::vector<T> own_;
};

// How the pixels of a turned or mirrored image are found in the source.
struct Turn {
    bool swapped = false; // rows become columns
    bool up = false;      // from the last row of the source to its first
    bool left = false;

    static Turn quarters(std::int64_t quarters) { // clockwise
        switch (quarters % 4) {
        case 1:
            return {true, true, false};
        case 2:
            return {false, true, true};
        case 3:
            return {true, false, true};
        default:
            return {};
        }
    }
    bool none() const noexcept { return !swapped && !up && !left; }
    // Height and width of what becomes of such a source.
    std::pair<std::size_t, std::size_t> size(std::size_t height, std::size_t width) const {
        return swapped ? std::make_pair(width, height) : std::make_pair(height, width);
    }

    // Tile by tile: a column of the source is met in as many cache lines as a tile has rows.
    template <class T>
    void run(T *to, const T *from, std::size_t height, std::size_t width, std::size_t channels) const {
        constexpr std::size_t tile = 32;
        const auto [rows, columns] = size(height, width);
        for (std::size_t top = 0; top < rows; top += tile) {
            for (std::size_t side = 0; side < columns; side += tile) {
                for (std::size_t row = top; row < rows && row < top + tile; row++) {
                    for (std::size_t column = side; column < columns && column < side + tile; column++) {
                        const std::size_t y = swapped ? column : row, x = swapped ? row : column;
                        const std::size_t at = (up ? height - 1 - y : y) * width + (left ? width - 1 - x : x);
                        for (std::size_t channel = 0; channel < channels; channel++) {
                            to[(row * columns + column) * channels + channel] = from[at * channels + channel];
                        }
                    }
                }
            }
        }
    }
};

// Runs a function on an image of any of the three element types.
template <class Function> auto with_pixels(const lao::AnyImage &image, Function &&function) {
    if (image.is<std::uint8_t>()) {
        return function(Pixels<std::uint8_t>(image.as<std::uint8_t>()));
    }
    if (image.is<std::uint16_t>()) {
        return function(Pixels<std::uint16_t>(image.as<std::uint16_t>()));
    }
    if (image.is<float>()) {
        return function(Pixels<float>(image.as<float>()));
    }
    throw lao::InvalidInput("an image has elements of uint8, uint16 or float32");
}

#endif // PIXELS_HPP
