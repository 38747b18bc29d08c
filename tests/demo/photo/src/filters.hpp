// The image filters of the demo, apart from anything of LAO: packed 8-bit pixels in, packed 8-bit pixels out.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace photo {

// Pixels that somebody else owns: [height][width][channels], without gaps.
struct Pixels {
    const std::uint8_t *data;
    std::int64_t height, width, channels;

    const std::uint8_t *row(std::int64_t y) const { return data + y * width * channels; }
};

// Every pixel of `out` [height / 2, width / 2, channels] is the mean of four of `in`, rounded to nearest.
inline void half(const Pixels &in, std::uint8_t *out) {
    const std::int64_t next = in.channels; // from a pixel to the one on its right
    for (std::int64_t y = 0; y < in.height / 2; ++y) {
        const std::uint8_t *top = in.row(2 * y), *bottom = in.row(2 * y + 1);
        for (std::int64_t x = 0; x < in.width / 2; ++x, top += 2 * next, bottom += 2 * next) {
            for (std::int64_t c = 0; c < next; ++c) {
                *out++ = static_cast<std::uint8_t>((top[c] + top[next + c] + bottom[c] + bottom[next + c] + 2) / 4);
            }
        }
    }
}

// One row of luma after ITU-R BT.601, in 8-bit fixed point: (77 R + 150 G + 29 B + 128) / 256. Gray stays gray.
inline void gray_row(const Pixels &in, std::int64_t y, std::uint8_t *out) {
    const std::uint8_t *pixel = in.row(y);
    if (in.channels < 3) {
        for (std::int64_t x = 0; x < in.width; ++x)
            out[x] = pixel[x * in.channels];
        return;
    }
    for (std::int64_t x = 0; x < in.width; ++x, pixel += in.channels) {
        out[x] = static_cast<std::uint8_t>((77u * pixel[0] + 150u * pixel[1] + 29u * pixel[2] + 128u) >> 8);
    }
}

// `out` is [height, width, 1].
inline void grayscale(const Pixels &in, std::uint8_t *out) {
    for (std::int64_t y = 0; y < in.height; ++y)
        gray_row(in, y, out + y * in.width);
}

// Strength of the edges: |Sobel x| + |Sobel y| of the luma, over 4, times `gain`, at most 255. `out` is
// [height, width, 1]; its border is 0. Only three gray rows exist at a time: a row of the result needs the rows above,
// at and below it.
inline void edges(const Pixels &in, int gain, std::uint8_t *out) {
    const std::int64_t width = in.width;
    std::fill_n(out, in.height * width, std::uint8_t{0});
    std::vector<std::uint8_t> gray(static_cast<std::size_t>(3 * width));
    for (std::int64_t y = 0; y < in.height; ++y) {
        gray_row(in, y, gray.data() + y % 3 * width);
        if (y < 2)
            continue;
        const std::uint8_t *a = gray.data() + (y - 2) % 3 * width;
        const std::uint8_t *b = gray.data() + (y - 1) % 3 * width;
        const std::uint8_t *c = gray.data() + y % 3 * width;
        std::uint8_t *row = out + (y - 1) * width;
        for (std::int64_t x = 1; x + 1 < width; ++x) {
            const int down = c[x - 1] + 2 * c[x] + c[x + 1] - a[x - 1] - 2 * a[x] - a[x + 1];
            const int right = a[x + 1] + 2 * b[x + 1] + c[x + 1] - a[x - 1] - 2 * b[x - 1] - c[x - 1];
            row[x] = static_cast<std::uint8_t>(std::min(255, (std::abs(down) + std::abs(right)) * gain / 4));
        }
    }
}

} // namespace photo
