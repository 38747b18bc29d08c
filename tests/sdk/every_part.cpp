// A plugin that uses every part of the C++ SDK.
#include <atomic>
#include <lao/lao.hpp>
#include <mutex>

namespace {

class EveryPart {
  public:
    static constexpr std::uint32_t state_version = 3;

    explicit EveryPart(const lao::Config &config) : threads_(config.threads()) { configure(config); }

    void configure(const lao::Config &config) {
        const std::string name = config.text("name");
        if (name == "nemo") {
            throw lao::InvalidConfig("`name` must not be nemo");
        }
        const std::lock_guard<std::mutex> held(lock_);
        start_ = config.integer("start");
        scale_ = config.number("scale");
        loud_ = config.boolean("loud");
        name_ = name;
    }

    void health() const {
        const std::lock_guard<std::mutex> held(lock_);
        if (name_ == "ill") {
            throw lao::Failed("it feels ill");
        }
    }

    lao::Json config() const {
        const std::lock_guard<std::mutex> held(lock_);
        return lao::JsonObject().set("start", start_).set("scale", scale_).set("loud", loud_).set("name", name_).json();
    }

    lao::Json params(const lao::Call &call) const {
        return lao::JsonObject()
            .set("text", call.text("text"))
            .set("flag", call.boolean("flag"))
            .set("count", call.integer("count"))
            .set("ratio", call.number("ratio"))
            .set("names", lao::Json{std::string(call.json("names"))})
            .set("nothing", call.has("nothing"))
            .json();
    }

    lao::Text twice(std::string_view text, const lao::Call &call) const {
        lao::Text output(call.host(), 1); // grows
        output.append(text).append(text);
        return output;
    }

    std::vector<std::uint8_t> reversed(lao::Bytes bytes) const {
        return {std::make_reverse_iterator(bytes.end()), std::make_reverse_iterator(bytes.begin())};
    }

    lao::Image<std::uint8_t> inverted(lao::ImageView<std::uint8_t> image, const lao::Call &call) const {
        lao::Image<std::uint8_t> output(call.host(), image.height(), image.width(), image.channels());
        for (std::int64_t y = 0; y < image.height(); y++) {
            for (std::int64_t x = 0; x < image.width(); x++) {
                for (std::int64_t c = 0; c < image.channels(); c++) {
                    output(y, x, c) = static_cast<std::uint8_t>(255 - image.at(y, x, c));
                }
            }
        }
        return output;
    }

    lao::Tensor<double> scaled(lao::TensorView<double> tensor, const lao::Call &call) const {
        std::vector<std::int64_t> shape;
        for (std::size_t axis = 0; axis < tensor.rank(); axis++) {
            shape.push_back(tensor.length(axis));
        }
        lao::Tensor<double> output(call.host(), shape);
        tensor.copy_to(output.data());
        for (std::int64_t i = 0; i < output.count(); i++) {
            output.data()[i] *= call.number("factor");
        }
        return output;
    }

    lao::Audio<float> silence(const lao::Call &call) const {
        lao::Audio<float> audio(call.host(), call.integer("frames"), 2, 8000);
        for (std::int64_t i = 0; i < audio.count(); i++) {
            audio.data()[i] = 0;
        }
        return audio;
    }

    lao::Value echo(lao::ValueView value, const lao::Call &call) const {
        if (value.raw().tensor != nullptr) {
            throw lao::Unsupported("it echoes what is no array");
        }
        const std::string_view data = value.data();
        return {call.host(), value.kind(), data.data(), data.size()};
    }

    void words(std::string_view text, lao::Sender<std::string> out, const lao::Call &call) const {
        std::size_t at = 0;
        while (at < text.size()) {
            call.stop_if_cancelled();
            const std::size_t end = std::min(text.find(' ', at), text.size());
            if (!out.send(std::string(text.substr(at, end - at)))) {
                return;
            }
            at = end + 1;
        }
    }

    std::string joined(lao::Receiver<std::string_view> in) const {
        std::string all;
        while (const auto part = in.next()) {
            all += *part;
            all += ';';
        }
        return all;
    }

    void louder(lao::Receiver<lao::AudioView<float>> in, lao::Sender<lao::Audio<float>> out,
                const lao::Call &call) const {
        while (const auto part = in.next()) {
            lao::Audio<float> result(call.host(), part->frames(), part->channels(), part->sample_rate_hz());
            part->copy_to(result.data());
            for (std::int64_t i = 0; i < result.count(); i++) {
                result.data()[i] *= 2;
            }
            if (!out.send(std::move(result))) {
                return;
            }
        }
    }

    lao::Binary picture(const lao::Call &call) const {
        lao::Binary output(call.host(), 16);
        output.append("P5 1 1 255 ").append(std::string_view("\x7f", 1));
        output.set_media_type("image/x-portable-graymap");
        output.set_metadata(lao::JsonObject().set("width", 1).set("height", 1));
        return output;
    }

    std::string media_type(lao::Bytes bytes) const { return std::string(bytes.media_type); }

    lao::ImageOut flipped(lao::AnyImage image, const lao::Call &call) const {
        if (image.is<std::uint8_t>()) {
            return flipped_of(image.as<std::uint8_t>(), call);
        }
        if (image.is<std::uint16_t>()) {
            return flipped_of(image.as<std::uint16_t>(), call);
        }
        return flipped_of(image.as<float>(), call);
    }

    lao::Video<std::uint8_t> reel(lao::VideoView<std::uint8_t> video, const lao::Call &call) const {
        lao::Video<std::uint8_t> output(call.host(), video.frames(), video.height(), video.width(), video.channels());
        video.copy_to(output.data());
        return output;
    }

    void lengths(lao::Batch<std::string_view, lao::JsonObject> &batch) const {
        for (auto &item : batch) {
            if (item.input == "bad") {
                item.fail(lao::InvalidInput("this one is bad"));
            } else if (item.input == "none") {
                continue; // no answer
            } else if (item.input == "doomed") {
                throw lao::Unsupported("the batch went wrong");
            } else {
                item.answer(
                    lao::JsonObject()
                        .set("bytes", item.input.size() * static_cast<std::size_t>(item.call().integer("times")))
                        .set("together", batch.size()));
            }
        }
    }

    lao::JsonObject threads() const { return lao::JsonObject().set("threads", threads_); }
    lao::JsonObject count() { return lao::JsonObject().set("count", ++count_); }

    std::string note(std::string_view text, const lao::Call &call) const {
        call.progress(0.5, "half");
        call.host().info("noting");
        call.host().emit("noted", lao::JsonObject().set("text", text));
        return "noted";
    }

    void on_event(const lao::Event &event) {
        if (event.name == "refused") {
            throw lao::Unsupported("this event is not for me");
        }
        const std::lock_guard<std::mutex> held(lock_);
        heard_.add(std::string(event.callback) + " " + std::string(event.name) + " " + std::string(event.json));
    }
    lao::JsonObject heard() const {
        const std::lock_guard<std::mutex> held(lock_);
        return lao::JsonObject().set("heard", heard_);
    }

    std::string thrown(std::string_view what) const {
        if (what == "unsupported") {
            throw lao::Unsupported("not this");
        }
        if (what == "memory") {
            throw std::bad_alloc();
        }
        if (what == "barrier") {
            throw 7;
        }
        throw std::runtime_error("it went wrong: ä");
    }

    std::string wait(const lao::Call &call) const {
        for (;;) {
            call.stop_if_cancelled();
        }
    }

    std::string save_state() const { return std::to_string(count_); }
    void load_state(std::string_view bytes) {
        const std::string text(bytes);
        char *end = nullptr;
        const long long count = std::strtoll(text.c_str(), &end, 10);
        if (text.empty() || *end != '\0') {
            throw lao::InvalidInput("this is no state");
        }
        count_ = count;
    }
    static void shutdown() {}

  private:
    template <class T> static lao::ImageOut flipped_of(const lao::ImageView<T> &image, const lao::Call &call) {
        lao::Image<T> output(call.host(), image.height(), image.width(), image.channels(), image.channel_order());
        for (std::int64_t y = 0; y < image.height(); y++) {
            for (std::int64_t x = 0; x < image.width(); x++) {
                for (std::int64_t c = 0; c < image.channels(); c++) {
                    output(y, x, c) = image.at(y, image.width() - 1 - x, c);
                }
            }
        }
        return output;
    }

    const std::uint32_t threads_;
    mutable std::mutex lock_;
    std::int64_t start_ = 0;
    double scale_ = 0;
    bool loud_ = false;
    std::string name_;
    std::atomic<long long> count_{0};
    lao::JsonArray heard_;
};

lao::Plugin<EveryPart> define() {
    return lao::Plugin<EveryPart>("every-part", "1.2.3", lao::Threads::full)
        .description("Every part of the SDK")
        .settings({lao::int_param("start", 1, "Where it starts", 0), lao::number_param("scale", 1),
                   lao::bool_param("loud", false), lao::text_param("name", "nobody", "Whose it is").sized(1)})
        .event("noted", "When something was noted", {lao::text_field("text", "What")})
        .capability("config", "Its settings", &EveryPart::config)
        .output_fields(
            {lao::int_field("start"), lao::number_field("scale"), lao::bool_field("loud"), lao::text_field("name")})
        .capability("params", "Its parameters", &EveryPart::params,
                    {lao::text_param("text", "a\"b", "A text"), lao::bool_param("flag", true),
                     lao::int_param("count", 3, "A number", 0, 10), lao::number_param("ratio", 0.5),
                     lao::list_param("names", lao::text_field(""), "Some names"), lao::int_field("nothing").optional()})
        .capability("twice", "Says it twice", &EveryPart::twice)
        .idempotent()
        .capability("reversed", "The bytes backwards", &EveryPart::reversed)
        .capability("inverted", "Light to dark", &EveryPart::inverted)
        .capability("scaled", "All numbers times a factor", &EveryPart::scaled, {lao::number_param("factor", 2)})
        .capability("silence", "Silence", &EveryPart::silence, {lao::int_param("frames", 4, "How much", 0, 1e6)})
        .capability("echo", "Anything back", &EveryPart::echo)
        .capability("words", "The words one by one", &EveryPart::words)
        .capability("joined", "The parts of a text joined", &EveryPart::joined)
        .capability("louder", "Twice as loud, part by part", &EveryPart::louder)
        .capability("picture", "One grey pixel, encoded", &EveryPart::picture)
        .capability("media_type", "What the bytes are", &EveryPart::media_type)
        .capability("flipped", "Left to right, in any depth", &EveryPart::flipped)
        .capability("reel", "The same video", &EveryPart::reel)
        .capability("lengths", "How long texts are, many at once", &EveryPart::lengths,
                    {lao::int_param("times", 1, "Counted so often", 1, 9)})
        .max_batch(8)
        .capability("threads", "How many threads it would use", &EveryPart::threads)
        .capability("count", "How often it was asked", &EveryPart::count)
        .capability("note", "Emits an event", &EveryPart::note)
        .capability("heard", "The events that were delivered", &EveryPart::heard)
        .capability("thrown", "Fails", &EveryPart::thrown)
#ifndef WITHOUT_WAIT
        .capability("wait", "Does not end by itself", &EveryPart::wait)
#endif
        ;
}

} // namespace

LAO_PLUGIN(define())
