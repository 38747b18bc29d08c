// Inputs as a plugin reads them: views of the host's memory, read-only, valid during the call.
#ifndef LAO_CPP_VIEW_HPP
#define LAO_CPP_VIEW_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "../value.h"
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
    std::string_view media_type; // empty: not known
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
        return {static_cast<const std::uint8_t *>(value.data), static_cast<std::size_t>(value.size),
                ValueView(value).media_type()};
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
