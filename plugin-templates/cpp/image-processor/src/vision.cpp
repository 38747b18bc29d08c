#include "vision.hpp"

#include "color.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace vision {
namespace {

constexpr std::size_t band_rows = 64;

// Calls `each` with every pixel of an image of that size, its row and its column.
template <class Function> void each_pixel(std::size_t width, std::size_t height, const Work &work, Function each) {
    work.bands((height + band_rows - 1) / band_rows, [&] {
        return [&](std::size_t band) {
            for (std::size_t row = band * band_rows; row < std::min(height, (band + 1) * band_rows); row++) {
                for (std::size_t column = 0; column < width; column++) {
                    each(row * width + column, row, column);
                }
            }
        };
    });
}

template <class T> std::vector<T> gray_of(const Pixels<T> &image, const Work &work) {
    std::vector<T> luma(image.width * image.height);
    color::gray(image, luma.data(), work);
    return luma;
}

// Sobel's gradient at a pixel; the border pixels go on outside.
template <class T>
std::array<float, 2> gradient(const std::vector<T> &luma, std::size_t width, std::size_t height, std::size_t row,
                              std::size_t column) {
    const std::size_t up = (row > 0 ? row - 1 : 0) * width, down = std::min(row + 1, height - 1) * width;
    const std::size_t left = column > 0 ? column - 1 : 0, right = std::min(column + 1, width - 1), here = row * width;
    const auto at = [&](std::size_t place) { return static_cast<float>(luma[place]); };
    const auto side = [&](std::size_t x) { return at(up + x) + 2 * at(here + x) + at(down + x); };
    const auto line = [&](std::size_t y) { return at(y + left) + 2 * at(y + column) + at(y + right); };
    return {side(right) - side(left), line(down) - line(up)};
}

} // namespace

template <class T> void edges(const Pixels<T> &image, T *to, const Work &work) {
    const std::vector<T> luma = gray_of(image, work);
    each_pixel(image.width, image.height, work, [&](std::size_t at, std::size_t row, std::size_t column) {
        const auto [x, y] = gradient(luma, image.width, image.height, row, column);
        to[at] = element_of<T>(std::min(std::sqrt(x * x + y * y), white<T>));
    });
}

template <class T>
std::vector<Corner> corners(const Pixels<T> &image, std::size_t most, std::size_t distance, const Work &work) {
    const std::size_t width = image.width, height = image.height;
    const std::vector<T> luma = gray_of(image, work);
    std::vector<std::array<float, 3>> products(width * height);
    each_pixel(width, height, work, [&](std::size_t at, std::size_t row, std::size_t column) {
        auto [x, y] = gradient(luma, width, height, row, column);
        x /= white<T>;
        y /= white<T>;
        products[at] = {x * x, y * y, x * y};
    });
    std::vector<float> harris(width * height);
    each_pixel(width, height, work, [&](std::size_t at, std::size_t row, std::size_t column) {
        float xx = 0, yy = 0, xy = 0;
        for (std::size_t y = row - std::min<std::size_t>(row, 2); y < std::min(height, row + 3); y++) {
            for (std::size_t x = column - std::min<std::size_t>(column, 2); x < std::min(width, column + 3); x++) {
                const auto &product = products[y * width + x];
                xx += product[0];
                yy += product[1];
                xy += product[2];
            }
        }
        harris[at] = xx * yy - xy * xy - 0.05f * (xx + yy) * (xx + yy);
    });
    const float strongest = *std::max_element(harris.begin(), harris.end());
    const float least = std::max(strongest * 0.01f, 1e-6f); // what is less is noise
    std::vector<std::size_t> order;
    for (std::size_t at = 0; at < harris.size(); at++) {
        if (harris[at] >= least) {
            order.push_back(at);
        }
    }
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return harris[a] > harris[b]; });
    std::vector<bool> taken(harris.size());
    std::vector<Corner> found;
    for (const std::size_t at : order) {
        if (found.size() == most) {
            break;
        }
        if (taken[at]) {
            continue;
        }
        work.go_on();
        const std::size_t x = at % width, y = at / width;
        for (std::size_t row = y - std::min(y, distance); row < std::min(height, y + distance + 1); row++) {
            const auto begin = taken.begin() + static_cast<std::ptrdiff_t>(row * width);
            std::fill(begin + static_cast<std::ptrdiff_t>(x - std::min(x, distance)),
                      begin + static_cast<std::ptrdiff_t>(std::min(width, x + distance + 1)), true);
        }
        found.push_back({x, y, harris[at] / strongest});
    }
    return found;
}

#define VISION_OF(T)                                                                                                   \
    template void edges(const Pixels<T> &, T *, const Work &);                                                         \
    template std::vector<Corner> corners(const Pixels<T> &, std::size_t, std::size_t, const Work &)
VISION_OF(std::uint8_t);
VISION_OF(std::uint16_t);
VISION_OF(float);

} // namespace vision
