#include "named_tensors.hpp"

#include <algorithm>
#include <charconv>
#include <lao/cpp/json_read.hpp>
#include <optional>

namespace {

constexpr std::size_t most_header_bytes = 100'000'000; // as the format says

lao::InvalidInput refused(const std::string &reason) {
    return lao::InvalidInput("these are no arrays in the format safetensors: " + reason);
}

std::uint64_t number_at_start(std::string_view block) {
    std::uint64_t number = 0;
    for (std::size_t i = 8; i-- > 0;) {
        number = number << 8 | static_cast<std::uint8_t>(block[i]);
    }
    return number;
}

std::optional<std::uint64_t> whole_number(const lao::JsonValue &json) {
    std::uint64_t number = 0;
    const char *end = json.text().data() + json.text().size();
    const auto read = std::from_chars(json.text().data(), end, number);
    const bool is_whole = json.is_number() && read.ec == std::errc() && read.ptr == end;
    return is_whole ? std::optional(number) : std::nullopt;
}

std::vector<std::uint64_t> whole_numbers(const lao::JsonValue *json, const std::string &name) {
    std::vector<std::uint64_t> numbers;
    if (json == nullptr || !json->is_list()) {
        throw refused("`" + name + "` has no shape, or no offsets");
    }
    for (const lao::JsonValue &item : json->items()) {
        const auto number = whole_number(item);
        if (!number) {
            throw refused("`" + name + "` has a length that is no whole number");
        }
        numbers.push_back(*number);
    }
    return numbers;
}

// Whether arrays of that shape have so many bytes; no product overflows.
bool has_size(const std::vector<std::uint64_t> &shape, std::size_t element, std::uint64_t bytes) {
    if (std::find(shape.begin(), shape.end(), 0) != shape.end()) {
        return bytes == 0;
    }
    std::uint64_t size = element;
    for (const std::uint64_t length : shape) {
        if (size > bytes / length) {
            return false;
        }
        size *= length;
    }
    return size == bytes;
}

NamedTensor described(const std::string &name, const lao::JsonValue &json, std::string_view elements) {
    const lao::JsonValue *dtype = json.find("dtype");
    const auto shape = whole_numbers(json.find("shape"), name);
    const auto offsets = whole_numbers(json.find("data_offsets"), name);
    const std::size_t size = dtype != nullptr && dtype->is_text() ? element_size_of(dtype->text()) : 0;
    if (size == 0) {
        throw refused("`" + name + "` has an element type that is not known");
    }
    if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > elements.size() ||
        !has_size(shape, size, offsets[1] - offsets[0])) {
        throw refused("the elements of `" + name + "` are not where they should be");
    }
    return {name, dtype->text(), {shape.begin(), shape.end()}, elements.substr(offsets[0], offsets[1] - offsets[0])};
}

// Whether each byte belongs to one array.
bool is_covered(const std::vector<NamedTensor> &tensors, std::string_view elements) {
    std::vector<std::string_view> parts;
    for (const NamedTensor &tensor : tensors) {
        parts.push_back(tensor.bytes);
    }
    std::sort(parts.begin(), parts.end(), [](std::string_view one, std::string_view other) {
        return std::pair(one.data(), one.size()) < std::pair(other.data(), other.size());
    });
    const char *at = elements.data();
    for (const std::string_view part : parts) {
        if (part.data() != at) {
            return false;
        }
        at += part.size();
    }
    return at == elements.data() + elements.size();
}

lao::JsonArray numbers(const std::vector<std::int64_t> &values) {
    lao::JsonArray list;
    for (const std::int64_t value : values) {
        list.add(value);
    }
    return list;
}

} // namespace

std::size_t element_size_of(std::string_view dtype) {
    static constexpr std::pair<std::string_view, std::size_t> sizes[] = {
        {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"I16", 2}, {"U16", 2}, {"F16", 2}, {"BF16", 2},
        {"I32", 4},  {"U32", 4}, {"F32", 4}, {"I64", 8}, {"U64", 8}, {"F64", 8},
    };
    for (const auto &[name, size] : sizes) {
        if (name == dtype) {
            return size;
        }
    }
    return 0;
}

std::vector<NamedTensor> read_named_tensors(std::string_view block) {
    constexpr std::size_t before = 8;
    if (block.size() < before) {
        throw refused("it is too short");
    }
    const std::uint64_t size = number_at_start(block);
    if (size > most_header_bytes || size > block.size() - before) {
        throw refused("its header is longer than it may be");
    }
    const lao::JsonValue header = lao::JsonValue::parse(block.substr(before, size));
    const std::string_view elements = block.substr(before + size);
    if (!header.is_object()) {
        throw refused("its header is no JSON object");
    }
    std::vector<NamedTensor> tensors;
    for (const auto &[name, json] : header.members()) {
        const auto has_name = [&known = name](const NamedTensor &tensor) { return tensor.name == known; };
        if (std::any_of(tensors.begin(), tensors.end(), has_name)) {
            throw refused("`" + name + "` comes twice");
        }
        if (name != "__metadata__") {
            tensors.push_back(described(name, json, elements));
        }
    }
    if (!is_covered(tensors, elements)) {
        throw refused("arrays overlap, or there are bytes that belong to none");
    }
    return tensors;
}

std::vector<std::uint8_t> write_named_tensors(const std::vector<NamedTensor> &tensors) {
    lao::JsonObject members;
    std::int64_t end = 0;
    for (const NamedTensor &tensor : tensors) {
        const std::int64_t begin = end;
        end += static_cast<std::int64_t>(tensor.bytes.size());
        members.set(tensor.name, lao::JsonObject()
                                     .set("dtype", tensor.dtype)
                                     .set("shape", numbers(tensor.shape))
                                     .set("data_offsets", numbers({begin, end})));
    }
    std::string header = members.text();
    header.append((8 - header.size() % 8) % 8, ' '); // so that the elements are aligned
    std::vector<std::uint8_t> block;
    block.reserve(8 + header.size() + static_cast<std::size_t>(end));
    for (std::size_t i = 0; i < 8; i++) {
        block.push_back(static_cast<std::uint8_t>(header.size() >> 8 * i & 0xFF));
    }
    block.insert(block.end(), header.begin(), header.end());
    for (const NamedTensor &tensor : tensors) {
        block.insert(block.end(), tensor.bytes.begin(), tensor.bytes.end());
    }
    return block;
}
