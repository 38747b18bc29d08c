// WebP by libwebp, lossy or lossless to read, lossless to write. Of an animation the first frame.
#include "codec.hpp"
#include "exif.hpp"

#include <webp/decode.h>
#include <webp/demux.h>
#include <webp/encode.h>

namespace codec::webp {
namespace {

using Demuxer = std::unique_ptr<WebPDemuxer, void (*)(WebPDemuxer *)>;

class Reader : public Decoder {
  public:
    Reader(lao::Bytes file, const Limit &limit)
        : file_{file.data, file.size}, demuxer_(WebPDemux(&file_), WebPDemuxDelete) {
        if (demuxer_ == nullptr) {
            throw refused("it is no whole WebP");
        }
        head.width = WebPDemuxGetI(demuxer_.get(), WEBP_FF_CANVAS_WIDTH);
        head.height = WebPDemuxGetI(demuxer_.get(), WEBP_FF_CANVAS_HEIGHT);
        limit.check(head.width, head.height);
        const std::uint32_t flags = WebPDemuxGetI(demuxer_.get(), WEBP_FF_FORMAT_FLAGS);
        animated_ = (flags & ANIMATION_FLAG) != 0;
        WebPBitstreamFeatures features;
        if (WebPGetFeatures(file_.bytes, file_.size, &features) != VP8_STATUS_OK) {
            throw refused("its head is no head of a WebP");
        }
        head.channels = features.has_alpha != 0 || (animated_ && (flags & ALPHA_FLAG) != 0) ? 4 : 3;
        WebPChunkIterator chunk;
        if (WebPDemuxGetChunk(demuxer_.get(), "EXIF", 1, &chunk) != 0) {
            head.turn = exif::turn({reinterpret_cast<const char *>(chunk.chunk.bytes), chunk.chunk.size});
            WebPDemuxReleaseChunkIterator(&chunk);
        }
    }

    void read(std::uint8_t *to) override {
        if (animated_) {
            read_frame(to);
            return;
        }
        const std::size_t size = head.elements();
        const int stride = static_cast<int>(head.width * head.channels);
        const auto decode = head.channels == 4 ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
        if (decode(file_.bytes, file_.size, to, size, stride) == nullptr) {
            throw refused("its pixels are spoiled");
        }
    }

  private:
    // The first frame, on its canvas.
    void read_frame(std::uint8_t *to) {
        WebPAnimDecoderOptions options;
        if (WebPAnimDecoderOptionsInit(&options) == 0) {
            throw refused("libwebp is of another version");
        }
        const std::unique_ptr<WebPAnimDecoder, void (*)(WebPAnimDecoder *)> decoder(
            WebPAnimDecoderNew(&file_, &options), WebPAnimDecoderDelete);
        std::uint8_t *frame = nullptr;
        int time_ms = 0;
        if (decoder == nullptr || WebPAnimDecoderGetNext(decoder.get(), &frame, &time_ms) == 0) {
            throw refused("its first frame is spoiled");
        }
        for (std::size_t at = 0; at < head.width * head.height; at++) {
            for (std::size_t channel = 0; channel < head.channels; channel++) {
                to[at * head.channels + channel] = frame[at * 4 + channel];
            }
        }
    }

    WebPData file_;
    Demuxer demuxer_;
    bool animated_ = false;
};

} // namespace

std::unique_ptr<Decoder> open(lao::Bytes file, const Limit &limit) { return std::make_unique<Reader>(file, limit); }

lao::Binary write(const Pixels<std::uint8_t> &image, lao::Host host) {
    if (image.width > WEBP_MAX_DIMENSION || image.height > WEBP_MAX_DIMENSION) {
        throw unwritable("a WebP has at most " + std::to_string(WEBP_MAX_DIMENSION) + " pixels in a row or column");
    }
    WebPConfig config;
    WebPPicture picture;
    if (WebPConfigInit(&config) == 0 || WebPConfigLosslessPreset(&config, 0) == 0 || WebPPictureInit(&picture) == 0) {
        throw unwritable("libwebp is of another version");
    }
    config.exact = 1; // what is transparent keeps its colours
    picture.use_argb = 1;
    picture.width = static_cast<int>(image.width);
    picture.height = static_cast<int>(image.height);
    WebPMemoryWriter writer;
    WebPMemoryWriterInit(&writer);
    picture.writer = WebPMemoryWrite;
    picture.custom_ptr = &writer;
    const std::unique_ptr<WebPPicture, void (*)(WebPPicture *)> picture_owner(&picture, WebPPictureFree);
    const std::unique_ptr<WebPMemoryWriter, void (*)(WebPMemoryWriter *)> writer_owner(&writer, WebPMemoryWriterClear);
    int taken = 0;
    if (image.channels == 4) {
        taken = WebPPictureImportRGBA(&picture, image.data, static_cast<int>(image.row()));
    } else if (image.channels == 3) {
        taken = WebPPictureImportRGB(&picture, image.data, static_cast<int>(image.row()));
    } else {
        std::vector<std::uint8_t> colors;
        colors.reserve(image.count() * 3);
        for (std::size_t at = 0; at < image.count(); at++) {
            colors.insert(colors.end(), 3, image.data[at]);
        }
        taken = WebPPictureImportRGB(&picture, colors.data(), static_cast<int>(image.width * 3));
    }
    if (taken == 0 || WebPEncode(&config, &picture) == 0) {
        throw unwritable("libwebp's error " + std::to_string(picture.error_code));
    }
    lao::Binary file(host, writer.size);
    file.append({reinterpret_cast<const char *>(writer.mem), writer.size});
    return file;
}

} // namespace codec::webp
