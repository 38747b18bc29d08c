// Inputs as a plugin reads them: views of the host's memory, read-only, valid during the call.
#ifndef LAO_CPP_VIEW_HPP
#define LAO_CPP_VIEW_HPP

#include <array>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "dtype.hpp"
#include "error.hpp"

namespace lao {

inline std::string kind_name(std::uint32_t kind) {
    static constexpr const char *names[] = {"none",  "text",  "json",  "binary", "file",
                                            "audio", "image", "video", "any",    "tensor"};
    return kind <= LAO_KIND_TENSOR ? names[kind] : "unknown";
}

// Bytes of somebody else.
struct Bytes {
    const std::uint8_t *data;
    std::size_t size;
    const std::uint8_t *begin() const noexcept { return data; }
    const std::uint8_t *end() const noexcept { return data + size; }
};

// One JSON document, unparsed.
struct JsonView {
    std::string_view text;
};

// A UTF-8 path, an open descriptor or handle (-1 = none), or both.
struct FileView {
    std::string_view path;
    std::int64_t handle;
};

// A tensor of known element type in any layout: strided, reversed, and perhaps not aligned, so elements are read by
// value. Indices are not checked.
template <class T> class TensorView {
  public:
    explicit TensorView(const lao_tensor_t &tensor) : tensor_(&tensor) {
        constexpr lao_dtype_t wanted = dtype_of<T>();
        if (tensor.device.device_type != LAO_DEVICE_CPU) {
            throw Unsupported("the input lies in device memory; this plugin reads main memory");
        }
        if (tensor.dtype.code != wanted.code || tensor.dtype.bits != wanted.bits || tensor.dtype.lanes != 1) {
            throw InvalidInput("the input has elements of " + dtype_name(tensor.dtype) + ", not of " +
                               dtype_name(wanted));
        }
        std::int64_t stride = 1;
        for (std::size_t axis = rank(); axis-- > 0;) {
            strides_[axis] = tensor.strides != nullptr ? tensor.strides[axis] : stride;
            stride *= tensor.shape[axis];
        }
    }

    std::size_t rank() const noexcept { return static_cast<std::size_t>(tensor_->rank); }
    std::int64_t length(std::size_t axis) const noexcept { return tensor_->shape[axis]; }
    // In elements.
    std::int64_t stride(std::size_t axis) const noexcept { return strides_[axis]; }
    std::int64_t count() const noexcept {
        std::int64_t total = 1;
        for (std::size_t axis = 0; axis < rank(); axis++) {
            total *= length(axis);
        }
        return total;
    }

    // One element, by as many indices as there are axes.
    template <class... Index> T operator()(Index... index) const noexcept {
        std::int64_t offset = 0;
        std::size_t axis = 0;
        ((offset += static_cast<std::int64_t>(index) * strides_[axis++]), ...);
        return read(offset);
    }

    // The elements as one array, when they lie so in memory (C order, aligned); nullptr otherwise.
    const T *contiguous() const noexcept {
        std::int64_t expected = 1;
        for (std::size_t axis = rank(); axis-- > 0;) {
            if (length(axis) != 1 && strides_[axis] != expected) {
                return nullptr;
            }
            expected *= length(axis);
        }
        return reinterpret_cast<std::uintptr_t>(first()) % alignof(T) == 0 ? reinterpret_cast<const T *>(first())
                                                                           : nullptr;
    }

    // Writes all elements to `to` in C order; `to` has room for count().
    void copy_to(T *to) const {
        if (count() > 0) {
            copy_axis(0, 0, to);
        }
    }

  private:
    const char *first() const noexcept { return static_cast<const char *>(tensor_->data) + tensor_->byte_offset; }
    T read(std::int64_t offset) const noexcept {
        const char *from = first() + offset * static_cast<std::int64_t>(sizeof(T));
        if constexpr (std::is_same_v<T, bool>) {
            return *from != 0;
        } else {
            T element;
            std::memcpy(&element, from, sizeof element);
            return element;
        }
    }
    T *copy_axis(std::size_t axis, std::int64_t offset, T *to) const {
        if (axis == rank()) {
            *to = read(offset);
            return to + 1;
        }
        for (std::int64_t i = 0; i < length(axis); i++) {
            to = copy_axis(axis + 1, offset + i * strides_[axis], to);
        }
        return to;
    }

    const lao_tensor_t *tensor_;
    std::array<std::int64_t, LAO_TENSOR_MAX_RANK> strides_{};
};

// height x width x channels; an image of two axes has one channel.
template <class T> class ImageView : public TensorView<T> {
  public:
    explicit ImageView(const lao_value_t &value)
        : TensorView<T>(value.tensor->tensor), color_space_(value.color_space), channel_order_(value.channel_order) {}
    std::int64_t height() const noexcept { return this->length(0); }
    std::int64_t width() const noexcept { return this->length(1); }
    std::int64_t channels() const noexcept { return this->rank() > 2 ? this->length(2) : 1; }
    std::uint32_t color_space() const noexcept { return color_space_; }     // LAO_COLOR_*
    std::uint32_t channel_order() const noexcept { return channel_order_; } // LAO_CHANNELS_*
    T at(std::int64_t row, std::int64_t column, std::int64_t channel = 0) const noexcept {
        return this->rank() > 2 ? (*this)(row, column, channel) : (*this)(row, column);
    }

  private:
    std::uint32_t color_space_, channel_order_;
};

// frames x channels; audio of one axis has one channel.
template <class T> class AudioView : public TensorView<T> {
  public:
    explicit AudioView(const lao_value_t &value)
        : TensorView<T>(value.tensor->tensor), sample_rate_hz_(value.sample_rate_hz) {}
    std::int64_t frames() const noexcept { return this->length(0); }
    std::int64_t channels() const noexcept { return this->rank() > 1 ? this->length(1) : 1; }
    std::uint32_t sample_rate_hz() const noexcept { return sample_rate_hz_; } // 0 = unknown
    T at(std::int64_t frame, std::int64_t channel = 0) const noexcept {
        return this->rank() > 1 ? (*this)(frame, channel) : (*this)(frame);
    }

  private:
    std::uint32_t sample_rate_hz_;
};

// A value of any kind, to be asked what it is.
class ValueView {
  public:
    explicit ValueView(const lao_value_t &value) noexcept : value_(&value) {}
    std::uint32_t kind() const noexcept { return value_->kind; }
    const lao_value_t &raw() const noexcept { return *value_; }
    std::string_view media_type() const noexcept { return value_->media_type != nullptr ? value_->media_type : ""; }
    // One JSON object; empty when there is none.
    std::string_view metadata() const noexcept {
        return value_->metadata != nullptr
                   ? std::string_view(value_->metadata, static_cast<std::size_t>(value_->metadata_size))
                   : std::string_view();
    }

    // The data of text, json, binary, an encoded medium, or the path of a file.
    std::string_view data() const noexcept {
        return value_->size > 0
                   ? std::string_view(static_cast<const char *>(value_->data), static_cast<std::size_t>(value_->size))
                   : std::string_view("", 0);
    }
    // As a view of type `V`; throws InvalidInput when the value is of another kind.
    template <class V> V as() const;

  private:
    const lao_value_t *value_;
};

namespace detail {

// How a parameter type of an author's function is read from a value. `kind` is what the capability declares.
template <class V> struct Reader;

inline void require_tensor(const lao_value_t &value) {
    if (value.tensor == nullptr) {
        throw InvalidInput("the input is encoded; this plugin takes it decoded");
    }
}

template <> struct Reader<std::string_view> {
    static constexpr std::uint32_t kind = LAO_KIND_TEXT;
    static std::string_view read(const lao_value_t &value) { return ValueView(value).data(); }
};
template <> struct Reader<JsonView> {
    static constexpr std::uint32_t kind = LAO_KIND_JSON;
    static JsonView read(const lao_value_t &value) { return {ValueView(value).data()}; }
};
template <> struct Reader<Bytes> {
    static constexpr std::uint32_t kind = LAO_KIND_BINARY;
    static Bytes read(const lao_value_t &value) {
        return {static_cast<const std::uint8_t *>(value.data), static_cast<std::size_t>(value.size)};
    }
};
template <> struct Reader<FileView> {
    static constexpr std::uint32_t kind = LAO_KIND_FILE;
    static FileView read(const lao_value_t &value) { return {ValueView(value).data(), value.file_handle}; }
};
template <> struct Reader<ValueView> {
    static constexpr std::uint32_t kind = LAO_KIND_ANY;
    static ValueView read(const lao_value_t &value) { return ValueView(value); }
};
template <class T> struct Reader<TensorView<T>> {
    static constexpr std::uint32_t kind = LAO_KIND_TENSOR;
    static TensorView<T> read(const lao_value_t &value) {
        require_tensor(value);
        return TensorView<T>(value.tensor->tensor);
    }
};
template <class T> struct Reader<ImageView<T>> {
    static constexpr std::uint32_t kind = LAO_KIND_IMAGE;
    static ImageView<T> read(const lao_value_t &value) {
        require_tensor(value);
        if (value.tensor->tensor.rank != 2 && value.tensor->tensor.rank != 3) {
            throw InvalidInput("an image has two or three axes");
        }
        return ImageView<T>(value);
    }
};
template <class T> struct Reader<AudioView<T>> {
    static constexpr std::uint32_t kind = LAO_KIND_AUDIO;
    static AudioView<T> read(const lao_value_t &value) {
        require_tensor(value);
        if (value.tensor->tensor.rank != 1 && value.tensor->tensor.rank != 2) {
            throw InvalidInput("audio has one or two axes");
        }
        return AudioView<T>(value);
    }
};

// Reads with the kind checked.
template <class V> V read_as(const lao_value_t &value) {
    if (Reader<V>::kind != LAO_KIND_ANY && value.kind != Reader<V>::kind) {
        throw InvalidInput("the input is " + kind_name(value.kind) + ", not " + kind_name(Reader<V>::kind));
    }
    return Reader<V>::read(value);
}

} // namespace detail

template <class V> V ValueView::as() const { return detail::read_as<V>(*value_); }

} // namespace lao

#endif // LAO_CPP_VIEW_HPP
