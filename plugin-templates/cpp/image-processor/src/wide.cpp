#include "wide.hpp"

#include <algorithm>
#include <cmath>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// The compiler makes a copy for each kind of processor, and the loader chooses, where the C library can do that.
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__has_attribute)
#if __has_attribute(target_clones)
#define WIDE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif
#endif
#ifndef WIDE
#define WIDE
#endif
#if defined(__GNUC__)
#define PLAIN [[gnu::always_inline]] inline
#define RESTRICT __restrict__
#if defined(__clang__)
#define NOTHING_OVERLAPS _Pragma("clang loop vectorize(assume_safety)")
#else
#define NOTHING_OVERLAPS _Pragma("GCC ivdep")
#endif
#else
#define PLAIN inline
#define RESTRICT __restrict
#define NOTHING_OVERLAPS
#endif

namespace wide {
namespace {

using std::int16_t;
using std::size_t;
using std::uint16_t;
using std::uint32_t;
using std::uint8_t;

constexpr size_t block = 1024;

// What a sum starts with, to make up for what its products lose: half of the last bit, on the average.
PLAIN int16_t start(int16_t, size_t taps) { return static_cast<int16_t>(taps / 2); }
PLAIN float start(float, size_t) { return 0; }

PLAIN int16_t add(int16_t sum, int16_t value, int16_t weight) {
    return static_cast<int16_t>(sum + ((value * weight) >> 16)); // one instruction, pmulhw, and an addition
}
PLAIN float add(float sum, float value, float weight) { return sum + value * weight; }

// Four taps at a time, so that sums are read and written seldom; in blocks that stay in the innermost cache.
template <class L>
PLAIN void weigh_plain(L *RESTRICT to, size_t size, const L *RESTRICT from, const size_t *starts, const L *weights,
                       size_t taps) {
    for (size_t left = 0; left < size; left += block) {
        const size_t width = size - left < block ? size - left : block;
        L *RESTRICT sums = to + left;
        for (size_t at = 0; at < width; at++) {
            sums[at] = start(L(), taps);
        }
        for (size_t tap = 0; tap < taps; tap += 4) {
            // Beyond the last tap, the first one of the four again, which counts nothing.
            const auto part = [&](size_t number) { return from + starts[number < taps ? number : tap] + left; };
            const auto weight = [&](size_t number) { return number < taps ? weights[number] : L(); };
            const L *RESTRICT a = part(tap), *RESTRICT b = part(tap + 1), *RESTRICT c = part(tap + 2),
                              *RESTRICT d = part(tap + 3);
            const L wa = weight(tap), wb = weight(tap + 1), wc = weight(tap + 2), wd = weight(tap + 3);
            NOTHING_OVERLAPS
            for (size_t at = 0; at < width; at++) {
                sums[at] = add(add(add(add(sums[at], a[at], wa), b[at], wb), c[at], wc), d[at], wd);
            }
        }
    }
}

template <class L>
PLAIN void weigh_turned_plain(L *RESTRICT to, const L *RESTRICT from, size_t channels, const Along<L> *pixels,
                              size_t count) {
    for (size_t pixel = 0; pixel < count; pixel++) {
        const L *weights = pixels[pixel].weights.data();
        const size_t taps = pixels[pixel].weights.size();
        for (size_t channel = 0; channel < channels; channel++) {
            L sums[turned];
            for (L &sum : sums) {
                sum = start(L(), taps);
            }
            const L *RESTRICT column = from + (pixels[pixel].first * channels + channel) * turned;
            for (size_t tap = 0; tap < taps; tap++, column += channels * turned) {
                for (size_t lane = 0; lane < turned; lane++) {
                    sums[lane] = add(sums[lane], column[lane], weights[tap]);
                }
            }
            for (size_t lane = 0; lane < turned; lane++) {
                to[lane] = sums[lane];
            }
            to += turned;
        }
    }
}

template <class L> void turn_from(size_t column, L *to, const L *from, size_t stride, size_t width) {
    for (; column < width; column++) {
        for (size_t row = 0; row < turned; row++) {
            to[column * turned + row] = from[row * stride + column];
        }
    }
}

template <class L> void turn_back_from(size_t column, L *to, const L *from, size_t stride, size_t width) {
    for (; column < width; column++) {
        for (size_t row = 0; row < turned; row++) {
            to[row * stride + column] = from[column * turned + row];
        }
    }
}

#if defined(__SSE2__)
// 8 x 8 values of 16 bits, turned in registers.
void turn_block(int16_t *to, size_t to_step, const int16_t *from, size_t from_step) {
    __m128i pairs[8], fours[8];
    for (size_t at = 0; at < 8; at += 2) {
        const __m128i one = _mm_loadu_si128(reinterpret_cast<const __m128i *>(from + at * from_step));
        const __m128i two = _mm_loadu_si128(reinterpret_cast<const __m128i *>(from + (at + 1) * from_step));
        pairs[at] = _mm_unpacklo_epi16(one, two);
        pairs[at + 1] = _mm_unpackhi_epi16(one, two);
    }
    for (size_t half = 0; half < 8; half += 4) {
        fours[half] = _mm_unpacklo_epi32(pairs[half], pairs[half + 2]);
        fours[half + 1] = _mm_unpackhi_epi32(pairs[half], pairs[half + 2]);
        fours[half + 2] = _mm_unpacklo_epi32(pairs[half + 1], pairs[half + 3]);
        fours[half + 3] = _mm_unpackhi_epi32(pairs[half + 1], pairs[half + 3]);
    }
    for (size_t at = 0; at < 4; at++) {
        const auto row = [&](size_t number) { return reinterpret_cast<__m128i *>(to + number * to_step); };
        _mm_storeu_si128(row(2 * at), _mm_unpacklo_epi64(fours[at], fours[at + 4]));
        _mm_storeu_si128(row(2 * at + 1), _mm_unpackhi_epi64(fours[at], fours[at + 4]));
    }
}
#endif

template <class T> PLAIN float rounded(float value, float most) {
    return value <= 0 ? 0 : value >= most ? most : value + 0.5f;
}

} // namespace

template <> std::vector<float> weights(const std::vector<float> &values) { return values; }

template <> std::vector<int16_t> weights(const std::vector<float> &values) {
    std::vector<long> all;
    long over = 32768;
    for (const float value : values) {
        all.push_back(std::lround(value * 32768.0f));
        over -= all.back();
    }
    *std::max_element(all.begin(), all.end()) += over;
    std::vector<int16_t> found;
    for (const long weight : all) {
        found.push_back(static_cast<int16_t>(std::min(32767L, std::max(-32768L, weight))));
    }
    return found;
}

// Of the vectors only pointers go into the cloned functions: nothing else is to be compiled for one processor alone.
WIDE static void weigh_fixed(int16_t *to, size_t size, const int16_t *from, const size_t *starts,
                             const int16_t *weights, size_t taps) {
    weigh_plain(to, size, from, starts, weights, taps);
}
WIDE static void weigh_float(float *to, size_t size, const float *from, const size_t *starts, const float *weights,
                             size_t taps) {
    weigh_plain(to, size, from, starts, weights, taps);
}
void weigh(int16_t *to, size_t size, const int16_t *from, const std::vector<size_t> &starts,
           const std::vector<int16_t> &weights) {
    weigh_fixed(to, size, from, starts.data(), weights.data(), weights.size());
}
void weigh(float *to, size_t size, const float *from, const std::vector<size_t> &starts,
           const std::vector<float> &weights) {
    weigh_float(to, size, from, starts.data(), weights.data(), weights.size());
}

WIDE static void turned_fixed(int16_t *to, const int16_t *from, size_t channels, const Along<int16_t> *pixels,
                              size_t count) {
    weigh_turned_plain(to, from, channels, pixels, count);
}
WIDE static void turned_float(float *to, const float *from, size_t channels, const Along<float> *pixels, size_t count) {
    weigh_turned_plain(to, from, channels, pixels, count);
}
void weigh_turned(int16_t *to, const int16_t *from, size_t channels, const std::vector<Along<int16_t>> &pixels) {
    turned_fixed(to, from, channels, pixels.data(), pixels.size());
}
void weigh_turned(float *to, const float *from, size_t channels, const std::vector<Along<float>> &pixels) {
    turned_float(to, from, channels, pixels.data(), pixels.size());
}

void turn(float *to, const float *from, size_t stride, size_t width) { turn_from(0, to, from, stride, width); }
void turn_back(float *to, const float *from, size_t stride, size_t width) {
    turn_back_from(0, to, from, stride, width);
}

void turn(int16_t *to, const int16_t *from, size_t stride, size_t width) {
    size_t column = 0;
#if defined(__SSE2__)
    for (; column + 8 <= width; column += 8) {
        turn_block(to + column * turned, turned, from + column, stride);
        turn_block(to + column * turned + 8, turned, from + 8 * stride + column, stride);
    }
#endif
    turn_from(column, to, from, stride, width);
}
void turn_back(int16_t *to, const int16_t *from, size_t stride, size_t width) {
    size_t column = 0;
#if defined(__SSE2__)
    for (; column + 8 <= width; column += 8) {
        turn_block(to + column, stride, from + column * turned, turned);
        turn_block(to + 8 * stride + column, stride, from + column * turned + 8, turned);
    }
#endif
    turn_back_from(column, to, from, stride, width);
}

WIDE void lanes(int16_t *RESTRICT to, const uint8_t *RESTRICT from, size_t size) {
    for (size_t at = 0; at < size; at++) {
        to[at] = static_cast<int16_t>(from[at] << 7);
    }
}
WIDE void lanes(float *RESTRICT to, const uint8_t *RESTRICT from, size_t size) {
    for (size_t at = 0; at < size; at++) {
        to[at] = from[at];
    }
}
WIDE void lanes(float *RESTRICT to, const uint16_t *RESTRICT from, size_t size) {
    for (size_t at = 0; at < size; at++) {
        to[at] = from[at];
    }
}
void lanes(float *to, const float *from, size_t size) { std::copy(from, from + size, to); }

WIDE void elements(uint8_t *RESTRICT to, const int16_t *RESTRICT from, size_t size) {
    for (size_t at = 0; at < size; at++) {
        const int value = (from[at] + 16) >> 5;
        to[at] = static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
    }
}
WIDE void elements(uint8_t *RESTRICT to, const float *RESTRICT from, size_t size) {
    for (size_t at = 0; at < size; at++) {
        to[at] = static_cast<uint8_t>(rounded<uint8_t>(from[at], 255));
    }
}
WIDE void elements(uint16_t *RESTRICT to, const float *RESTRICT from, size_t size) {
    for (size_t at = 0; at < size; at++) {
        to[at] = static_cast<uint16_t>(rounded<uint16_t>(from[at], 65535));
    }
}
void elements(float *to, const float *from, size_t size) { std::copy(from, from + size, to); }

WIDE void halve_one(uint8_t *RESTRICT to, size_t size, const uint8_t *RESTRICT upper, const uint8_t *RESTRICT lower) {
    for (size_t at = 0; at < size; at++) {
        to[at] = static_cast<uint8_t>((upper[2 * at] + upper[2 * at + 1] + lower[2 * at] + lower[2 * at + 1] + 2) >> 2);
    }
}
WIDE void halve_three(uint8_t *RESTRICT to, size_t size, const uint8_t *RESTRICT upper, const uint8_t *RESTRICT lower) {
    for (size_t at = 0; at < size / 3; at++) {
        for (size_t channel = 0; channel < 3; channel++) {
            const size_t left = 6 * at + channel, right = left + 3;
            const int sum = upper[left] + upper[right] + lower[left] + lower[right];
            to[3 * at + channel] = static_cast<uint8_t>((sum + 2) >> 2);
        }
    }
}

WIDE void luma_of_three(uint8_t *RESTRICT to, size_t size, const uint8_t *RESTRICT from, uint32_t first,
                        uint32_t last) {
    for (size_t at = 0; at < size; at++) {
        const uint32_t sum = first * from[3 * at] + 9617 * from[3 * at + 1] + last * from[3 * at + 2];
        to[at] = static_cast<uint8_t>((sum + 8192) >> 14);
    }
}
WIDE void luma_of_four(uint8_t *RESTRICT to, size_t size, const uint8_t *RESTRICT from, uint32_t first, uint32_t last) {
    for (size_t at = 0; at < size; at++) {
        const uint32_t sum = first * from[4 * at] + 9617 * from[4 * at + 1] + last * from[4 * at + 2];
        to[at] = static_cast<uint8_t>((sum + 8192) >> 14);
    }
}

} // namespace wide
