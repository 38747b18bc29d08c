#include "color.hpp"

#include "wide.hpp"

#include <algorithm>
#include <cmath>

namespace color {
namespace {

constexpr std::size_t band_rows = 64;

template <class T> void luma(T *to, std::size_t size, const T *from, std::size_t channels, bool blue_first) {
    const std::size_t red = blue_first ? 2 : 0, blue = blue_first ? 0 : 2;
    for (std::size_t at = 0; at < size; at++, from += channels) {
        to[at] = element_of<T>(0.299f * static_cast<float>(from[red]) + 0.587f * static_cast<float>(from[1]) +
                               0.114f * static_cast<float>(from[blue]));
    }
}
void luma(std::uint8_t *to, std::size_t size, const std::uint8_t *from, std::size_t channels, bool blue_first) {
    const std::uint32_t red = 4899, blue = 1868; // and 9617 for green: 14 bits behind the point, 1 together
    const auto run = channels == 4 ? wide::luma_of_four : wide::luma_of_three;
    run(to, size, from, blue_first ? blue : red, blue_first ? red : blue);
}

} // namespace

template <class T> void gray(const Pixels<T> &image, T *to, const Work &work) {
    work.bands((image.height + band_rows - 1) / band_rows, [&] {
        return [&](std::size_t band) {
            const std::size_t first = band * band_rows * image.width;
            const std::size_t size = std::min(band_rows * image.width, image.height * image.width - first);
            const T *from = image.data + first * image.channels;
            if (image.channels == 1) {
                std::copy(from, from + size, to + first);
            } else {
                luma(to + first, size, from, image.channels, image.blue_first());
            }
        };
    });
}

template <class T> std::array<T, 3> ycbcr(const std::array<T, 3> &rgb) {
    const auto red = static_cast<float>(rgb[0]), green = static_cast<float>(rgb[1]), blue = static_cast<float>(rgb[2]);
    const float luma = 0.299f * red + 0.587f * green + 0.114f * blue;
    const float middle = white<T> > 1 ? (white<T> + 1) / 2 : 0.5f;
    const auto kept = [](float value) { return element_of<T>(std::clamp(value, 0.0f, white<T>)); };
    return {kept(luma), kept((blue - luma) * 0.564334f + middle), kept((red - luma) * 0.713267f + middle)};
}

template <class T> std::array<T, 3> hsv(const std::array<T, 3> &rgb) {
    const auto red = static_cast<float>(rgb[0]), green = static_cast<float>(rgb[1]), blue = static_cast<float>(rgb[2]);
    const float most = std::max({red, green, blue}), reach = most - std::min({red, green, blue});
    float sixths = 0;
    if (reach > 0 && most == red) {
        sixths = (green - blue) / reach + (green < blue ? 6 : 0);
    } else if (reach > 0 && most == green) {
        sixths = (blue - red) / reach + 2;
    } else if (reach > 0) {
        sixths = (red - green) / reach + 4;
    }
    return {element_of<T>(sixths / 6 * white<T>), element_of<T>(most > 0 ? reach / most * white<T> : 0),
            element_of<T>(most)};
}

template <class T>
lao::ImageOut convert(const Pixels<T> &image, std::string_view model, lao::Host host, const Work &work) {
    const auto height = static_cast<std::int64_t>(image.height), width = static_cast<std::int64_t>(image.width);
    if (model == "gray") {
        lao::Image<T> made(host, height, width, 1, LAO_CHANNELS_GRAY, LAO_COLOR_GRAY);
        gray(image, made.data(), work);
        return made;
    }
    const bool blue_first = model == "bgr" || model == "bgra",
               ordered = blue_first || model == "rgb" || model == "rgba";
    const std::size_t channels = model == "rgba" || model == "bgra" ? 4 : 3, from = image.channels;
    const std::uint32_t orders[] = {LAO_CHANNELS_RGB, LAO_CHANNELS_BGR, LAO_CHANNELS_RGBA, LAO_CHANNELS_BGRA};
    std::uint32_t order = LAO_CHANNELS_UNSPECIFIED, space = LAO_COLOR_UNSPECIFIED;
    if (ordered) {
        order = orders[(channels == 4 ? 2 : 0) + (blue_first ? 1 : 0)];
        space = from == 1 ? std::uint32_t{LAO_COLOR_SRGB} : image.colors();
    }
    lao::Image<T> made(host, height, width, static_cast<std::int64_t>(channels), order, space);
    const std::size_t red = from == 1 ? 0 : image.blue_first() ? 2 : 0, green = from == 1 ? 0 : 1;
    const std::size_t blue = from == 1 ? 0 : 2 - red;
    work.bands((image.height + band_rows - 1) / band_rows, [&] {
        return [&, channels](std::size_t band) {
            const std::size_t end = std::min((band + 1) * band_rows, image.height) * image.width;
            for (std::size_t at = band * band_rows * image.width; at < end; at++) {
                const T *pixel = image.data + at * from;
                T *to = made.data() + at * channels;
                std::array<T, 3> parts{pixel[red], pixel[green], pixel[blue]};
                if (blue_first) {
                    std::swap(parts[0], parts[2]);
                } else if (model == "ycbcr") {
                    parts = ycbcr(parts);
                } else if (model == "hsv") {
                    parts = hsv(parts);
                }
                std::copy(parts.begin(), parts.end(), to);
                if (channels == 4) {
                    to[3] = from == 4 ? pixel[3] : element_of<T>(white<T>);
                }
            }
        };
    });
    return made;
}

#define COLOR_OF(T)                                                                                                    \
    template void gray(const Pixels<T> &, T *, const Work &);                                                          \
    template std::array<T, 3> ycbcr(const std::array<T, 3> &);                                                         \
    template std::array<T, 3> hsv(const std::array<T, 3> &);                                                           \
    template lao::ImageOut convert(const Pixels<T> &, std::string_view, lao::Host, const Work &)
COLOR_OF(std::uint8_t);
COLOR_OF(std::uint16_t);
COLOR_OF(float);

} // namespace color
