#include "loudness.hpp"

#include <algorithm>
#include <cmath>

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr double silence_lufs = -70; // below this, a block is silence
constexpr double pause_lu = -10;     // a block so much below the mean of all is a pause

// A filter of second order.
struct Biquad {
    double b0, b1, b2, a1, a2;
    double first = 0, second = 0; // what it remembers

    double run(double sample) {
        const double made = b0 * sample + first;
        first = b1 * sample - a1 * made + second;
        second = b2 * sample - a2 * made;
        return made;
    }
};

// The head, which lifts what is above 1.5 kHz: BS.1770-4, table 1, for any rate.
Biquad shelf(double rate) {
    const double hertz = 1681.974450955533, gain = 3.999843853973347, quality = 0.7071752369554196;
    const double k = std::tan(pi * hertz / rate);
    const double high = std::pow(10, gain / 20);
    const double band = std::pow(high, 0.4996667741545416);
    const double scale = 1 + k / quality + k * k;
    return {(high + band * k / quality + k * k) / scale, 2 * (k * k - high) / scale,
            (high - band * k / quality + k * k) / scale, 2 * (k * k - 1) / scale, (1 - k / quality + k * k) / scale};
}

// What is too low to be heard: BS.1770-4, table 2, for any rate.
Biquad high_pass(double rate) {
    const double hertz = 38.13547087602444, quality = 0.5003270373238773;
    const double k = std::tan(pi * hertz / rate);
    const double scale = 1 + k / quality + k * k;
    return {1, -2, 1, 2 * (k * k - 1) / scale, (1 - k / quality + k * k) / scale};
}

// Of the fourth and fifth channel of five, and the fifth and sixth of six, which are behind the listener. The fourth of
// six is for low effects, and does not count.
double weight(std::size_t channel, std::size_t channels) {
    if (channels == 6 && channel == 3) {
        return 0;
    }
    const bool is_behind = (channels == 5 && channel >= 3) || (channels == 6 && channel >= 4);
    return is_behind ? 1.41 : 1;
}

double lufs(double power) { return -0.691 + 10 * std::log10(std::max(power, 1e-30)); }

std::optional<double> mean_above(const std::vector<double> &blocks, double gate) {
    double sum = 0;
    std::size_t count = 0;
    for (const double power : blocks) {
        if (lufs(power) > gate) {
            sum += power;
            count++;
        }
    }
    return count > 0 ? std::optional<double>(sum / static_cast<double>(count)) : std::nullopt;
}

} // namespace

std::optional<double> loudness(const Sound &sound) {
    // Powers of steps of 0.1 s; four of them are a block.
    const std::size_t step = std::max<std::size_t>(sound.rate / 10, 1);
    std::vector<double> powers(sound.frames() / step);
    for (std::size_t channel = 0; channel < sound.channels; channel++) {
        Biquad first = shelf(sound.rate), second = high_pass(sound.rate);
        const double share = weight(channel, sound.channels) / static_cast<double>(step);
        for (std::size_t place = 0; place < powers.size(); place++) {
            const float *from = &sound.samples[place * step * sound.channels];
            for (std::size_t frame = 0; frame < step; frame++) {
                const double heard = second.run(first.run(from[frame * sound.channels + channel]));
                powers[place] += share * heard * heard;
            }
        }
    }
    std::vector<double> blocks;
    for (std::size_t place = 0; place + 4 <= powers.size(); place++) {
        blocks.push_back((powers[place] + powers[place + 1] + powers[place + 2] + powers[place + 3]) / 4);
    }
    const auto all = mean_above(blocks, silence_lufs);
    if (!all) {
        return std::nullopt;
    }
    const auto heard = mean_above(blocks, std::max(lufs(*all) + pause_lu, silence_lufs));
    return heard ? std::optional<double>(lufs(*heard)) : std::nullopt;
}
