#include "scale.hpp"

#include "wide.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

namespace scale {
namespace {

// More taps than this are summed as floats: with as many roundings, fixed point would show.
constexpr std::size_t fixed_taps = 20;
// Elements of a row that go through the first sum together: their rows stay in the cache.
constexpr std::size_t strip = 1024;

// Makes them sum to 1, without zeros at the ends.
Taps normal(std::size_t first, const std::vector<double> &raw) {
    double sum = 0;
    for (const double weight : raw) {
        sum += weight;
    }
    const auto counts = [&](double weight) { return std::abs(weight) > std::abs(sum) * 1e-6; };
    auto begin = std::find_if(raw.begin(), raw.end(), counts);
    if (begin == raw.end()) {
        begin = raw.begin();
    }
    const auto end = std::find_if(raw.rbegin(), std::make_reverse_iterator(begin), counts).base();
    Taps found{first + static_cast<std::size_t>(begin - raw.begin()), {}};
    for (auto at = begin; at < std::max(end, begin + 1); ++at) {
        found.weights.push_back(static_cast<float>(*at / sum));
    }
    return found;
}

// How much of each sample lies between two places.
Taps overlaps(double from, double to, std::size_t length) {
    const std::size_t first = std::min(static_cast<std::size_t>(from), length - 1);
    const std::size_t end = std::min(std::max(static_cast<std::size_t>(std::ceil(to)), first + 1), length);
    std::vector<double> parts;
    for (std::size_t at = first; at < end; at++) {
        const double begins = static_cast<double>(at);
        parts.push_back(std::max(0.0, std::min(to, begins + 1) - std::max(from, begins)));
    }
    return normal(first, parts);
}

double linear(double x) { return 1 - x; }

// Keys' cubic with a = -0.5, for x in 0..2.
double cubic(double x) { return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : ((-0.5 * x + 2.5) * x - 4) * x + 2; }

// sinc(x) sinc(x / 3), for x in 0..3.
double lanczos(double x) {
    if (x == 0) {
        return 1;
    }
    const double third = 3.14159265358979323846 / 3 * x, sine = std::sin(third);
    return (3 - 4 * sine * sine) * sine * sine / (3 * third * third); // sin(3a) = 3 sin(a) - 4 sin(a)^3
}

// Colours times alpha, on the way in, and the other way round.
template <class T> void cover(float *to, const T *from, std::size_t size) {
    for (std::size_t at = 0; at < size; at += 4) {
        const float alpha = static_cast<float>(from[at + 3]) / white<T>;
        for (std::size_t channel = 0; channel < 3; channel++) {
            to[at + channel] = static_cast<float>(from[at + channel]) * alpha;
        }
        to[at + 3] = static_cast<float>(from[at + 3]);
    }
}
template <class T> void uncover(T *to, const float *from, std::size_t size) {
    for (std::size_t at = 0; at < size; at += 4) {
        const float factor = from[at + 3] > 0 ? white<T> / from[at + 3] : 0;
        for (std::size_t channel = 0; channel < 3; channel++) {
            to[at + channel] = element_of<T>(std::clamp(from[at + channel] * factor, 0.0f, white<T>));
        }
        to[at + 3] = element_of<T>(std::clamp(from[at + 3], 0.0f, white<T>));
    }
}
void cover(std::int16_t *, const std::uint8_t *, std::size_t) {}
void uncover(std::uint8_t *, const std::int16_t *, std::size_t) {}

template <class L, class T>
void filter_with(const Pixels<T> &image, T *to, const std::vector<Taps> &down, const std::vector<Taps> &along,
                 const Work &work) {
    const std::size_t channels = image.channels, row = image.row(), out = along.size() * channels;
    std::vector<wide::Along<L>> across;
    for (const Taps &taps : along) {
        across.push_back({taps.first, wide::weights<L>(taps.weights)});
    }
    std::vector<std::vector<L>> heights;
    for (const Taps &taps : down) {
        heights.push_back(wide::weights<L>(taps.weights));
    }
    struct Scratch {
        std::vector<L> rows, sums, turned, found, done;
        std::vector<std::size_t> starts;
    };
    const bool alpha = channels == 4; // never in fixed point
    work.bands((down.size() + wide::turned - 1) / wide::turned, [&] {
        const auto own = std::make_shared<Scratch>();
        own->sums.resize(wide::turned * strip);
        own->turned.resize(wide::turned * row);
        own->found.resize(wide::turned * out);
        own->done.resize(wide::turned * out);
        return [&, own](std::size_t band) {
            const std::size_t top = band * wide::turned, count = std::min(wide::turned, down.size() - top);
            std::size_t first = image.height, end = 0;
            for (std::size_t at = top; at < top + count; at++) {
                first = std::min(first, down[at].first);
                end = std::max(end, down[at].first + down[at].weights.size());
            }
            for (std::size_t left = 0; left < row; left += strip) {
                const std::size_t width = std::min(strip, row - left);
                own->rows.resize((end - first) * width);
                for (std::size_t y = first; y < end; y++) {
                    L *lanes = own->rows.data() + (y - first) * width;
                    const T *from = image.data + y * row + left;
                    if (alpha) {
                        cover(lanes, from, width);
                    } else {
                        wide::lanes(lanes, from, width);
                    }
                }
                for (std::size_t at = 0; at < count; at++) {
                    const Taps &taps = down[top + at];
                    own->starts.clear();
                    for (std::size_t tap = 0; tap < taps.weights.size(); tap++) {
                        own->starts.push_back((taps.first - first + tap) * width);
                    }
                    wide::weigh(own->sums.data() + at * strip, width, own->rows.data(), own->starts, heights[top + at]);
                }
                wide::turn(own->turned.data() + left * wide::turned, own->sums.data(), strip, width);
            }
            wide::weigh_turned(own->found.data(), own->turned.data(), channels, across);
            wide::turn_back(own->done.data(), own->found.data(), out, out);
            for (std::size_t at = 0; at < count; at++) {
                T *row_to = to + (top + at) * out;
                if (alpha) {
                    uncover(row_to, own->done.data() + at * out, out);
                } else {
                    wide::elements(row_to, own->done.data() + at * out, out);
                }
            }
        };
    });
}

void halve(const Pixels<std::uint8_t> &image, std::uint8_t *to, const Work &work) {
    constexpr std::size_t rows = 64;
    const std::size_t row = image.row(), small = row / 2, height = image.height / 2;
    const auto halve_row = image.channels == 1 ? wide::halve_one : wide::halve_three;
    work.bands((height + rows - 1) / rows, [&] {
        return [&](std::size_t band) {
            for (std::size_t y = band * rows; y < std::min(height, (band + 1) * rows); y++) {
                const std::uint8_t *upper = image.data + 2 * y * row;
                halve_row(to + y * small, small, upper, upper + row);
            }
        };
    });
}

bool fixed(const std::vector<Taps> &all) {
    return std::all_of(all.begin(), all.end(), [](const Taps &taps) {
        const auto fits = [](float weight) { return std::abs(weight) <= 1; };
        return taps.weights.size() <= fixed_taps && std::all_of(taps.weights.begin(), taps.weights.end(), fits);
    });
}

} // namespace

std::vector<Taps> taps(std::size_t from, std::size_t to, std::string_view filter) {
    const double scale = static_cast<double>(from) / static_cast<double>(to), wide = std::max(scale, 1.0);
    const double reach = filter == "bilinear" ? 1 : filter == "bicubic" ? 2 : 3;
    const auto shape = filter == "bilinear" ? linear : filter == "bicubic" ? cubic : lanczos;
    const auto inside = [&](std::int64_t place) {
        return static_cast<std::size_t>(std::clamp<std::int64_t>(place, 0, static_cast<std::int64_t>(from) - 1));
    };
    std::vector<Taps> all;
    for (std::size_t at = 0; at < to; at++) {
        const double place = static_cast<double>(at);
        if (filter == "area") {
            all.push_back(overlaps(place * scale, (place + 1) * scale, from));
            continue;
        }
        const double center = (place + 0.5) * scale;
        const auto start = static_cast<std::int64_t>(std::floor(center - reach * wide));
        const auto end = static_cast<std::int64_t>(std::ceil(center + reach * wide));
        const std::size_t first = inside(start);
        std::vector<double> weights(inside(end - 1) + 1 - first);
        for (std::int64_t sample = start; sample < end; sample++) {
            const double x = std::abs((static_cast<double>(sample) + 0.5 - center) / wide);
            weights[inside(sample) - first] += x < reach ? shape(x) : 0;
        }
        all.push_back(normal(first, weights));
    }
    return all;
}

std::pair<std::size_t, std::size_t> size_of(std::size_t width, std::size_t height, std::size_t image_width,
                                            std::size_t image_height) {
    const auto scaled = [](std::size_t other, std::size_t mine, std::size_t theirs) {
        const double exact = static_cast<double>(mine) * static_cast<double>(other) / static_cast<double>(theirs);
        return std::max<std::size_t>(1, static_cast<std::size_t>(std::llround(exact)));
    };
    if (width == 0 && height == 0) {
        throw lao::InvalidParameter("give `width`, `height` or both");
    }
    return {width != 0 ? width : scaled(height, image_width, image_height),
            height != 0 ? height : scaled(width, image_height, image_width)};
}

void resize(const Pixels<std::uint8_t> &image, std::uint8_t *to, std::size_t width, std::size_t height,
            std::string_view filter, const Work &work) {
    if (filter == "area" && width * 2 == image.width && height * 2 == image.height && image.channels != 4) {
        halve(image, to, work);
        return;
    }
    const auto down = taps(image.height, height, filter), along = taps(image.width, width, filter);
    if (image.channels != 4 && fixed(down) && fixed(along)) {
        filter_with<std::int16_t>(image, to, down, along, work);
    } else {
        filter_with<float>(image, to, down, along, work);
    }
}
void resize(const Pixels<std::uint16_t> &image, std::uint16_t *to, std::size_t width, std::size_t height,
            std::string_view filter, const Work &work) {
    filter_with<float>(image, to, taps(image.height, height, filter), taps(image.width, width, filter), work);
}
void resize(const Pixels<float> &image, float *to, std::size_t width, std::size_t height, std::string_view filter,
            const Work &work) {
    filter_with<float>(image, to, taps(image.height, height, filter), taps(image.width, width, filter), work);
}

} // namespace scale
