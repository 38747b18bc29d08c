// Other sizes: sixteen rows at a time are summed down the columns, turned, summed along the rows, and turned back, so that
// both sums run over whole registers.
#ifndef SCALE_HPP
#define SCALE_HPP

#include "pixels.hpp"
#include "work.hpp"

#include <string_view>
#include <utility>
#include <vector>

namespace scale {

// Which samples an output sample is made of.
struct Taps {
    std::size_t first;
    std::vector<float> weights;
};

// The taps of every output sample. `filter`: area, bilinear, bicubic or lanczos.
std::vector<Taps> taps(std::size_t from, std::size_t to, std::string_view filter);

// The width and height that are meant: of 0 the one that keeps the proportions. Throws InvalidParameter where both are 0.
std::pair<std::size_t, std::size_t> size_of(std::size_t width, std::size_t height, std::size_t image_width,
                                            std::size_t image_height);

// Fills `to`, of that size. Colours count as much as they cover: what is transparent has none.
void resize(const Pixels<std::uint8_t> &image, std::uint8_t *to, std::size_t width, std::size_t height,
            std::string_view filter, const Work &work);
void resize(const Pixels<std::uint16_t> &image, std::uint16_t *to, std::size_t width, std::size_t height,
            std::string_view filter, const Work &work);
void resize(const Pixels<float> &image, float *to, std::size_t width, std::size_t height, std::string_view filter,
            const Work &work);

} // namespace scale

#endif // SCALE_HPP
