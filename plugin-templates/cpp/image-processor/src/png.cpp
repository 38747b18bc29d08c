// PNG by libpng. Of an animation the first frame.
#include "codec.hpp"
#include "exif.hpp"

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <png.h>

namespace codec::png {
namespace {

// libpng leaves its functions by longjmp, which skips destructors: between setjmp and them there is nothing to destroy.
struct Failure {
    char text[160] = "";
};

void fail(png_structp png, png_const_charp text) {
    auto *failure = static_cast<Failure *>(png_get_error_ptr(png));
    std::snprintf(failure->text, sizeof failure->text, "%s", text);
    png_longjmp(png, 1);
}
void ignore(png_structp, png_const_charp) {}

struct Source {
    const std::uint8_t *at;
    std::size_t left;
};

void take(png_structp png, png_bytep to, png_size_t size) {
    auto *source = static_cast<Source *>(png_get_io_ptr(png));
    if (size > source->left) {
        png_error(png, "it ends early");
    }
    std::memcpy(to, source->at, size);
    source->at += size;
    source->left -= size;
}

class Reader : public Decoder {
  public:
    Reader(lao::Bytes file, const Limit &limit) : source_{file.data, file.size} {
        png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &failure_, fail, ignore);
        info_ = png_ != nullptr ? png_create_info_struct(png_) : nullptr;
        if (info_ == nullptr) {
            png_destroy_read_struct(&png_, nullptr, nullptr);
            throw std::bad_alloc();
        }
        png_set_read_fn(png_, &source_, take);
        png_set_user_limits(png_, 0x7fffffff, 0x7fffffff); // the limit of pixels comes in begin()
        png_set_chunk_malloc_max(png_, static_cast<png_alloc_size_t>(limit.memory()));
        try {
            if (!read_info()) {
                throw refused(failure_.text);
            }
            limit.check(png_get_image_width(png_, info_), png_get_image_height(png_, info_));
            if (!prepare()) {
                throw refused(failure_.text);
            }
        } catch (...) {
            png_destroy_read_struct(&png_, &info_, nullptr);
            throw;
        }
        head.width = png_get_image_width(png_, info_);
        head.height = png_get_image_height(png_, info_);
        head.channels = png_get_channels(png_, info_);
        head.sixteen = png_get_bit_depth(png_, info_) == 16;
        png_bytep held = nullptr;
        png_uint_32 size = 0;
        if (png_get_eXIf_1(png_, info_, &size, &held) != 0) {
            head.turn = exif::turn({reinterpret_cast<const char *>(held), size});
        }
    }
    ~Reader() override { png_destroy_read_struct(&png_, &info_, nullptr); }

    void read(std::uint8_t *to) override {
        std::vector<png_bytep> rows(head.height);
        for (std::size_t row = 0; row < rows.size(); row++) {
            rows[row] = to + row * head.width * head.channels * (head.sixteen ? 2 : 1);
        }
        if (!read_rows(rows.data())) {
            throw refused(failure_.text);
        }
    }

  private:
    bool read_info() {
        if (setjmp(png_jmpbuf(png_)) != 0) {
            return false;
        }
        png_read_info(png_, info_);
        return true;
    }
    // No palettes, no bits, no gray with alpha.
    bool prepare() {
        if (setjmp(png_jmpbuf(png_)) != 0) {
            return false;
        }
        png_set_expand(png_);
        const int type = png_get_color_type(png_, info_);
        const bool clear = png_get_valid(png_, info_, PNG_INFO_tRNS) != 0;
        if (type == PNG_COLOR_TYPE_GRAY_ALPHA || (type == PNG_COLOR_TYPE_GRAY && clear)) {
            png_set_gray_to_rgb(png_);
        }
        png_set_interlace_handling(png_);
        png_read_update_info(png_, info_);
        return true;
    }
    bool read_rows(png_bytepp rows) {
        if (setjmp(png_jmpbuf(png_)) != 0) {
            return false;
        }
        png_read_image(png_, rows);
        png_read_end(png_, nullptr); // it is whole
        return true;
    }

    Failure failure_;
    Source source_;
    png_structp png_;
    png_infop info_;
};

// A file while it is written. Memory of C, since libpng may jump out of put().
struct File {
    char *data;
    std::size_t size, capacity;
};

void put(png_structp png, png_bytep from, png_size_t size) {
    auto *file = static_cast<File *>(png_get_io_ptr(png));
    if (size > file->capacity - file->size) {
        const std::size_t capacity = std::max(file->capacity * 2, file->size + size);
        auto *larger = static_cast<char *>(std::realloc(file->data, capacity));
        if (larger == nullptr) {
            png_error(png, "out of memory");
        }
        file->data = larger;
        file->capacity = capacity;
    }
    std::memcpy(file->data + file->size, from, size);
    file->size += size;
}
void flush(png_structp) {}

bool write_rows(png_structp png, png_infop info, const Pixels<std::uint8_t> &image) {
    if (setjmp(png_jmpbuf(png)) != 0) {
        return false;
    }
    const int type = image.channels == 1   ? PNG_COLOR_TYPE_GRAY
                     : image.channels == 3 ? PNG_COLOR_TYPE_RGB
                                           : PNG_COLOR_TYPE_RGB_ALPHA;
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    png_set_compression_level(png, 1);
    png_set_filter(png, 0, PNG_FILTER_SUB);
    png_set_IHDR(png, info, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height), 8, type,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (std::size_t row = 0; row < image.height; row++) {
        png_write_row(png, image.data + row * image.row());
    }
    png_write_end(png, info);
    return true;
}

} // namespace

std::unique_ptr<Decoder> open(lao::Bytes file, const Limit &limit) { return std::make_unique<Reader>(file, limit); }

lao::Binary write(const Pixels<std::uint8_t> &image, lao::Host host) {
    Failure failure;
    File file{nullptr, 0, 0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &failure, fail, ignore);
    png_infop info = png != nullptr ? png_create_info_struct(png) : nullptr;
    bool done = false;
    if (info != nullptr) {
        png_set_write_fn(png, &file, put, flush);
        done = write_rows(png, info, image);
    }
    png_destroy_write_struct(&png, &info);
    const std::unique_ptr<char, void (*)(void *)> owner(file.data, std::free);
    if (!done) {
        throw unwritable(failure.text[0] != '\0' ? failure.text : "out of memory");
    }
    lao::Binary answer(host, file.size);
    answer.append({file.data, file.size});
    return answer;
}

} // namespace codec::png
