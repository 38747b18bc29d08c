#include "tensors.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <lao/cpp/json_read.hpp>
#include <limits>
#include <optional>

#include "named_tensors.hpp"

namespace {

template <class T> constexpr int element_of() {
    if constexpr (std::is_same_v<T, float>) {
        return ort::float32;
    } else if constexpr (std::is_same_v<T, double>) {
        return ort::float64;
    } else if constexpr (std::is_signed_v<T>) {
        return sizeof(T) == 8 ? ort::int64 : sizeof(T) == 4 ? ort::int32 : sizeof(T) == 2 ? ort::int16 : ort::int8;
    } else {
        return sizeof(T) == 8 ? ort::uint64 : sizeof(T) == 4 ? ort::uint32 : sizeof(T) == 2 ? ort::uint16 : ort::uint8;
    }
}

// Calls `function` with a value of each type that is carried, until it answers.
template <class Function> auto first_of_types(Function &&function) -> decltype(function(float())) {
    decltype(function(float())) found;
    ((found = function(float())) || (found = function(double())) || (found = function(std::int64_t())) ||
     (found = function(std::int32_t())) || (found = function(std::int16_t())) || (found = function(std::int8_t())) ||
     (found = function(std::uint64_t())) || (found = function(std::uint32_t())) ||
     (found = function(std::uint16_t())) || (found = function(std::uint8_t())));
    return found;
}

OrtValue wrap(const void *data, std::size_t size, const std::vector<std::int64_t> &shape, int element) {
    const Runtime &runtime = Runtime::get();
    // Inputs are only read; the interface takes one pointer type for both.
    return runtime.make<ort::CreateTensorWithDataAsOrtValue, ort::ReleaseValue, ort::Value>(
        runtime.memory(), const_cast<void *>(data), size, shape.data(), shape.size(), element);
}

// Room for `count` elements of `T`, aligned for any of them; at least one, so that there is an address.
template <class T> std::vector<std::uint64_t> room(std::size_t count) {
    return std::vector<std::uint64_t>((count * sizeof(T) + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t) + 1);
}

template <class T> Feed of_array(const lao::AnyTensor &array, const Slot &slot) {
    if (slot.element != element_of<T>()) {
        throw lao::InvalidInput("`" + slot.name + "` takes " + element_name(slot.element) + ", not " +
                                element_name(element_of<T>()));
    }
    const auto view = array.as<T>();
    const std::size_t count = static_cast<std::size_t>(view.count());
    if (const T *elements = view.contiguous(); elements != nullptr && count > 0) {
        return {&slot, wrap(elements, count * sizeof(T), view.shape(), slot.element), {}};
    }
    auto copy = room<T>(count);
    view.copy_to(reinterpret_cast<T *>(copy.data()));
    OrtValue value = wrap(copy.data(), count * sizeof(T), view.shape(), slot.element);
    return {&slot, std::move(value), std::move(copy)};
}

// All numbers in C order, and the lengths of the axes; false where lists of one axis differ.
bool flatten(const lao::JsonValue &value, std::size_t axis, std::vector<std::int64_t> &shape,
             std::vector<const std::string *> &numbers) {
    if (!value.is_list()) {
        numbers.push_back(&value.text());
        return axis == shape.size() && value.is_number();
    }
    const auto length = static_cast<std::int64_t>(value.items().size());
    if (axis == shape.size() && numbers.empty()) {
        shape.push_back(length);
    } else if (axis >= shape.size() || shape[axis] != length) {
        return false;
    }
    return std::all_of(value.items().begin(), value.items().end(),
                       [&](const lao::JsonValue &item) { return flatten(item, axis + 1, shape, numbers); });
}

Feed of_json(const lao::JsonValue &json, const Slot &slot) {
    std::vector<std::int64_t> shape;
    std::vector<const std::string *> numbers;
    if (!flatten(json, 0, shape, numbers)) {
        throw lao::InvalidParameter("`" + slot.name + "` must be numbers in lists of one length");
    }
    auto made = first_of_types([&](auto type) -> std::optional<Feed> {
        using T = decltype(type);
        if (slot.element != element_of<T>()) {
            return std::nullopt;
        }
        auto copy = room<T>(numbers.size());
        T *to = reinterpret_cast<T *>(copy.data());
        for (const std::string *digits : numbers) {
            const double number = std::strtod(digits->c_str(), nullptr);
            if constexpr (std::is_integral_v<T>) { // as far as it goes: other conversions are undefined
                constexpr double least = static_cast<double>(std::numeric_limits<T>::min());
                constexpr double most = static_cast<double>(std::numeric_limits<T>::max());
                *to++ = number <= least  ? std::numeric_limits<T>::min()
                        : number >= most ? std::numeric_limits<T>::max()
                                         : static_cast<T>(number);
            } else {
                *to++ = static_cast<T>(number);
            }
        }
        OrtValue value = wrap(copy.data(), numbers.size() * sizeof(T), shape, slot.element);
        return Feed{&slot, std::move(value), std::move(copy)};
    });
    if (!made) {
        throw lao::Unsupported("`" + slot.name + "` has an element type that cannot be given as JSON");
    }
    return std::move(*made);
}

// As safetensors calls an element type; empty: it has no name for it.
std::string dtype_of(int element) {
    static constexpr const char *names[] = {"",     "F32", "U8",  "I8",  "U16", "I16", "I32", "I64", "",
                                            "BOOL", "F16", "F64", "U32", "U64", "",    "",    "BF16"};
    return element >= 0 && element < static_cast<int>(sizeof names / sizeof *names) ? names[element] : "";
}

void *data_of(const OrtValue &value) {
    void *data = nullptr;
    Runtime::get().call<ort::GetTensorMutableData>(value.get(), &data);
    return data;
}

std::tuple<int, std::vector<std::int64_t>> element_and_shape(const OrtValue &value) {
    const auto info = Runtime::get().make<ort::GetTensorTypeAndShape, ort::ReleaseTensorInfo, ort::TensorInfo>(
        static_cast<const ort::Value *>(value.get()));
    return ::element_and_shape(static_cast<const ort::TensorInfo *>(info.get()));
}

} // namespace

std::tuple<int, std::vector<std::int64_t>> element_and_shape(const ort::TensorInfo *tensor) {
    const Runtime &runtime = Runtime::get();
    int element = 0;
    std::size_t rank = 0;
    runtime.call<ort::GetTensorElementType>(tensor, &element);
    runtime.call<ort::GetDimensionsCount>(tensor, &rank);
    std::vector<std::int64_t> shape(rank);
    runtime.call<ort::GetDimensions>(tensor, shape.data(), rank);
    return {element, shape};
}

Feed tokens_feed(const Slot &slot, std::vector<std::int64_t> &numbers, std::int64_t rows, std::int64_t columns) {
    return {&slot, wrap(numbers.data(), numbers.size() * sizeof numbers[0], {rows, columns}, ort::int64), {}};
}

Feed zeros(const Slot &slot) {
    constexpr std::int64_t most = 1 << 24;
    std::int64_t count = 1;
    std::vector<std::int64_t> shape;
    for (const std::int64_t length : slot.shape) {
        shape.push_back(std::max<std::int64_t>(length, 1));
        if (shape.back() > most / count) {
            throw lao::Unsupported("too large to warm up with");
        }
        count *= shape.back();
    }
    auto made = first_of_types([&](auto type) -> std::optional<Feed> {
        using T = decltype(type);
        if (slot.element != element_of<T>()) {
            return std::nullopt;
        }
        auto copy = room<T>(static_cast<std::size_t>(count));
        OrtValue value = wrap(copy.data(), static_cast<std::size_t>(count) * sizeof(T), shape, slot.element);
        return Feed{&slot, std::move(value), std::move(copy)};
    });
    if (!made) {
        throw lao::Unsupported("no zeros of this type");
    }
    return std::move(*made);
}

std::vector<Feed> all_feeds(const Model &model, const lao::AnyTensor &array, std::string_view input,
                            std::string_view feeds) {
    const Slot &main = model.input(input);
    auto first = first_of_types([&](auto type) -> std::optional<Feed> {
        using T = decltype(type);
        return array.is<T>() ? std::optional<Feed>(of_array<T>(array, main)) : std::nullopt;
    });
    if (!first) {
        throw lao::InvalidInput("arrays of this element type are not taken");
    }
    std::vector<Feed> all;
    all.push_back(std::move(*first));
    const lao::JsonValue given = feeds.empty() ? lao::JsonValue() : lao::JsonValue::parse(feeds);
    if (!given.is_object() && !given.is_null()) {
        throw lao::InvalidParameter("`feeds` is an object: inputs by their names");
    }
    for (const auto &[name, value] : given.members()) {
        const Slot &slot = model.input(name);
        if (&slot == &main) {
            throw lao::InvalidParameter("`" + slot.name + "` is the array, and in `feeds` too");
        }
        all.push_back(of_json(value, slot));
    }
    return all;
}

std::vector<Feed> named_feeds(const Model &model, std::string_view block) {
    std::vector<Feed> feeds;
    for (const NamedTensor &tensor : read_named_tensors(block)) {
        const Slot &slot = model.input(tensor.name);
        if (tensor.dtype != dtype_of(slot.element)) {
            throw lao::InvalidInput("`" + slot.name + "` takes " + element_name(slot.element) + ", not " +
                                    tensor.dtype);
        }
        auto copy = room<char>(tensor.bytes.size());
        auto *bytes = reinterpret_cast<char *>(copy.data());
        std::memcpy(bytes, tensor.bytes.data(), tensor.bytes.size());
        if (slot.element == ort::boolean) { // other bytes than 0 and 1 would be no bool
            std::transform(bytes, bytes + tensor.bytes.size(), bytes, [](char byte) { return byte != 0; });
        }
        OrtValue value = wrap(copy.data(), tensor.bytes.size(), tensor.shape, slot.element);
        feeds.push_back({&slot, std::move(value), std::move(copy)});
    }
    return feeds;
}

std::vector<std::uint8_t> named_outputs(const Model &model, const std::vector<OrtValue> &values) {
    std::vector<NamedTensor> tensors;
    for (std::size_t i = 0; i < values.size(); i++) {
        auto [element, shape] = element_and_shape(values[i]);
        const std::string &name = model.outputs()[i].name;
        if (dtype_of(element).empty()) {
            throw lao::Unsupported("`" + name + "` has an element type that is not carried");
        }
        std::size_t size = element_size_of(dtype_of(element));
        for (const std::int64_t length : shape) {
            size *= static_cast<std::size_t>(length);
        }
        const auto *data = size > 0 ? static_cast<const char *>(data_of(values[i])) : nullptr;
        tensors.push_back({name, dtype_of(element), std::move(shape), {data, size}});
    }
    return write_named_tensors(tensors);
}

lao::TensorOut as_array(const OrtValue &value, lao::Host host) {
    const auto [element, shape] = element_and_shape(value);
    const int wanted = element;
    const auto &lengths = shape;
    auto made = first_of_types([&](auto type) -> std::optional<lao::TensorOut> {
        using T = decltype(type);
        if (wanted != element_of<T>()) {
            return std::nullopt;
        }
        lao::Tensor<T> array(host, lengths);
        if (array.count() > 0) {
            std::memcpy(array.data(), data_of(value), static_cast<std::size_t>(array.count()) * sizeof(T));
        }
        return lao::TensorOut(std::move(array));
    });
    if (!made) {
        throw lao::Unsupported("the output has an element type that is not carried");
    }
    return std::move(*made);
}

std::pair<std::vector<std::int64_t>, const float *> as_floats(const OrtValue &value) {
    auto [element, shape] = element_and_shape(value);
    if (element != ort::float32) {
        throw lao::Unsupported(std::string("the model gives ") + element_name(element) + ", not float32");
    }
    return {std::move(shape), static_cast<const float *>(data_of(value))};
}
