// Samples to files: WAV and FLAC.
#ifndef ENCODE_HPP
#define ENCODE_HPP

#include <string>

#include "sound.hpp"

// A file of 16 or 24 bits; of 32, which are floats, in WAV.
std::vector<std::uint8_t> encode(const Sound &sound, const std::string &format, int bits);

#endif
