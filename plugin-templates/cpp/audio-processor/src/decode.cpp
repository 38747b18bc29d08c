#include "decode.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include "memory_file.hpp"
#include "wav_header.hpp"

namespace {

constexpr sf_count_t part_frames = 16384;

struct Close {
    void operator()(SNDFILE *file) const { sf_close(file); }
};

bool begins(lao::Bytes file, std::size_t at, const char *text) {
    const std::size_t size = std::strlen(text);
    return file.size >= at + size && std::memcmp(file.data + at, text, size) == 0;
}

lao::InvalidInput broken(const std::string &format, const std::string &reason) {
    return lao::InvalidInput("this " + format + " file cannot be decoded: " + reason);
}

lao::InvalidInput too_long(std::size_t most) {
    return lao::InvalidInput("it has more than " + std::to_string(most) + " samples, which `max_samples` allows");
}

} // namespace

std::string format_of(lao::Bytes file) {
    if (begins(file, 0, "RIFF") && begins(file, 8, "WAVE")) {
        return "wav";
    }
    if (begins(file, 0, "fLaC")) {
        return "flac";
    }
    if (begins(file, 0, "OggS")) {
        return "ogg";
    }
    if (begins(file, 0, "ID3") || (file.size > 1 && file.data[0] == 0xFF && (file.data[1] & 0xE6) == 0xE2)) {
        return "mp3";
    }
    return "";
}

Sound decode(lao::Bytes file, std::size_t most, const std::function<void()> &go_on) {
    const std::string format = format_of(file);
    if (format.empty()) {
        throw lao::InvalidInput("this is no WAV, FLAC, MP3 or OGG file");
    }
    if (format == "wav") {
        if (const std::string wrong = wrong_with_wav(file.data, file.size); !wrong.empty()) {
            throw broken(format, wrong);
        }
    }
    ReadFile source{file.data, static_cast<sf_count_t>(file.size), 0};
    SF_INFO info{};
    const std::unique_ptr<SNDFILE, Close> opened(sf_open_virtual(reading(), SFM_READ, &info, &source));
    if (!opened) {
        throw broken(format, sf_strerror(nullptr));
    }
    check_shape(info.channels, info.samplerate);
    Sound sound;
    sound.channels = static_cast<std::size_t>(info.channels);
    sound.rate = static_cast<std::uint32_t>(info.samplerate);
    // Only these two say how long they are; the others are as long as they turn out to be.
    const bool is_promised = format == "wav" || format == "flac";
    if (is_promised && info.frames > 0 && static_cast<std::uint64_t>(info.frames) > most / sound.channels) {
        throw too_long(most);
    }
    for (;;) {
        go_on();
        const std::size_t have = sound.samples.size();
        sound.samples.resize(have + static_cast<std::size_t>(part_frames) * sound.channels);
        const sf_count_t got = sf_readf_float(opened.get(), sound.samples.data() + have, part_frames);
        sound.samples.resize(have + static_cast<std::size_t>(std::max<sf_count_t>(got, 0)) * sound.channels);
        if (sound.samples.size() > most) {
            throw too_long(most);
        }
        if (got < part_frames) {
            break;
        }
    }
    if (sf_error(opened.get()) != SF_ERR_NO_ERROR) {
        throw broken(format, sf_strerror(opened.get()));
    }
    if (is_promised && info.frames > static_cast<sf_count_t>(sound.frames())) {
        throw broken(format, "it ends after " + std::to_string(sound.frames()) + " of " + std::to_string(info.frames) +
                                 " frames");
    }
    check_samples(sound);
    return sound;
}
