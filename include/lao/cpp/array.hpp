// Tensors, images, audio and video as outputs, born in the host's memory.
#ifndef LAO_CPP_ARRAY_HPP
#define LAO_CPP_ARRAY_HPP

#include "array_view.hpp"
#include "value.hpp"

namespace lao {

// A tensor in C order in the host's memory; its elements are not cleared.
template <class T, std::uint32_t Kind = LAO_KIND_TENSOR> class TensorOf : public Value {
  public:
    static constexpr std::uint32_t array_kind = Kind;
    // Throws std::bad_alloc, also when the size overflows.
    TensorOf(Host host, const std::vector<std::int64_t> &shape) {
        Response into(*this);
        data_ = static_cast<T *>(lao_give_tensor(host.table(), &into.response, Kind, dtype_of<T>(),
                                                 static_cast<std::int32_t>(shape.size()), shape.data()));
        if (data_ == nullptr) {
            throw std::bad_alloc();
        }
    }
    T *data() noexcept { return data_; }
    std::int64_t length(std::size_t axis) const noexcept { return value_.tensor->tensor.shape[axis]; }
    std::int64_t count() const noexcept { return TensorView<T>(value_.tensor->tensor).count(); }

    // One element, by as many indices as there are axes; not checked.
    template <class... Index> T &operator()(Index... index) noexcept {
        std::int64_t offset = 0;
        std::size_t axis = 0;
        ((offset = offset * length(axis++) + static_cast<std::int64_t>(index)), ...);
        return data_[offset];
    }

  private:
    T *data_;
};

template <class T> using Tensor = TensorOf<T, LAO_KIND_TENSOR>;

template <class T> class Image : public TensorOf<T, LAO_KIND_IMAGE> {
  public:
    Image(Host host, std::int64_t height, std::int64_t width, std::int64_t channels,
          std::uint32_t channel_order = LAO_CHANNELS_UNSPECIFIED, std::uint32_t color_space = LAO_COLOR_UNSPECIFIED)
        : TensorOf<T, LAO_KIND_IMAGE>(host, {height, width, channels}) {
        this->value_.channel_order = channel_order;
        this->value_.color_space = color_space;
    }
};

template <class T> class Audio : public TensorOf<T, LAO_KIND_AUDIO> {
  public:
    Audio(Host host, std::int64_t frames, std::int64_t channels, std::uint32_t sample_rate_hz)
        : TensorOf<T, LAO_KIND_AUDIO>(host, {frames, channels}) {
        this->value_.sample_rate_hz = sample_rate_hz;
    }
};

template <class T> class Video : public TensorOf<T, LAO_KIND_VIDEO> {
  public:
    Video(Host host, std::int64_t frames, std::int64_t height, std::int64_t width, std::int64_t channels,
          std::uint32_t channel_order = LAO_CHANNELS_UNSPECIFIED, std::uint32_t color_space = LAO_COLOR_UNSPECIFIED)
        : TensorOf<T, LAO_KIND_VIDEO>(host, {frames, height, width, channels}) {
        this->value_.channel_order = channel_order;
        this->value_.color_space = color_space;
    }
};

// A tensor, image, ... whose element type is known when the plugin runs: made from any of the classes above.
template <std::uint32_t Kind> class ArrayOut : public Value {
  public:
    template <class A, class = std::enable_if_t<A::array_kind == Kind>>
    ArrayOut(A &&array) noexcept : Value(std::move(array)) {}
};
using TensorOut = ArrayOut<LAO_KIND_TENSOR>;
using ImageOut = ArrayOut<LAO_KIND_IMAGE>;
using AudioOut = ArrayOut<LAO_KIND_AUDIO>;
using VideoOut = ArrayOut<LAO_KIND_VIDEO>;

} // namespace lao

#endif // LAO_CPP_ARRAY_HPP
