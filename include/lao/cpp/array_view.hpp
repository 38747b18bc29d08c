// Tensors, images, audio and video as a plugin reads them: views of the host's memory in whatever layout it has.
#ifndef LAO_CPP_ARRAY_VIEW_HPP
#define LAO_CPP_ARRAY_VIEW_HPP

#include <array>
#include <cstring>
#include <vector>

#include "dtype.hpp"
#include "view.hpp"

namespace lao {

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
    std::vector<std::int64_t> shape() const { return {tensor_->shape, tensor_->shape + rank()}; }
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

// frames x height x width x channels; video of three axes has one channel.
template <class T> class VideoView : public TensorView<T> {
  public:
    explicit VideoView(const lao_value_t &value)
        : TensorView<T>(value.tensor->tensor), color_space_(value.color_space), channel_order_(value.channel_order) {}
    std::int64_t frames() const noexcept { return this->length(0); }
    std::int64_t height() const noexcept { return this->length(1); }
    std::int64_t width() const noexcept { return this->length(2); }
    std::int64_t channels() const noexcept { return this->rank() > 3 ? this->length(3) : 1; }
    std::uint32_t color_space() const noexcept { return color_space_; }     // LAO_COLOR_*
    std::uint32_t channel_order() const noexcept { return channel_order_; } // LAO_CHANNELS_*

  private:
    std::uint32_t color_space_, channel_order_;
};

// An array whose element type is asked for when the plugin runs: `image.is<float>()`, then `image.as<float>()`, a view
// as above. For a function that takes several element types.
template <std::uint32_t Kind, template <class> class View> class AnyArray {
  public:
    explicit AnyArray(const lao_value_t &value) noexcept : value_(&value) {}
    lao_dtype_t dtype() const noexcept { return value_->tensor->tensor.dtype; }
    const lao_value_t &raw() const noexcept { return *value_; }
    template <class T> bool is() const noexcept {
        constexpr lao_dtype_t wanted = dtype_of<T>();
        return dtype().code == wanted.code && dtype().bits == wanted.bits && dtype().lanes == 1;
    }
    // Throws InvalidInput when the elements are of another type.
    template <class T> View<T> as() const;

  private:
    const lao_value_t *value_;
};
using AnyTensor = AnyArray<LAO_KIND_TENSOR, TensorView>;
using AnyImage = AnyArray<LAO_KIND_IMAGE, ImageView>;
using AnyAudio = AnyArray<LAO_KIND_AUDIO, AudioView>;
using AnyVideo = AnyArray<LAO_KIND_VIDEO, VideoView>;

namespace detail {

// A medium may come encoded, where the caller says so.
inline void require_array(const lao_value_t &value, std::int32_t least, std::int32_t most, const char *wanted) {
    if (value.tensor == nullptr) {
        throw InvalidInput("the input is encoded; this plugin takes it decoded");
    }
    if (value.tensor->tensor.rank < least || value.tensor->tensor.rank > most) {
        throw InvalidInput(wanted);
    }
}

inline void require_tensor(const lao_value_t &value) { require_array(value, 0, LAO_TENSOR_MAX_RANK, ""); }
inline void require_image(const lao_value_t &value) { require_array(value, 2, 3, "an image has two or three axes"); }
inline void require_audio(const lao_value_t &value) { require_array(value, 1, 2, "audio has one or two axes"); }
inline void require_video(const lao_value_t &value) { require_array(value, 3, 4, "video has three or four axes"); }

template <std::uint32_t Kind> inline void require(const lao_value_t &value) {
    if constexpr (Kind == LAO_KIND_IMAGE) {
        require_image(value);
    } else if constexpr (Kind == LAO_KIND_AUDIO) {
        require_audio(value);
    } else if constexpr (Kind == LAO_KIND_VIDEO) {
        require_video(value);
    } else {
        require_tensor(value);
    }
}

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
        require_image(value);
        return ImageView<T>(value);
    }
};
template <class T> struct Reader<AudioView<T>> {
    static constexpr std::uint32_t kind = LAO_KIND_AUDIO;
    static AudioView<T> read(const lao_value_t &value) {
        require_audio(value);
        return AudioView<T>(value);
    }
};
template <class T> struct Reader<VideoView<T>> {
    static constexpr std::uint32_t kind = LAO_KIND_VIDEO;
    static VideoView<T> read(const lao_value_t &value) {
        require_video(value);
        return VideoView<T>(value);
    }
};
template <std::uint32_t Kind, template <class> class View> struct Reader<AnyArray<Kind, View>> {
    static constexpr std::uint32_t kind = Kind;
    static AnyArray<Kind, View> read(const lao_value_t &value) {
        require<Kind>(value);
        return AnyArray<Kind, View>(value);
    }
};

} // namespace detail

template <std::uint32_t Kind, template <class> class View> template <class T> View<T> AnyArray<Kind, View>::as() const {
    return detail::Reader<View<T>>::read(*value_);
}

} // namespace lao

#endif // LAO_CPP_ARRAY_VIEW_HPP
