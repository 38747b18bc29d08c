// All inputs of a model, and all its outputs, in one block of bytes: arrays by their names, as the format safetensors has
// them (https://huggingface.co/docs/safetensors). The size of a JSON object in 8 bytes, that object, then all elements.
#pragma once

#include <cstdint>
#include <lao/lao.hpp>
#include <string>
#include <string_view>
#include <vector>

struct NamedTensor {
    std::string name;
    std::string dtype; // "F32", "I64", "BOOL", ...
    std::vector<std::int64_t> shape;
    std::string_view bytes; // of the elements, in C order, little-endian; belongs to somebody else
};

// Bytes of an element; 0: no such type is known.
std::size_t element_size_of(std::string_view dtype);

// Throws lao::InvalidInput for what is no such block: each array must have the bytes that its shape says, and all bytes must
// belong to one array.
std::vector<NamedTensor> read_named_tensors(std::string_view block);

std::vector<std::uint8_t> write_named_tensors(const std::vector<NamedTensor> &tensors);
