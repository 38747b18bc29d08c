#include "blur.hpp"

#include "wide.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

namespace blur {
namespace {

constexpr std::size_t band_rows = 96;
constexpr std::size_t strip_elements = 3072;
// More taps than this are summed as floats: with as many roundings, fixed point would show.
constexpr std::size_t fixed_taps = 20;

// Repeats the first and the last pixel of what is known to the ends of the row.
template <class L>
void repeat(std::vector<L> &row, std::size_t before, std::size_t known, std::size_t size, std::size_t channels) {
    for (std::size_t at = 0; at < before; at++) {
        row[at] = row[before + at % channels];
    }
    for (std::size_t at = before + known; at < size; at++) {
        row[at] = row[at - channels];
    }
}

template <class L, class T>
void filter(const Pixels<T> &image, T *to, const std::vector<float> &values, const Work &work) {
    const std::size_t height = image.height, row = image.row(), channels = image.channels;
    const std::size_t taps = values.size(), radius = taps / 2, side = radius * channels;
    const std::vector<L> weights = wide::weights<L>(values);
    std::vector<std::size_t> along(taps);
    for (std::size_t tap = 0; tap < taps; tap++) {
        along[tap] = tap * channels;
    }
    // Wide enough that the sides, which neighbours compute too, cost little.
    const std::size_t strip = std::min(row, std::max(8 * side, strip_elements) / channels * channels);
    struct Scratch {
        std::vector<L> ring; // a strip of the rows that a row is made of, in turns
        std::vector<std::size_t> starts;
        std::vector<L> wide, done; // a strip of a row, with what is at its sides, and the finished one
    };
    work.bands((height + band_rows - 1) / band_rows, [&] {
        const auto own = std::make_shared<Scratch>();
        own->ring.resize(taps * (strip + 2 * side));
        own->starts.resize(taps);
        own->wide.resize(strip + 2 * side);
        own->done.resize(strip);
        return [&, own](std::size_t band) {
            const std::size_t top = band * band_rows, bottom = std::min(height, top + band_rows);
            for (std::size_t left = 0; left < row; left += strip) {
                const std::size_t width = std::min(strip, row - left);
                // What there is of the sides; the rest of them repeats the border pixel.
                const std::size_t from = left - std::min(left, side), end = std::min(row, left + width + side);
                const std::size_t lacking = side - (left - from), known = end - from;
                std::size_t next = top - std::min(top, radius);
                for (std::size_t y = top; y < bottom; y++) {
                    for (; next <= std::min(y + radius, height - 1); next++) {
                        wide::lanes(own->ring.data() + next % taps * known, image.data + next * row + from, known);
                    }
                    for (std::size_t tap = 0; tap < taps; tap++) {
                        const std::size_t source = y + tap - std::min(y + tap, radius);
                        own->starts[tap] = std::min(source, height - 1) % taps * known;
                    }
                    wide::weigh(own->wide.data() + lacking, known, own->ring.data(), own->starts, weights);
                    repeat(own->wide, lacking, known, width + 2 * side, channels);
                    wide::weigh(own->done.data(), width, own->wide.data(), along, weights);
                    wide::elements(to + y * row + left, own->done.data(), width);
                }
            }
        };
    });
}

} // namespace

std::vector<float> weights(float sigma) {
    const int radius = std::max(1, static_cast<int>(std::ceil(3 * sigma)));
    std::vector<float> all;
    float sum = 0;
    for (int at = -radius; at <= radius; at++) {
        all.push_back(std::exp(-static_cast<float>(at * at) / (2 * sigma * sigma)));
        sum += all.back();
    }
    for (float &weight : all) {
        weight /= sum;
    }
    return all;
}

void run(const Pixels<std::uint8_t> &image, std::uint8_t *to, float sigma, const Work &work) {
    const std::vector<float> values = weights(sigma);
    if (values.size() <= fixed_taps) {
        filter<std::int16_t>(image, to, values, work);
    } else {
        filter<float>(image, to, values, work);
    }
}
void run(const Pixels<std::uint16_t> &image, std::uint16_t *to, float sigma, const Work &work) {
    filter<float>(image, to, weights(sigma), work);
}
void run(const Pixels<float> &image, float *to, float sigma, const Work &work) {
    filter<float>(image, to, weights(sigma), work);
}

} // namespace blur
