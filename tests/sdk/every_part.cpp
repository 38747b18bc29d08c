// A plugin that uses every part of the C++ SDK.
#include <lao/lao.hpp>

namespace {

class EveryPart {
  public:
    static constexpr std::uint32_t state_version = 3;

    explicit EveryPart(const lao::Config &config)
        : start_(config.integer("start", 1)), scale_(config.number("scale", 1.0)), loud_(config.boolean("loud", false)),
          name_(config.text("name", "nobody")) {
        if (start_ < 0) {
            throw lao::InvalidConfig("`start` must not be negative");
        }
    }

    lao::Json config() const {
        return lao::JsonObject().set("start", start_).set("scale", scale_).set("loud", loud_).set("name", name_).json();
    }

    lao::Json params(const lao::Call &call) const {
        return lao::JsonObject()
            .set("text", call.text("text"))
            .set("flag", call.boolean("flag"))
            .set("count", call.integer("count"))
            .set("ratio", call.number("ratio"))
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

    std::string thrown(std::string_view what) const {
        if (what == "unsupported") {
            throw lao::Unsupported("not this");
        }
        if (what == "memory") {
            throw std::bad_alloc();
        }
        if (what == "number") {
            throw 7;
        }
        throw std::runtime_error("it went wrong: ä");
    }

    std::string wait(const lao::Call &call) const {
        for (;;) {
            call.stop_if_cancelled();
        }
    }

    std::string save_state() const { return std::to_string(start_); }
    void load_state(std::string_view bytes) { start_ = std::stoll(std::string(bytes)); }
    void health() const {}

  private:
    std::int64_t start_;
    double scale_;
    bool loud_;
    std::string name_;
};

lao::Plugin<EveryPart> define() {
    return lao::Plugin<EveryPart>("every-part", "1.2.3", lao::Threads::full)
        .description("Every part of the SDK")
        .capability("config", "Its settings", &EveryPart::config)
        .capability("params", "Its parameters", &EveryPart::params,
                    {lao::text_param("text", "a\"b", "A text"), lao::bool_param("flag", true),
                     lao::int_param("count", 3, "A number", 0, 10), lao::number_param("ratio", 0.5)})
        .capability("twice", "", &EveryPart::twice)
        .capability("reversed", "", &EveryPart::reversed)
        .capability("inverted", "", &EveryPart::inverted)
        .capability("scaled", "", &EveryPart::scaled, {lao::number_param("factor", 2)})
        .capability("silence", "", &EveryPart::silence, {lao::int_param("frames", 4, "", 0, 1e6)})
        .capability("echo", "", &EveryPart::echo)
        .capability("words", "", &EveryPart::words)
        .capability("joined", "", &EveryPart::joined)
        .capability("thrown", "", &EveryPart::thrown)
#ifndef WITHOUT_WAIT
        .capability("wait", "", &EveryPart::wait)
#endif
        ;
}

} // namespace

LAO_PLUGIN(define())
