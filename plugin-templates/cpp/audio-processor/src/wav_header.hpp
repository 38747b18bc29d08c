// What the header of a WAV file claims, held against what the file has: libsndfile mends such files without a word.
#ifndef WAV_HEADER_HPP
#define WAV_HEADER_HPP

#include <cstddef>
#include <cstdint>
#include <string>

// What is wrong with it; empty where nothing is.
std::string wrong_with_wav(const std::uint8_t *bytes, std::size_t size);

#endif
