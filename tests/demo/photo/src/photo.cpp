// A plugin of three image filters. Name and version come from plugin.toml.
#include <lao/lao.hpp>

#include "filters.hpp"

namespace {

using In = lao::ImageView<std::uint8_t>;
using Out = lao::Image<std::uint8_t>;

// The pixels of an image in any layout: where they lie if they are packed, else in `copy`.
photo::Pixels pixels_of(const In &image, std::vector<std::uint8_t> &copy) {
    const std::uint8_t *data = image.contiguous();
    if (data == nullptr) {
        copy.resize(static_cast<std::size_t>(image.count()));
        image.copy_to(copy.data());
        data = copy.data();
    }
    return {data, image.height(), image.width(), image.channels()};
}

class Photo {
  public:
    Out half(const In &image, const lao::Call &call) const {
        if (image.height() < 2 || image.width() < 2) {
            throw lao::InvalidInput("the image is smaller than 2 x 2 pixels");
        }
        std::vector<std::uint8_t> copy;
        Out out(call.host(), image.height() / 2, image.width() / 2, image.channels(), image.channel_order());
        photo::half(pixels_of(image, copy), out.data());
        return out;
    }

    Out grayscale(const In &image, const lao::Call &call) const {
        std::vector<std::uint8_t> copy;
        Out out(call.host(), image.height(), image.width(), 1, LAO_CHANNELS_GRAY, LAO_COLOR_GRAY);
        photo::grayscale(pixels_of(image, copy), out.data());
        return out;
    }

    Out edges(const In &image, const lao::Call &call) const {
        std::vector<std::uint8_t> copy;
        Out out(call.host(), image.height(), image.width(), 1, LAO_CHANNELS_GRAY, LAO_COLOR_GRAY);
        photo::edges(pixels_of(image, copy), static_cast<int>(call.integer("gain")), out.data());
        return out;
    }
};

} // namespace

LAO_PLUGIN(lao::Plugin<Photo>(LAO_PLUGIN_NAME, LAO_PLUGIN_VERSION, lao::Threads::full)
               .description("Halves, grays and outlines photographs")
               .capability("half", "Half the width and height, each pixel the mean of four", &Photo::half)
               .idempotent()
               .capability("grayscale", "Luma after ITU-R BT.601", &Photo::grayscale)
               .idempotent()
               .capability("edges", "Strength of the edges, by Sobel's operator", &Photo::edges,
                           {lao::int_param("gain", 1, "How much stronger the edges are drawn", 1, 16)})
               .idempotent())
