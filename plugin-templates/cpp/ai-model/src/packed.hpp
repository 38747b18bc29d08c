// Arrays within JSON, packed: `{"shape": [2, 3], "data": "..."}` with the elements, little-endian, in base64 (RFC 4648).
#ifndef PACKED_HPP
#define PACKED_HPP

#include <cstdint>
#include <lao/cpp/json_read.hpp>
#include <optional>
#include <string>
#include <vector>

struct Packed {
    std::vector<std::int64_t> shape;
    std::string bytes;
};

// None: this is no such array.
std::optional<Packed> unpack(const lao::JsonValue &value);

std::optional<std::string> decode_base64(const std::string &text);

#endif
