// Loudness as ITU-R BS.1770-4 measures it, in LUFS: what is heard, weighted as an ear weights it, without the pauses.
#ifndef LOUDNESS_HPP
#define LOUDNESS_HPP

#include <optional>

#include "sound.hpp"

// Nothing: there is nothing to be heard, or less than 0.4 s.
std::optional<double> loudness(const Sound &sound);

#endif
