// Before and after the model, for texts: tokens from a text, a label from scores. Put your tokenizer here.
#pragma once

#include <cstdint>
#include <lao/lao.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace text {

constexpr std::int64_t padding = 256; // what fills up the shorter texts of a batch

// Its first `most` bytes of UTF-8.
std::vector<std::int64_t> tokens(std::string_view text, std::size_t most);

struct Padded {
    std::vector<std::int64_t> all; // row after row
    std::int64_t length;           // of each, at least 1
};
Padded padded(const std::vector<std::vector<std::int64_t>> &rows);

// The best label, and every score by its label.
lao::JsonObject answer(const float *scores, std::size_t count, const std::vector<std::string> &labels);

} // namespace text
