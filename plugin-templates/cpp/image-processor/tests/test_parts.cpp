// Tests of the work on pixels alone.
#include "../src/blur.hpp"
#include "../src/color.hpp"
#include "../src/exif.hpp"
#include "../src/scale.hpp"
#include "../src/vision.hpp"
#include "../src/wide.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <iostream>
#include <set>
#include <stdexcept>

static int failures = 0;

static void expect(bool holds, const std::string &what) {
    if (!holds) {
        std::cout << what << " does not hold\n";
        failures++;
    }
}

static Work work() {
    return Work(2, [] {});
}

static Pixels<std::uint8_t> flat(std::uint8_t value, std::size_t height, std::size_t width, std::size_t channels) {
    return Pixels<std::uint8_t>(std::vector<std::uint8_t>(height * width * channels, value), height, width, channels);
}

static void test_work() {
    for (const std::size_t threads : {1, 3}) {
        std::vector<std::atomic<int>> seen(100);
        Work(threads, [] {}).bands(seen.size(), [&] { return [&](std::size_t band) { seen[band]++; }; });
        expect(std::all_of(seen.begin(), seen.end(), [](const auto &count) { return count == 1; }), "every band once");
        bool stopped = false;
        try {
            Work(threads, [] { throw std::runtime_error("nobody waits"); }).bands(100, [] {
                return [](std::size_t) {};
            });
        } catch (const std::runtime_error &) {
            stopped = true;
        }
        expect(stopped, "it stops");
    }
}

static void test_flat() {
    for (const float sigma : {0.3f, 2.0f, 4.0f, 9.0f, 30.0f}) {
        const auto image = flat(200, 90, 50, 3);
        std::vector<std::uint8_t> to(image.count());
        blur::run(image, to.data(), sigma, work());
        expect(std::count(to.begin(), to.end(), 200) == 13500, "a flat image, blurred, stays flat");
    }
    for (const std::size_t channels : {1, 3, 4}) {
        for (const char *filter : {"area", "bilinear", "bicubic", "lanczos"}) {
            for (const auto &[width, height] : {std::pair(15, 20), std::pair(7, 9), std::pair(61, 83)}) {
                const auto image = flat(201, 40, 30, channels);
                std::vector<std::uint8_t> to(static_cast<std::size_t>(width * height) * channels);
                scale::resize(image, to.data(), static_cast<std::size_t>(width), static_cast<std::size_t>(height),
                              filter, work());
                const bool same = std::all_of(to.begin(), to.end(), [](std::uint8_t value) { return value == 201; });
                expect(same, std::string("a flat image, resized by ") + filter + ", stays flat");
            }
        }
    }
}

static void test_taps() {
    for (const char *filter : {"area", "bilinear", "bicubic", "lanczos"}) {
        for (const auto &[from, to] :
             {std::pair(1, 1), std::pair(1, 7), std::pair(7, 1), std::pair(100, 33), std::pair(5, 5)}) {
            for (const auto &taps : scale::taps(static_cast<std::size_t>(from), static_cast<std::size_t>(to), filter)) {
                float sum = 0;
                for (const float weight : taps.weights) {
                    sum += weight;
                }
                expect(taps.first + taps.weights.size() <= static_cast<std::size_t>(from), "taps within the image");
                expect(std::abs(sum - 1) < 1e-5f, "weights that sum to one");
            }
        }
    }
    expect(scale::size_of(0, 50, 200, 100) == std::pair<std::size_t, std::size_t>(100, 50), "the width as it must be");
    expect(scale::size_of(1, 0, 10, 1) == std::pair<std::size_t, std::size_t>(1, 1), "one pixel at least");
}

static void test_turns() {
    for (const std::size_t width : {1, 8, 21}) {
        std::vector<std::int16_t> from(wide::turned * 30), turned(width * wide::turned), back(wide::turned * width);
        for (std::size_t at = 0; at < from.size(); at++) {
            from[at] = static_cast<std::int16_t>(at);
        }
        wide::turn(turned.data(), from.data(), 30, width);
        wide::turn_back(back.data(), turned.data(), width, width);
        bool right = true;
        for (std::size_t row = 0; row < wide::turned; row++) {
            for (std::size_t column = 0; column < width; column++) {
                right = right && turned[column * wide::turned + row] == from[row * 30 + column] &&
                        back[row * width + column] == from[row * 30 + column];
            }
        }
        expect(right, "turned there and back");
    }
    const std::uint8_t from[] = {1, 2, 3, 4, 5, 6};
    std::uint8_t to[6];
    Turn::quarters(1).run(to, from, 2, 3, 1);
    expect(std::equal(to, to + 6, std::begin({4, 1, 5, 2, 6, 3})), "a quarter clockwise");
    using namespace std::literals;
    const auto held = "Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"sv;
    expect(exif::turn(held).swapped && exif::turn(held).up, "held upright");
    expect(exif::turn(held.substr(0, 25)).none() && exif::turn("II\x2a\0\xff\xff\xff\xff"sv).none(),
           "EXIF that is none");
}

static void test_colors_and_corners() {
    expect(color::ycbcr<std::uint8_t>({255, 0, 0}) == std::array<std::uint8_t, 3>{76, 85, 255}, "YCbCr of red");
    expect(color::hsv<std::uint8_t>({0, 128, 0}) == std::array<std::uint8_t, 3>{85, 255, 128}, "HSV of green");
    std::vector<std::uint8_t> data(1600);
    for (std::size_t at = 0; at < data.size(); at++) {
        const bool inside = at / 40 >= 10 && at / 40 < 30 && at % 40 >= 12 && at % 40 < 28;
        data[at] = inside ? 200 : 0;
    }
    const Pixels<std::uint8_t> square(std::move(data), 40, 40, 1);
    std::set<std::pair<std::size_t, std::size_t>> found;
    for (const auto &corner : vision::corners(square, 10, 5, work())) {
        found.insert({corner.x / 6, corner.y / 6});
    }
    expect(found == std::set<std::pair<std::size_t, std::size_t>>{{2, 1}, {2, 4}, {4, 1}, {4, 4}}, "four corners");
    expect(vision::corners(flat(9, 10, 10, 1), 10, 5, work()).empty(), "a flat image has no corners");
}

int main() {
    test_work();
    test_flat();
    test_taps();
    test_turns();
    test_colors_and_corners();
    return failures == 0 ? 0 : 1;
}
