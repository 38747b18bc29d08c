// Colours: gray, other orders of the channels, other colour models.
#ifndef COLOR_HPP
#define COLOR_HPP

#include "pixels.hpp"
#include "work.hpp"

#include <array>
#include <string_view>

namespace color {

// The luma of sRGB values: ITU-R BT.601, as JPEG has it. Fills `to`, one channel.
template <class T> void gray(const Pixels<T> &image, T *to, const Work &work);

// The image as gray, rgb, bgr, rgba, bgra, ycbcr or hsv.
template <class T>
lao::ImageOut convert(const Pixels<T> &image, std::string_view model, lao::Host host, const Work &work);

// As JPEG has it: all of the range; the middle of the two differences is half of white.
template <class T> std::array<T, 3> ycbcr(const std::array<T, 3> &rgb);
// Hue, saturation and value, each from 0 to white; the hue of red is 0.
template <class T> std::array<T, 3> hsv(const std::array<T, 3> &rgb);

} // namespace color

#endif // COLOR_HPP
