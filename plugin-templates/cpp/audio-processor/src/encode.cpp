#include "encode.hpp"

#include <algorithm>
#include <cmath>

#include "memory_file.hpp"

namespace {

// Samples as whole numbers of `bits`, at the upper end of 32; louder than 1 is cut.
std::vector<int> whole(const std::vector<float> &samples, int bits) {
    const double scale = std::ldexp(1.0, bits - 1);
    std::vector<int> numbers(samples.size());
    std::transform(samples.begin(), samples.end(), numbers.begin(), [&](float sample) {
        const double number = std::clamp(std::round(sample * scale), -scale, scale - 1);
        return static_cast<int>(static_cast<unsigned>(static_cast<int>(number)) << (32 - bits));
    });
    return numbers;
}

} // namespace

std::vector<std::uint8_t> encode(const Sound &sound, const std::string &format, int bits) {
    const bool is_flac = format == "flac";
    if (is_flac && bits != 16 && bits != 24) {
        throw lao::InvalidParameter("FLAC has 16 or 24 `bits`");
    }
    if (is_flac && (sound.channels > 8 || sound.rate > 96000)) {
        throw lao::Unsupported("FLAC is written with up to 8 channels and up to 96000 Hz");
    }
    if (is_flac && sound.frames() == 0) {
        throw lao::InvalidInput("there is nothing to encode: FLAC needs at least one frame");
    }
    const int depth = bits == 16 ? SF_FORMAT_PCM_16 : bits == 24 ? SF_FORMAT_PCM_24 : SF_FORMAT_FLOAT;
    SF_INFO info{};
    info.channels = static_cast<int>(sound.channels);
    info.samplerate = static_cast<int>(sound.rate);
    info.format = (is_flac ? SF_FORMAT_FLAC : SF_FORMAT_WAV) | depth;
    WrittenFile file{{}, 0};
    SNDFILE *opened = sf_open_virtual(writing(), SFM_WRITE, &info, &file);
    if (opened == nullptr) {
        throw lao::Failed(std::string("the file cannot be written: ") + sf_strerror(nullptr));
    }
    const auto frames = static_cast<sf_count_t>(sound.frames());
    sf_count_t written = 0;
    if (bits == 32) {
        sf_command(opened, SFC_SET_ADD_PEAK_CHUNK, nullptr, SF_FALSE); // it has the time of writing in it
        written = sf_writef_float(opened, sound.samples.data(), frames);
    } else {
        written = sf_writef_int(opened, whole(sound.samples, bits).data(), frames);
    }
    const int closed = sf_close(opened);
    if (written != frames || closed != SF_ERR_NO_ERROR) {
        throw lao::Failed("the file cannot be written");
    }
    return std::move(file.bytes);
}
