// Samples, and what is done to them.
#ifndef SOUND_HPP
#define SOUND_HPP

#include <cstddef>
#include <cstdint>
#include <lao/lao.hpp>
#include <vector>

constexpr std::size_t most_channels = 64;
constexpr std::uint32_t most_hz = 768000;

// Interleaved samples, of which 1 is the loudest that a file keeps.
struct Sound {
    std::vector<float> samples;
    std::size_t channels = 0;
    std::uint32_t rate = 0;

    std::size_t frames() const { return samples.size() / channels; }
    double seconds() const { return static_cast<double>(frames()) / rate; }
    double peak() const;
    double rms() const;
    std::vector<float> mono() const; // the mean of all channels
    // To another number of channels: fewer are means of those that fall together, more are repeated.
    Sound mixed(std::size_t wanted) const;
    lao::Audio<float> audio(lao::Host host) const;
};

// An input of any depth.
Sound sound_of(const lao::AnyAudio &input);

// Refuses what is no sound: no channels, or a rate that no device has.
void check_shape(std::int64_t channels, std::int64_t rate);

// Refuses samples that are no numbers.
void check_samples(const Sound &sound);

double decibel(double amplitude);
double amplitude(double decibel);

#endif
