// JPEG by libjpeg-turbo. CMYK becomes RGB.
#include "codec.hpp"
#include "exif.hpp"

#include <algorithm>
#include <turbojpeg.h>

namespace codec::jpeg {
namespace {

// Scans of a progressive file; each costs the time of a whole image.
constexpr std::size_t most_scans = 100;

// A reader or writer of the library, closed when it goes.
class Handle {
  public:
    explicit Handle(tjhandle handle) : handle_(handle) {
        if (handle == nullptr) {
            throw std::bad_alloc();
        }
    }
    ~Handle() { tjDestroy(handle_); }
    Handle(const Handle &) = delete;
    Handle &operator=(const Handle &) = delete;
    operator tjhandle() const noexcept { return handle_; }
    std::string error() const { return tjGetErrorStr2(handle_); }

  private:
    tjhandle handle_;
};

// CMYK as files of Adobe have it, with 255 for no ink.
void to_rgb(std::uint8_t *to, const std::uint8_t *from, std::size_t pixels) {
    for (std::size_t at = 0; at < pixels; at++) {
        for (std::size_t channel = 0; channel < 3; channel++) {
            to[3 * at + channel] = static_cast<std::uint8_t>((from[4 * at + channel] * from[4 * at + 3] + 127) / 255);
        }
    }
}

class File : public Decoder {
  public:
    // Reads the segments up to the pixels, and sees that the file has an end.
    explicit File(lao::Bytes file) : file_(file) {
        const std::uint8_t *at = file.data + 2;
        const std::uint8_t *const end = file.data + file.size;
        while (true) {
            while (end - at >= 2 && at[0] == 0xff && at[1] == 0xff) {
                at++; // padding
            }
            if (end - at < 4 || at[0] != 0xff) {
                throw refused("it ends, or loses its way, before its pixels");
            }
            const int marker = at[1], length = at[2] << 8 | at[3];
            if (length < 2 || end - at < length + 2) {
                throw refused("a segment of it is cut off");
            }
            if (marker == 0xda) {
                break;
            }
            read_segment(marker, {reinterpret_cast<const char *>(at) + 4, static_cast<std::size_t>(length) - 2});
            at += length + 2;
        }
        if (components_ == 0) {
            throw refused("it has no frame");
        }
        check_scans(at + 2, end);
        head.channels = components_ == 1 ? 1 : 3;
    }

    void read(std::uint8_t *to) override {
        const Handle handle(tjInitDecompress());
        if (components_ != 4) {
            decode(handle, to, components_ == 1 ? TJPF_GRAY : TJPF_RGB, head.channels);
            return;
        }
        std::vector<std::uint8_t> inks(head.width * head.height * 4);
        decode(handle, inks.data(), TJPF_CMYK, 4);
        to_rgb(to, inks.data(), head.width * head.height);
    }

  private:
    void read_segment(int marker, std::string_view body) {
        const auto byte = [&](std::size_t place) { return static_cast<unsigned char>(body[place]); };
        if (marker == 0xe1 && body.substr(0, 4) == "Exif") {
            head.turn = exif::turn(body);
        }
        if (marker < 0xc0 || marker > 0xcf || marker == 0xc4 || marker == 0xc8 || marker == 0xcc) {
            return;
        }
        if (body.size() < 6) {
            throw refused("its frame is cut off");
        }
        if (marker > 0xc2 || byte(0) != 8) {
            throw refused("it is a JPEG of a rare kind, SOF" + std::to_string(marker - 0xc0) + " of " +
                          std::to_string(byte(0)) + " bits");
        }
        if (components_ != 0) {
            throw refused("it has more than one frame");
        }
        head.height = static_cast<std::size_t>(byte(1)) << 8 | byte(2);
        head.width = static_cast<std::size_t>(byte(3)) << 8 | byte(4);
        components_ = byte(5);
        if (components_ != 1 && components_ != 3 && components_ != 4) {
            throw refused("it has " + std::to_string(components_) + " components");
        }
    }

    // A scan is FF DA; in the pixels themselves FF is followed by 0 or by a restart.
    static void check_scans(const std::uint8_t *at, const std::uint8_t *end) {
        std::size_t scans = 1;
        bool ends = false;
        for (; end - at >= 2; at++) {
            ends = ends || (at[0] == 0xff && at[1] == 0xd9);
            scans += at[0] == 0xff && at[1] == 0xda ? 1 : 0;
        }
        if (!ends) {
            throw refused("it ends before its last pixel");
        }
        if (scans > most_scans) {
            throw refused("it has too many scans");
        }
    }

    void decode(const Handle &handle, std::uint8_t *to, int layout, std::size_t channels) const {
        const auto size = static_cast<unsigned long>(file_.size);
        const int width = static_cast<int>(head.width), height = static_cast<int>(head.height);
        int found_width = 0, found_height = 0, colors = 0, space = 0;
        if (tjDecompressHeader3(handle, file_.data, size, &found_width, &found_height, &colors, &space) != 0) {
            throw refused(handle.error());
        }
        if (found_width != width || found_height != height) {
            throw refused("it says two things about its size");
        }
        if (tjDecompress2(handle, file_.data, size, to, width, width * static_cast<int>(channels), height, layout, 0) ==
            0) {
            return;
        }
        const std::string text = handle.error();
        // Warnings are of what every reader forgives, except where pixels are missing.
        if (tjGetErrorCode(handle) != TJERR_WARNING || text.find("remature end") != std::string::npos) {
            throw refused(text);
        }
    }

    lao::Bytes file_;
    int components_ = 0;
};

} // namespace

std::unique_ptr<Decoder> open(lao::Bytes file) { return std::make_unique<File>(file); }

// It has no alpha.
lao::Binary write(const Pixels<std::uint8_t> &image, int quality, lao::Host host) {
    if (image.width > 65535 || image.height > 65535) {
        throw unwritable("a JPEG has at most 65535 pixels in a row or column");
    }
    const Handle handle(tjInitCompress());
    const int width = static_cast<int>(image.width), height = static_cast<int>(image.height);
    const int layout = image.channels == 1   ? TJPF_GRAY
                       : image.channels == 3 ? (image.blue_first() ? TJPF_BGR : TJPF_RGB)
                                             : (image.blue_first() ? TJPF_BGRX : TJPF_RGBX);
    const int colors = image.channels == 1 ? TJSAMP_GRAY : TJSAMP_420;
    lao::Binary file(host, static_cast<std::size_t>(tjBufSize(width, height, colors)));
    auto *at = reinterpret_cast<unsigned char *>(file.data());
    auto size = static_cast<unsigned long>(file.capacity());
    if (tjCompress2(handle, image.data, width, static_cast<int>(image.row()), height, layout, &at, &size, colors,
                    quality, TJFLAG_NOREALLOC) != 0) {
        throw unwritable(handle.error());
    }
    file.resize(size);
    return file;
}

} // namespace codec::jpeg
