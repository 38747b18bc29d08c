// The plugin: its settings and its capabilities.
#include <lao/lao.hpp>

#include "blur.hpp"
#include "codec.hpp"
#include "color.hpp"
#include "gpu.hpp"
#include "pixels.hpp"
#include "scale.hpp"
#include "vision.hpp"
#include "work.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

#if !defined(_WIN32)
#include <unistd.h>
#endif

namespace {

// The bytes of a file, `most` of them: of the one that the host opened, otherwise by its path.
std::vector<std::uint8_t> bytes_of(const lao::FileView &file, std::uint64_t most) {
    std::vector<std::uint8_t> bytes;
#if !defined(_WIN32)
    if (file.handle >= 0) {
        const int handle = static_cast<int>(file.handle);
        (void)lseek(handle, 0, SEEK_SET); // what cannot be sought, such as a pipe, is read from where it is
        for (std::size_t size = 0; size < most;) {
            bytes.resize(size + (1u << 20));
            const ssize_t got = read(handle, bytes.data() + size, 1u << 20);
            if (got < 0) {
                throw lao::Failed("the file cannot be read");
            }
            size += static_cast<std::size_t>(got);
            bytes.resize(size);
            if (got == 0) {
                break;
            }
        }
        return bytes;
    }
#endif
    std::ifstream stream(std::string(file.path), std::ios::binary);
    if (!stream) {
        throw lao::InvalidInput("cannot open `" + std::string(file.path) + "`");
    }
    for (std::istreambuf_iterator<char> at(stream), end; at != end && bytes.size() < most; ++at) {
        bytes.push_back(static_cast<std::uint8_t>(*at));
    }
    return bytes;
}

// One instance: its settings, which never change, so that any number of calls may run at the same time.
class Processor {
  public:
    explicit Processor(const lao::Config &config)
        : max_pixels_(static_cast<std::uint64_t>(config.integer("max_pixels"))), threads_(config.threads()) {
        const auto wanted = static_cast<std::size_t>(config.integer("threads"));
        threads_ = wanted == 0 ? threads_ : std::min(threads_, wanted);
    }

    lao::Binary thumbnail(lao::Bytes file, const lao::Call &call) const { return recoded(file, call); }

    lao::Binary convert(const lao::FileView &file, const lao::Call &call) const {
        const std::vector<std::uint8_t> bytes = bytes_of(file, max_pixels_ * 16 + (1u << 20));
        return recoded({bytes.data(), bytes.size(), ""}, call);
    }

    lao::ImageOut decode(lao::Bytes file, const lao::Call &call) const {
        const auto decoder = codec::open(file, codec::Limit(max_pixels_));
        if (decoder->head.sixteen) {
            return decoded<std::uint16_t>(*decoder, call.host());
        }
        return decoded<std::uint8_t>(*decoder, call.host());
    }

    lao::Binary encode(const lao::AnyImage &image, const lao::Call &call) const {
        if (!image.is<std::uint8_t>()) {
            throw lao::InvalidInput("an image to be encoded has elements of uint8");
        }
        return encoded(Pixels<std::uint8_t>(image.as<std::uint8_t>()), call);
    }

    lao::ImageOut resize(const lao::AnyImage &image, const lao::Call &call) const {
        return with_pixels(image, [&](const auto &pixels) -> lao::ImageOut {
            const auto [width, height] =
                scale::size_of(whole(call, "width"), whole(call, "height"), pixels.width, pixels.height);
            if (width > max_pixels_ / height) {
                throw lao::InvalidParameter(std::to_string(width) + " x " + std::to_string(height) +
                                            " are more pixels than `max_pixels` allows");
            }
            auto made = pixels.room(call.host(), height, width);
            scale::resize(pixels, made.data(), width, height, call.text("filter"), work(call));
            return made;
        });
    }

    lao::ImageOut crop(const lao::AnyImage &image, const lao::Call &call) const {
        const std::size_t x = whole(call, "x"), y = whole(call, "y");
        const std::size_t width = whole(call, "width"), height = whole(call, "height");
        return with_pixels(image, [&](const auto &pixels) -> lao::ImageOut {
            if (width == 0 || height == 0 || x + width > pixels.width || y + height > pixels.height) {
                const auto text = [](std::size_t number) { return std::to_string(number); };
                throw lao::InvalidParameter("a part of " + text(width) + " x " + text(height) + " at " + text(x) +
                                            ", " + text(y) + " does not lie in an image of " + text(pixels.width) +
                                            " x " + text(pixels.height));
            }
            auto made = pixels.room(call.host(), height, width);
            const std::size_t length = width * pixels.channels;
            for (std::size_t row = 0; row < height; row++) {
                const auto *from = pixels.data + (y + row) * pixels.row() + x * pixels.channels;
                std::copy(from, from + length, made.data() + row * length);
            }
            return made;
        });
    }

    lao::ImageOut rotate(const lao::AnyImage &image, const lao::Call &call) const {
        const std::string_view degrees = call.text("degrees");
        const Turn turn = Turn::quarters(degrees == "90" ? 1 : degrees == "180" ? 2 : 3);
        return with_pixels(image, [&](const auto &pixels) -> lao::ImageOut {
            const auto [height, width] = turn.size(pixels.height, pixels.width);
            auto made = pixels.room(call.host(), height, width);
            turn.run(made.data(), pixels.data, pixels.height, pixels.width, pixels.channels);
            return made;
        });
    }

    lao::ImageOut blur(const lao::AnyImage &image, const lao::Call &call) const {
        const auto sigma = static_cast<float>(call.number("sigma"));
        return with_pixels(image, [&](const auto &pixels) -> lao::ImageOut {
            auto made = pixels.room(call.host(), pixels.height, pixels.width);
            lao::JsonObject told;
            if (call.text("device") == "gpu") {
                try {
                    const std::string name = gpu::blur(pixels, made.data(), blur::weights(sigma));
                    made.set_metadata(told.set("device", name));
                    return made;
                } catch (const std::runtime_error &error) {
                    told.set("reason", error.what());
                }
            }
            blur::run(pixels, made.data(), sigma, work(call));
            made.set_metadata(told.set("device", "cpu"));
            return made;
        });
    }

    lao::ImageOut gray(const lao::AnyImage &image, const lao::Call &call) const {
        return with_pixels(image, [&](const auto &pixels) -> lao::ImageOut {
            return color::convert(pixels, "gray", call.host(), work(call));
        });
    }

    lao::ImageOut color(const lao::AnyImage &image, const lao::Call &call) const {
        return with_pixels(image, [&](const auto &pixels) -> lao::ImageOut {
            return color::convert(pixels, call.text("to"), call.host(), work(call));
        });
    }

    lao::ImageOut edges(const lao::AnyImage &image, const lao::Call &call) const {
        return with_pixels(image, [&](const auto &pixels) -> lao::ImageOut {
            using T = std::decay_t<decltype(*pixels.data)>;
            lao::Image<T> made(call.host(), static_cast<std::int64_t>(pixels.height),
                               static_cast<std::int64_t>(pixels.width), 1, LAO_CHANNELS_GRAY, LAO_COLOR_GRAY);
            vision::edges(pixels, made.data(), work(call));
            return made;
        });
    }

    lao::JsonObject corners(const lao::AnyImage &image, const lao::Call &call) const {
        return with_pixels(image, [&](const auto &pixels) {
            std::string all;
            for (const auto &corner :
                 vision::corners(pixels, whole(call, "most"), whole(call, "distance"), work(call))) {
                lao::JsonObject one;
                one.set("x", static_cast<std::int64_t>(corner.x)).set("y", static_cast<std::int64_t>(corner.y));
                all += (all.empty() ? "" : ",") + one.set("strength", static_cast<double>(corner.strength)).text();
            }
            lao::JsonObject found;
            found.set_raw("corners", "[" + all + "]");
            return found;
        });
    }

  private:
    static std::size_t whole(const lao::Call &call, std::string_view name) {
        return static_cast<std::size_t>(call.integer(name)); // none may be negative, as declared
    }
    Work work(const lao::Call &call) const {
        return Work(threads_, [&call] { call.stop_if_cancelled(); });
    }

    template <class T> static lao::ImageOut decoded(codec::Decoder &decoder, lao::Host host) {
        const auto [height, width] = decoder.head.size();
        const std::size_t channels = decoder.head.channels;
        lao::Image<T> made(host, static_cast<std::int64_t>(height), static_cast<std::int64_t>(width),
                           static_cast<std::int64_t>(channels), usual_order(channels),
                           channels == 1 ? LAO_COLOR_GRAY : LAO_COLOR_SRGB);
        codec::read(decoder, made.data());
        return made;
    }

    static lao::Binary encoded(const Pixels<std::uint8_t> &pixels, const lao::Call &call) {
        return codec::encode(pixels, call.text("format"), static_cast<int>(call.integer("quality")), call.host());
    }

    // A file, made at most `size` pixels on its longer side, in another format.
    lao::Binary recoded(lao::Bytes file, const lao::Call &call) const {
        const auto decoder = codec::open(file, codec::Limit(max_pixels_));
        const Pixels<std::uint8_t> pixels = codec::read(*decoder);
        const std::size_t size = whole(call, "size");
        if (size == 0 || std::max(pixels.width, pixels.height) <= size) {
            return encoded(pixels, call);
        }
        const bool wide = pixels.width >= pixels.height;
        const auto [width, height] = scale::size_of(wide ? size : 0, wide ? 0 : size, pixels.width, pixels.height);
        std::vector<std::uint8_t> data(width * height * pixels.channels);
        scale::resize(pixels, data.data(), width, height, "lanczos", work(call));
        return encoded(Pixels<std::uint8_t>(std::move(data), height, width, pixels.channels), call);
    }

    std::uint64_t max_pixels_;
    std::size_t threads_;
};

lao::Param size(const char *name, const char *help, std::int64_t otherwise = 0) {
    return lao::int_param(name, otherwise, help, 0, 1000000);
}
lao::Param format() {
    return lao::text_param("format", "png", "How it is written; WebP without loss", {"png", "jpeg", "webp"});
}
lao::Param quality() { return lao::int_param("quality", 90, "Of JPEG", 1, 100); }

} // namespace

// Name and version come from plugin.toml; what is declared here, `lao plugin build` writes into it.
LAO_PLUGIN(lao::Plugin<Processor>(LAO_PLUGIN_NAME, LAO_PLUGIN_VERSION, lao::Threads::full)
               .settings({lao::int_param("max_pixels", 100000000, "Pixels that an image may have, also a result", 1,
                                         1000000000),
                          lao::int_param("threads", 0, "At most; 0: as many as there are processors", 0, 1024)})
               .capability("thumbnail", "A smaller image, from file to file", &Processor::thumbnail,
                           {size("size", "Pixels of the longer side, at most; 0: as it is", 256), format(), quality()})
               .idempotent()
               .capability("convert", "Reads an image file and writes it in another format", &Processor::convert,
                           {size("size", "Pixels of the longer side, at most; 0: as it is"), format(), quality()})
               .idempotent()
               .capability("decode", "The pixels of a PNG, JPEG or WebP", &Processor::decode)
               .idempotent()
               .capability("encode", "A PNG, JPEG or WebP of pixels", &Processor::encode, {format(), quality()})
               .idempotent()
               .capability("resize", "Another size", &Processor::resize,
                           {size("width", "Pixels; 0: as the height has it"),
                            size("height", "Pixels; 0: as the width has it"),
                            lao::text_param("filter", "lanczos", "How pixels are averaged",
                                            {"area", "bilinear", "bicubic", "lanczos"})})
               .idempotent()
               .capability("crop", "A part of it", &Processor::crop,
                           {size("x", "Its left edge"), size("y", "Its upper edge"), size("width", "Pixels"),
                            size("height", "Pixels")})
               .idempotent()
               .capability("rotate", "Turned clockwise", &Processor::rotate,
                           {lao::text_param("degrees", "90", "How far", {"90", "180", "270"})})
               .idempotent()
               .capability("blur", "Gaussian blur", &Processor::blur,
                           {lao::number_param("sigma", 3.0, "In pixels", 0.1, 100.0),
                            lao::text_param("device", "cpu", "Where; gpu: by OpenCL, or on the cpu where there is none",
                                            {"cpu", "gpu"})})
               .idempotent()
               .capability("gray", "Without its colours: the luma of ITU-R BT.601", &Processor::gray)
               .idempotent()
               .capability("color", "Another order of channels, or another colour model", &Processor::color,
                           {lao::text_param("to", "rgb", "What the channels become",
                                            {"gray", "rgb", "bgr", "rgba", "bgra", "ycbcr", "hsv"})})
               .idempotent()
               .capability("edges", "The strength of its edges, by Sobel's gradient", &Processor::edges)
               .idempotent()
               .capability("corners", "Where its corners are, by Harris's measure, the strongest first",
                           &Processor::corners,
                           {lao::int_param("most", 100, "How many", 1, 10000),
                            lao::int_param("distance", 10, "Pixels between two of them, at least", 1, 10000)})
               .idempotent())
