// Files to samples: WAV, FLAC, MP3 and OGG Vorbis.
#ifndef DECODE_HPP
#define DECODE_HPP

#include <functional>
#include <string>

#include "sound.hpp"

// What the first bytes say that it is; empty where they say nothing.
std::string format_of(lao::Bytes file);

// All samples of a file; throws InvalidInput where there are more than `most`, or fewer than its header says. `go_on` is
// called now and then.
Sound decode(lao::Bytes file, std::size_t most, const std::function<void()> &go_on);

#endif
