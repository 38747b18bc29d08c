// Loops for wide registers: one source, compiled for what processors have; the best that this one has runs.
#ifndef WIDE_HPP
#define WIDE_HPP

#include <cstddef>
#include <cstdint>
#include <vector>

namespace wide {

// What sums of weighted samples are made of: floats, or 16-bit fixed point. That has 7 bits behind the point for a sample of
// 8 bits, 6 after the first sum and 5 after the second, since weights have 15 and products keep their upper half.
template <class L> std::vector<L> weights(const std::vector<float> &values);
template <> std::vector<float> weights(const std::vector<float> &values);
// The largest takes what rounding leaves over; 1 becomes the next smaller number.
template <> std::vector<std::int16_t> weights(const std::vector<float> &values);

// `to[i]` = the sum of `weights[k] * from[starts[k] + i]`, for `size` of them.
void weigh(std::int16_t *to, std::size_t size, const std::int16_t *from, const std::vector<std::size_t> &starts,
           const std::vector<std::int16_t> &weights);
void weigh(float *to, std::size_t size, const float *from, const std::vector<std::size_t> &starts,
           const std::vector<float> &weights);

// Rows that are weighed across at once, after they were turned.
constexpr std::size_t turned = 16;

// A sum along a row: where its first sample is, and the weights of that one and of those after it.
template <class L> struct Along {
    std::size_t first;
    std::vector<L> weights;
};

// The same on turned rows, whose 16 values of each column lie together: of every pixel of `to`, every channel.
void weigh_turned(std::int16_t *to, const std::int16_t *from, std::size_t channels,
                  const std::vector<Along<std::int16_t>> &pixels);
void weigh_turned(float *to, const float *from, std::size_t channels, const std::vector<Along<float>> &pixels);

// Turns 16 rows of a width, each `stride` after the one before, so that the values of a column lie together; and back.
void turn(std::int16_t *to, const std::int16_t *from, std::size_t stride, std::size_t width);
void turn(float *to, const float *from, std::size_t stride, std::size_t width);
void turn_back(std::int16_t *to, const std::int16_t *from, std::size_t stride, std::size_t width);
void turn_back(float *to, const float *from, std::size_t stride, std::size_t width);

// Elements to lanes and back, `size` of them.
void lanes(std::int16_t *to, const std::uint8_t *from, std::size_t size);
void lanes(float *to, const std::uint8_t *from, std::size_t size);
void lanes(float *to, const std::uint16_t *from, std::size_t size);
void lanes(float *to, const float *from, std::size_t size);
void elements(std::uint8_t *to, const std::int16_t *from, std::size_t size);
void elements(std::uint8_t *to, const float *from, std::size_t size);
void elements(std::uint16_t *to, const float *from, std::size_t size);
void elements(float *to, const float *from, std::size_t size);

// Means of 2 x 2 pixels of one or three channels, rounded; `size` elements of `to`.
void halve_one(std::uint8_t *to, std::size_t size, const std::uint8_t *upper, const std::uint8_t *lower);
void halve_three(std::uint8_t *to, std::size_t size, const std::uint8_t *upper, const std::uint8_t *lower);

// Luma of `size` pixels; `first` and `last` are the weights of their first and third channel, with 14 bits behind the point.
void luma_of_three(std::uint8_t *to, std::size_t size, const std::uint8_t *from, std::uint32_t first,
                   std::uint32_t last);
void luma_of_four(std::uint8_t *to, std::size_t size, const std::uint8_t *from, std::uint32_t first,
                  std::uint32_t last);

} // namespace wide

#endif // WIDE_HPP
