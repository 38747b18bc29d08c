// Tests of the parts that know nothing of plugins.
#include "../src/loudness.hpp"
#include "../src/resample.hpp"
#include "../src/sound.hpp"
#include "../src/wav_header.hpp"

#include <cmath>
#include <cstdint>
#include <iostream>

static int failures = 0;

static void expect(const char *what, bool holds) {
    if (!holds) {
        std::cout << "wrong: " << what << "\n";
        failures++;
    }
}

static Sound tone(double hertz, double level, std::uint32_t rate, std::size_t channels) {
    Sound made{{}, channels, rate};
    for (std::uint32_t frame = 0; frame < 3 * rate; frame++) {
        const double sample = level * std::sin(2 * 3.14159265358979323846 * hertz * frame / rate);
        made.samples.insert(made.samples.end(), channels, static_cast<float>(sample));
    }
    return made;
}

int main() {
    for (const std::uint32_t rate : {44100u, 48000u, 96000u}) { // the tone of ITU-R BS.1770
        expect("loudness of one channel", std::fabs(loudness(tone(997, 1, rate, 1)).value_or(0) + 3.01) < 0.02);
        expect("loudness of two channels", std::fabs(loudness(tone(997, 0.1, rate, 2)).value_or(0) + 20) < 0.02);
    }
    expect("silence has no loudness", !loudness(tone(997, 0, 48000, 1)));
    const Sound two = tone(440, 0.5, 48000, 2);
    std::vector<float> whole;
    std::vector<float> parts;
    Converter first(48000, 11025, 2);
    first.push(two.samples.data(), two.frames(), whole);
    first.finish(whole);
    Converter second(48000, 11025, 2);
    for (std::size_t at = 0; at < two.frames(); at += 1000) {
        second.push(&two.samples[2 * at], std::min<std::size_t>(1000, two.frames() - at), parts);
    }
    second.finish(parts);
    expect("as long as it should be", whole.size() == 2 * 33075);
    expect("parts make the whole", parts.size() == whole.size() && parts == whole);
    expect("means of channels",
           Sound({{1, 0, 0.5f, 0.5f}, 2, 8000}).mixed(1).samples == std::vector<float>{0.5f, 0.5f});
    const std::uint8_t cut[] = "RIFF\0\0\0\0WAVEdata\4\0\0\0abcd";
    expect("samples before the header", !wrong_with_wav(cut, sizeof cut - 1).empty());
    expect("no samples", wrong_with_wav(cut, 12) == "it has no samples");
    return failures == 0 ? 0 : 1;
}
