#include "codec.hpp"

#include <algorithm>

namespace codec {

lao::InvalidInput refused(const std::string &reason) {
    return lao::InvalidInput("the image cannot be read: " + reason);
}
lao::InvalidInput unwritable(const std::string &reason) {
    return lao::InvalidInput("the image cannot be written: " + reason);
}

void Limit::check(std::uint64_t width, std::uint64_t height) const {
    if (width == 0 || height == 0) {
        throw refused("it has no pixels");
    }
    if (width > max_pixels_ / height) {
        throw refused(std::to_string(width) + " x " + std::to_string(height) +
                      " are more pixels than `max_pixels` allows, " + std::to_string(max_pixels_));
    }
}

std::unique_ptr<Decoder> open(lao::Bytes file, const Limit &limit) {
    const std::string_view text(reinterpret_cast<const char *>(file.data), file.size);
    const auto begins = [&](std::string_view with) { return text.substr(0, with.size()) == with; };
    std::unique_ptr<Decoder> found;
    if (begins("\x89PNG\r\n\x1a\n")) {
        found = png::open(file, limit);
    } else if (begins("\xff\xd8\xff")) {
        found = jpeg::open(file);
    } else if (begins("RIFF") && text.size() >= 12 && text.substr(8, 4) == "WEBP") {
        found = webp::open(file, limit);
    } else if (text.size() > 2 && text[0] == 'P' &&
               (text[1] == '2' || text[1] == '3' || text[1] == '5' || text[1] == '6')) {
        found = pnm::open(file);
    } else {
        throw refused("it is no PNG, JPEG, WebP or PNM");
    }
    limit.check(found->head.width, found->head.height);
    return found;
}

void read(Decoder &decoder, std::uint8_t *to) {
    const Head &head = decoder.head;
    if (head.turn.none()) {
        decoder.read(to);
        return;
    }
    std::vector<std::uint8_t> lying(head.elements());
    decoder.read(lying.data());
    head.turn.run(to, lying.data(), head.height, head.width, head.channels);
}

void read(Decoder &decoder, std::uint16_t *to) {
    const Head &head = decoder.head;
    std::vector<std::uint8_t> bytes(head.elements() * 2);
    std::vector<std::uint16_t> lying(head.elements());
    decoder.read(bytes.data());
    for (std::size_t at = 0; at < lying.size(); at++) {
        lying[at] = static_cast<std::uint16_t>(bytes[2 * at] << 8 | bytes[2 * at + 1]);
    }
    head.turn.run(to, lying.data(), head.height, head.width, head.channels);
}

Pixels<std::uint8_t> read(Decoder &decoder) {
    const auto [height, width] = decoder.head.size();
    std::vector<std::uint8_t> data(decoder.head.elements());
    if (decoder.head.sixteen) {
        std::vector<std::uint16_t> deep(data.size());
        read(decoder, deep.data());
        std::transform(deep.begin(), deep.end(), data.begin(),
                       [](std::uint16_t value) { return static_cast<std::uint8_t>(value >> 8); });
    } else {
        read(decoder, data.data());
    }
    return Pixels<std::uint8_t>(std::move(data), height, width, decoder.head.channels);
}

namespace {

// With red before blue; `own` keeps it where it has to be made.
const Pixels<std::uint8_t> &red_first(const Pixels<std::uint8_t> &image, std::unique_ptr<Pixels<std::uint8_t>> &own) {
    if (image.channels == 1 || !image.blue_first()) {
        return image;
    }
    std::vector<std::uint8_t> data(image.data, image.data + image.count());
    for (std::size_t at = 0; at < data.size(); at += image.channels) {
        std::swap(data[at], data[at + 2]);
    }
    own = std::make_unique<Pixels<std::uint8_t>>(std::move(data), image.height, image.width, image.channels);
    return *own;
}

} // namespace

lao::Binary encode(const Pixels<std::uint8_t> &image, std::string_view format, int quality, lao::Host host) {
    std::unique_ptr<Pixels<std::uint8_t>> own;
    lao::Binary file = format == "jpeg"   ? jpeg::write(image, quality, host)
                       : format == "webp" ? webp::write(red_first(image, own), host)
                                          : png::write(red_first(image, own), host);
    file.set_media_type("image/" + std::string(format));
    return file;
}

} // namespace codec
