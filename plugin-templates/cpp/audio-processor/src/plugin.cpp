// The plugin: its settings and its capabilities.
#include <lao/lao.hpp>

#include "activity.hpp"
#include "decode.hpp"
#include "encode.hpp"
#include "loudness.hpp"
#include "recognise.hpp"
#include "resample.hpp"
#include "sound.hpp"

#include <algorithm>
#include <memory>
#include <mutex>

namespace {

lao::JsonArray json_of(const std::vector<Span> &spans) {
    lao::JsonArray all;
    for (const Span &span : spans) {
        all.add(lao::JsonObject().set("start", span.start).set("end", span.end));
    }
    return all;
}

class Processor {
  public:
    explicit Processor(const lao::Config &config)
        : most_(static_cast<std::size_t>(config.integer("max_samples"))), threads_(config.threads()),
          model_(config.text("model_path")) {
        if (const auto most = config.integer("threads"); most > 0) {
            threads_ = std::min(threads_, static_cast<unsigned>(most));
        }
        if (model_.empty()) {
            model_ = config.resource_dir() + "/resources/speech";
        }
    }

    // What is in a file.
    lao::JsonObject process(lao::Bytes file, const lao::Call &call) const {
        const Sound sound = decode(file, most_, [&] { call.stop_if_cancelled(); });
        lao::JsonObject about;
        about.set("format", format_of(file))
            .set("sample_rate_hz", sound.rate)
            .set("channels", sound.channels)
            .set("frames", sound.frames())
            .set("seconds", sound.seconds())
            .set("peak_db", decibel(sound.peak()))
            .set("rms_db", decibel(sound.rms()));
        if (const auto lufs = loudness(sound)) {
            about.set("lufs", *lufs);
        }
        call.stop_if_cancelled();
        about.set("speech", json_of(speech(sound, 12)));
        return about;
    }

    lao::Audio<float> decode_file(lao::Bytes file, const lao::Call &call) const {
        return decode(file, most_, [&] { call.stop_if_cancelled(); }).audio(call.host());
    }

    lao::Media encode_sound(const lao::AnyAudio &input, const lao::Call &call) const {
        const std::string format(call.text("format"));
        return {"audio/" + format, encode(sound_of(input), format, std::stoi(std::string(call.text("bits"))))};
    }

    lao::Audio<float> resample(const lao::AnyAudio &input, const lao::Call &call) const {
        const Sound sound = sound_of(input);
        const auto to = static_cast<std::uint32_t>(call.integer("rate"));
        if (to == sound.rate) {
            return sound.audio(call.host());
        }
        const std::uint64_t frames = (std::uint64_t{sound.frames()} * to + sound.rate - 1) / sound.rate;
        if (frames * sound.channels > most_) {
            throw lao::InvalidInput("it would have more than " + std::to_string(most_) + " samples");
        }
        Sound made{{}, sound.channels, to};
        made.samples.reserve((static_cast<std::size_t>(frames) + 2048) * sound.channels);
        Converter converter(sound.rate, to, sound.channels, threads_);
        constexpr std::size_t part = 65536;
        for (std::size_t at = 0; at < sound.frames(); at += part) {
            call.stop_if_cancelled();
            converter.push(&sound.samples[at * sound.channels], std::min(part, sound.frames() - at), made.samples);
        }
        converter.finish(made.samples);
        made.samples.resize(static_cast<std::size_t>(frames) * sound.channels);
        return made.audio(call.host());
    }

    lao::Audio<float> mix(const lao::AnyAudio &input, const lao::Call &call) const {
        Sound sound = sound_of(input).mixed(static_cast<std::size_t>(call.integer("channels")));
        const auto gain = static_cast<float>(amplitude(call.number("gain_db")));
        for (float &sample : sound.samples) {
            sample *= gain;
        }
        return sound.audio(call.host());
    }

    lao::Audio<float> normalise(const lao::AnyAudio &input, const lao::Call &call) const {
        Sound sound = sound_of(input);
        double now = 0;
        if (call.text("by") == "peak") {
            now = sound.peak();
        } else if (call.text("by") == "rms") {
            now = sound.rms();
        } else if (const auto lufs = loudness(sound)) {
            now = amplitude(*lufs);
        }
        if (now > 1e-9) { // silence stays silence
            const double gain = amplitude(call.number("level_db")) / now;
            for (float &sample : sound.samples) {
                sample = static_cast<float>(std::clamp(sample * gain, -1.0, 1.0));
            }
        }
        return sound.audio(call.host());
    }

    lao::JsonObject find_silence(const lao::AnyAudio &input, const lao::Call &call) const {
        const auto found = silence(sound_of(input), call.number("threshold_db"), call.number("least_seconds"));
        return lao::JsonObject().set("silence", json_of(found));
    }

    lao::JsonObject find_speech(const lao::AnyAudio &input, const lao::Call &call) const {
        return lao::JsonObject().set("speech", json_of(speech(sound_of(input), call.number("margin_db"))));
    }

    // What was understood so far, whenever it changes; at the end all words with their times.
    void transcribe(lao::Receiver<lao::AudioView<float>> in, lao::Sender<lao::JsonObject> out,
                    const lao::Call &call) const {
        const std::lock_guard<std::mutex> held(lock_);
        if (!recogniser_) {
            recogniser_ = std::make_unique<Recogniser>(model_);
        }
        Utterance utterance(*recogniser_);
        std::string known;
        while (const auto part = in.next()) {
            check_shape(part->channels(), part->sample_rate_hz());
            Sound sound{std::vector<float>(static_cast<std::size_t>(part->count())),
                        static_cast<std::size_t>(part->channels()), part->sample_rate_hz()};
            part->copy_to(sound.samples.data());
            check_samples(sound);
            const std::vector<float> mono = sound.mono();
            const std::size_t some = std::max<std::size_t>(sound.rate / 4, 1);
            for (std::size_t at = 0; at < mono.size(); at += some) {
                call.stop_if_cancelled();
                utterance.hear(&mono[at], std::min(some, mono.size() - at), sound.rate);
                if (std::string text = utterance.text(); text != known) {
                    known = std::move(text);
                    auto partial = lao::JsonObject().set("text", known).set("final", false);
                    if (!out.send(std::move(partial.set("seconds", utterance.seconds())))) {
                        return;
                    }
                }
            }
        }
        out.send(utterance.finish());
    }

  private:
    std::size_t most_;
    unsigned threads_;
    std::string model_;
    mutable std::mutex lock_; // one utterance at a time
    mutable std::unique_ptr<Recogniser> recogniser_;
};

lao::Plugin<Processor> define() {
    return lao::Plugin<Processor>(LAO_PLUGIN_NAME, LAO_PLUGIN_VERSION, lao::Threads::full)
        .settings({lao::text_param("model_path", "",
                                   "Folder of a PocketSphinx model; setting it lets the plugin read it; empty: "
                                   "`resources/speech`")
                       .as("path"),
                   lao::int_param("max_samples", 100000000, "Samples that a file may have", 1, 2000000000),
                   lao::int_param("threads", 0, "Threads of a call; 0: as many as the limits allow", 0, 256)})
        .capability("process", "Says what is in an audio file, and where somebody speaks", &Processor::process)
        .idempotent()
        .capability("decode", "A WAV, FLAC, MP3 or OGG file to samples", &Processor::decode_file)
        .idempotent()
        .capability("encode", "Samples to a WAV or FLAC file", &Processor::encode_sound,
                    {lao::text_param("format", "wav", "What to write", {"wav", "flac"}),
                     lao::text_param("bits", "16", "Of a sample; 32 are floats, in WAV only", {"16", "24", "32"})})
        .idempotent()
        .capability("resample", "Another sample rate", &Processor::resample,
                    {lao::int_param("rate", 16000, "Samples a second", 1, 768000)})
        .idempotent()
        .capability("mix", "Another number of channels, and louder or quieter", &Processor::mix,
                    {lao::int_param("channels", 1, "How many; fewer are means, more are repeated", 1, 64),
                     lao::number_param("gain_db", 0, "Decibel to add", -120, 60)})
        .idempotent()
        .capability(
            "normalise", "As loud as is wanted; what is louder than 1 then is cut", &Processor::normalise,
            {lao::text_param("by", "peak", "What is measured; lufs is ITU-R BS.1770", {"peak", "rms", "lufs"}),
             lao::number_param("level_db", -1, "What it becomes, in decibel of full scale, or in LUFS", -120, 0)})
        .idempotent()
        .capability("silence", "Where it is silent", &Processor::find_silence,
                    {lao::number_param("threshold_db", -50, "Quieter is silent", -120, 0),
                     lao::number_param("least_seconds", 0.2, "Shorter is no silence", 0, 3600)})
        .idempotent()
        .capability("speech", "Where somebody speaks: louder than the noise, and voiced", &Processor::find_speech,
                    {lao::number_param("margin_db", 12, "How much louder than the noise", 1, 60)})
        .idempotent()
        .capability("transcribe", "English speech to text, with the times of its words, while it comes in",
                    &Processor::transcribe);
}

} // namespace

LAO_PLUGIN(define())
