// How the result of an author's function becomes a value.
#ifndef LAO_CPP_WRITER_HPP
#define LAO_CPP_WRITER_HPP

#include "array.hpp"

namespace lao {
namespace detail {

// `kind` is what the capability declares.
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
template <> struct Writer<Media> {
    static constexpr std::uint32_t kind = LAO_KIND_BINARY;
    static Value write(Host host, const Media &media) {
        Value value(host, kind, media.bytes.data(), media.bytes.size());
        value.set_media_type(media.media_type);
        return value;
    }
};
template <> struct Writer<JsonObject> {
    static constexpr std::uint32_t kind = LAO_KIND_JSON;
    static Value write(Host host, const JsonObject &object) {
        const std::string text = object.text();
        return {host, kind, text.data(), text.size()};
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

template <class T> struct Writer<Video<T>> {
    static constexpr std::uint32_t kind = LAO_KIND_VIDEO;
    static Value write(Host, Video<T> &&video) { return std::move(video); }
};
template <std::uint32_t Kind> struct Writer<ArrayOut<Kind>> {
    static constexpr std::uint32_t kind = Kind;
    static Value write(Host, ArrayOut<Kind> &&array) { return std::move(array); }
};

} // namespace detail
} // namespace lao

#endif // LAO_CPP_WRITER_HPP
