// What the template `audio-processor` decodes, for test_audio_processor.py.
#include <cmath>
#include <memory>

#include "decode.hpp"
#include "fed.hpp"

static void read(const std::string &data) {
    constexpr std::size_t most = 1 << 18;
    // Memory of their exact sizes, so that the sanitizer sees a byte beyond them.
    const std::unique_ptr<std::uint8_t[]> file(new std::uint8_t[data.size()]);
    std::copy(data.begin(), data.end(), file.get());
    try {
        const Sound sound = decode({file.get(), data.size(), ""}, most, [] {});
        require(sound.channels > 0 && sound.channels <= 64, "a sound has strange channels");
        require(sound.rate > 0 && sound.rate <= 768000, "a sound has a strange rate");
        require(sound.samples.size() <= most, "a sound is longer than is allowed");
        require(sound.samples.size() % sound.channels == 0, "the last frame of a sound is not whole");
        for (const float sample : sound.samples) {
            require(std::isfinite(sample), "a sample is no number");
        }
    } catch (const lao::InvalidInput &) {
    }
}
