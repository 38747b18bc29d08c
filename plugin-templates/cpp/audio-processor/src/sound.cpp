#include "sound.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

namespace {

template <class T, class Convert> Sound converted(const lao::AnyAudio &input, Convert as_float) {
    const auto view = input.as<T>();
    check_shape(view.channels(), view.sample_rate_hz());
    Sound sound;
    sound.channels = static_cast<std::size_t>(view.channels());
    sound.rate = view.sample_rate_hz();
    const auto count = static_cast<std::size_t>(view.count());
    sound.samples.resize(count);
    std::vector<T> copy;
    const T *from = view.contiguous();
    if (from == nullptr) {
        copy.resize(count);
        view.copy_to(copy.data());
        from = copy.data();
    }
    std::transform(from, from + count, sound.samples.begin(), as_float);
    check_samples(sound);
    return sound;
}

} // namespace

Sound sound_of(const lao::AnyAudio &input) {
    if (input.is<float>()) {
        return converted<float>(input, [](float sample) { return sample; });
    }
    if (input.is<double>()) {
        return converted<double>(input, [](double sample) { return static_cast<float>(sample); });
    }
    if (input.is<std::int16_t>()) {
        return converted<std::int16_t>(input, [](std::int16_t sample) { return static_cast<float>(sample) / 32768; });
    }
    if (input.is<std::int32_t>()) {
        return converted<std::int32_t>(input,
                                       [](std::int32_t sample) { return static_cast<float>(sample / 2147483648.0); });
    }
    if (input.is<std::uint8_t>()) {
        return converted<std::uint8_t>(input,
                                       [](std::uint8_t sample) { return (static_cast<float>(sample) - 128) / 128; });
    }
    throw lao::Unsupported("samples are float32, float64, int16, int32 or uint8");
}

void check_shape(std::int64_t channels, std::int64_t rate) {
    if (channels < 1 || channels > static_cast<std::int64_t>(most_channels)) {
        throw lao::InvalidInput("it has " + std::to_string(channels) + " channels; 1 to " +
                                std::to_string(most_channels) + " can be");
    }
    if (rate < 1 || rate > static_cast<std::int64_t>(most_hz)) {
        throw lao::InvalidInput("its rate is " + std::to_string(rate) + " Hz; 1 to " + std::to_string(most_hz) +
                                " can be");
    }
}

void check_samples(const Sound &sound) {
    const auto bad =
        std::find_if(sound.samples.begin(), sound.samples.end(), [](float one) { return !std::isfinite(one); });
    if (bad != sound.samples.end()) {
        const auto place = static_cast<std::size_t>(bad - sound.samples.begin());
        throw lao::InvalidInput("a sample is " + std::to_string(*bad) + ": frame " +
                                std::to_string(place / sound.channels) + ", channel " +
                                std::to_string(place % sound.channels));
    }
}

double Sound::peak() const {
    return std::accumulate(samples.begin(), samples.end(), 0.0f,
                           [](float peak, float sample) { return std::max(peak, std::fabs(sample)); });
}

double Sound::rms() const {
    double sum = 0;
    for (const float sample : samples) {
        sum += static_cast<double>(sample) * sample;
    }
    return std::sqrt(sum / static_cast<double>(std::max<std::size_t>(samples.size(), 1)));
}

std::vector<float> Sound::mono() const {
    std::vector<float> means(frames());
    const float share = 1.0f / static_cast<float>(channels);
    for (std::size_t frame = 0; frame < means.size(); frame++) {
        const float *from = &samples[frame * channels];
        means[frame] = std::accumulate(from, from + channels, 0.0f) * share;
    }
    return means;
}

Sound Sound::mixed(std::size_t wanted) const {
    Sound made{std::vector<float>(frames() * wanted), wanted, rate};
    for (std::size_t frame = 0; frame < frames(); frame++) {
        const float *from = &samples[frame * channels];
        for (std::size_t to = 0; to < wanted; to++) {
            float &sample = made.samples[frame * wanted + to];
            if (wanted >= channels) {
                sample = from[to % channels];
                continue;
            }
            float sum = 0;
            float count = 0;
            for (std::size_t channel = to; channel < channels; channel += wanted) {
                sum += from[channel];
                count++;
            }
            sample = sum / count;
        }
    }
    return made;
}

lao::Audio<float> Sound::audio(lao::Host host) const {
    lao::Audio<float> output(host, static_cast<std::int64_t>(frames()), static_cast<std::int64_t>(channels), rate);
    std::copy(samples.begin(), samples.end(), output.data());
    return output;
}

double decibel(double amplitude) { return 20 * std::log10(std::max(amplitude, 1e-10)); }

double amplitude(double decibel) { return std::pow(10, decibel / 20); }
