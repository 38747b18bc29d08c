// Outputs: values that own their memory until the host takes them over.
#ifndef LAO_CPP_VALUE_HPP
#define LAO_CPP_VALUE_HPP

#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "../c/give.h"
#include "../c/label.h"
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

    // Says what its bytes are, such as "image/png". Throws std::bad_alloc.
    void set_media_type(const std::string &media_type) { label(media_type.c_str(), nullptr); }
    // What there is to say beside the value itself.
    void set_metadata(const JsonObject &metadata) { label(nullptr, metadata.text().c_str()); }

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

    void label(const char *media_type, const char *metadata) {
        if (lao_label(&value_, media_type, metadata) != LAO_OK) {
            throw std::bad_alloc();
        }
    }

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

// A UTF-8 path.
struct File {
    std::string path;
};

// An encoded medium, or any bytes that have a media type: lao::Media{"image/png", bytes}.
struct Media {
    std::string media_type;
    std::vector<std::uint8_t> bytes;
};

} // namespace lao

#endif // LAO_CPP_VALUE_HPP
