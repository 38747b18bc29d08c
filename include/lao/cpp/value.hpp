// Outputs: values that own their memory until the host takes them over.
#ifndef LAO_CPP_VALUE_HPP
#define LAO_CPP_VALUE_HPP

#include <initializer_list>
#include <utility>
#include <vector>

#include "../c/give.h"
#include "host.hpp"
#include "view.hpp"

namespace lao {

// Any value, owned: released when it goes away, unless it was handed out. Moves, never copies.
class Value {
  public:
    Value() noexcept {
        value_.struct_size = sizeof value_;
        value_.file_handle = -1;
    }
    Value(Value &&other) noexcept : value_(other.value_) { other.value_.release = nullptr; }
    Value &operator=(Value &&other) noexcept {
        if (this != &other) {
            reset();
            value_ = other.value_;
            other.value_.release = nullptr;
        }
        return *this;
    }
    Value(const Value &) = delete;
    Value &operator=(const Value &) = delete;
    ~Value() { reset(); }

    // `kind` with a copy of `size` bytes in the host's memory. Throws std::bad_alloc.
    Value(Host host, std::uint32_t kind, const void *data, std::size_t size) : Value() {
        Response into(*this);
        if (lao_give_copy(host.table(), &into.response, kind, data, size) != LAO_OK) {
            throw std::bad_alloc();
        }
    }

    ValueView view() const noexcept { return ValueView(value_); }
    lao_value_t &raw() noexcept { return value_; }

    // Fills `output`, which owns the memory from then on.
    void give(lao_value_t &output) && noexcept {
        const std::uint32_t size = output.struct_size;
        std::memcpy(&output, &value_, size < sizeof value_ ? size : sizeof value_);
        output.struct_size = size;
        value_.release = nullptr;
    }

  protected:
    // A response whose one slot is the value, for the functions of c/give.h.
    struct Response {
        explicit Response(Value &value) noexcept : slot(&value.value_) {
            response.struct_size = sizeof response;
            response.output_capacity = 1;
            response.outputs = &slot;
        }
        Response(const Response &) = delete;
        Response &operator=(const Response &) = delete;
        lao_value_t *slot;
        lao_response_t response{};
    };

    void reset() noexcept {
        if (value_.release != nullptr) {
            value_.release(&value_);
            value_.release = nullptr;
        }
    }

    lao_value_t value_{};
};

// Bytes that are written in the host's memory: no copy when they are handed out. Kind: text, json, binary or file.
template <std::uint32_t Kind> class Buffer : public Value {
  public:
    // Room for `capacity` bytes, not cleared; it holds 0 bytes so far. Throws std::bad_alloc.
    Buffer(Host host, std::size_t capacity) : host_(host), capacity_(capacity) { hold(room(capacity)); }

    char *data() noexcept { return static_cast<char *>(const_cast<void *>(value_.data)); }
    std::size_t size() const noexcept { return static_cast<std::size_t>(value_.size); }
    std::size_t capacity() const noexcept { return capacity_; }

    // Says how many bytes hold; grows when there is no room.
    void resize(std::size_t size) {
        reserve(size);
        value_.size = size;
    }
    void reserve(std::size_t capacity) {
        if (capacity > capacity_) {
            capacity = capacity < capacity_ * 2 ? capacity_ * 2 : capacity;
            char *larger = room(capacity);
            std::memcpy(larger, data(), size());
            const std::uint64_t kept = value_.size;
            reset();
            hold(larger);
            value_.size = kept;
            capacity_ = capacity;
        }
    }
    Buffer &append(std::string_view part) {
        if (!part.empty()) {
            reserve(size() + part.size());
            std::memcpy(data() + size(), part.data(), part.size());
            value_.size += part.size();
        }
        return *this;
    }

  private:
    char *room(std::size_t capacity) const {
        char *memory = lao_room(host_.table(), capacity);
        if (memory == nullptr) {
            throw std::bad_alloc();
        }
        return memory;
    }
    void hold(char *memory) noexcept {
        Response into(*this);
        lao_give(host_.table(), &into.response, Kind, memory, 0);
    }

    Host host_;
    std::size_t capacity_;
};

using Text = Buffer<LAO_KIND_TEXT>;
using Binary = Buffer<LAO_KIND_BINARY>;

// A JSON document, e.g. from JsonObject.
struct Json {
    std::string text;
};

// A UTF-8 path.
struct File {
    std::string path;
};

// A tensor in C order in the host's memory; its elements are not cleared.
template <class T, std::uint32_t Kind = LAO_KIND_TENSOR> class TensorOf : public Value {
  public:
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

namespace detail {

// How a result type of an author's function becomes a value. `kind` is what the capability declares.
template <class R> struct Writer;

template <> struct Writer<std::string> {
    static constexpr std::uint32_t kind = LAO_KIND_TEXT;
    static Value write(Host host, const std::string &text) { return {host, kind, text.data(), text.size()}; }
};
template <> struct Writer<Json> {
    static constexpr std::uint32_t kind = LAO_KIND_JSON;
    static Value write(Host host, const Json &json) { return {host, kind, json.text.data(), json.text.size()}; }
};
template <> struct Writer<std::vector<std::uint8_t>> {
    static constexpr std::uint32_t kind = LAO_KIND_BINARY;
    static Value write(Host host, const std::vector<std::uint8_t> &bytes) {
        return {host, kind, bytes.data(), bytes.size()};
    }
};
template <> struct Writer<File> {
    static constexpr std::uint32_t kind = LAO_KIND_FILE;
    static Value write(Host host, const File &file) { return {host, kind, file.path.data(), file.path.size()}; }
};
template <> struct Writer<Value> {
    static constexpr std::uint32_t kind = LAO_KIND_ANY;
    static Value write(Host, Value &&value) { return std::move(value); }
};
template <std::uint32_t Kind> struct Writer<Buffer<Kind>> {
    static constexpr std::uint32_t kind = Kind;
    static Value write(Host, Buffer<Kind> &&buffer) { return std::move(buffer); }
};
template <class T, std::uint32_t Kind> struct Writer<TensorOf<T, Kind>> {
    static constexpr std::uint32_t kind = Kind;
    static Value write(Host, TensorOf<T, Kind> &&tensor) { return std::move(tensor); }
};
template <class T> struct Writer<Image<T>> {
    static constexpr std::uint32_t kind = LAO_KIND_IMAGE;
    static Value write(Host, Image<T> &&image) { return std::move(image); }
};
template <class T> struct Writer<Audio<T>> {
    static constexpr std::uint32_t kind = LAO_KIND_AUDIO;
    static Value write(Host, Audio<T> &&audio) { return std::move(audio); }
};

} // namespace detail
} // namespace lao

#endif // LAO_CPP_VALUE_HPP
