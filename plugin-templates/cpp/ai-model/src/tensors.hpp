// Arrays of the caller's to ONNX Runtime and back, without a look at their elements.
#pragma once

#include <tuple>

#include "model.hpp"

std::tuple<int, std::vector<std::int64_t>> element_and_shape(const ort::TensorInfo *tensor);

// `rows` x `columns` numbers as an input; `numbers` must live until the run is over.
Feed tokens_feed(const Slot &slot, std::vector<std::int64_t> &numbers, std::int64_t rows, std::int64_t columns);

// An input of nothing but zeros, with length 1 where the model takes any. Throws lao::Unsupported.
Feed zeros(const Slot &slot);

// The array as one input, in place where its elements lie one after the other; the others from `feeds`, a JSON object or
// nothing.
std::vector<Feed> all_feeds(const Model &model, const lao::AnyTensor &array, std::string_view input,
                            std::string_view feeds);

// The inputs that a block of named arrays has, and the block that has all outputs.
std::vector<Feed> named_feeds(const Model &model, std::string_view block);
std::vector<std::uint8_t> named_outputs(const Model &model, const std::vector<OrtValue> &values);

// An output of a model as an array in the host's memory.
lao::TensorOut as_array(const OrtValue &value, lao::Host host);

// Its shape and its elements, which live as long as the value. Throws lao::Unsupported for other than float32.
std::pair<std::vector<std::int64_t>, const float *> as_floats(const OrtValue &value);
