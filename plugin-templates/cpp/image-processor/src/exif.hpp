// How the camera was held: the one entry of EXIF that is read.
#ifndef EXIF_HPP
#define EXIF_HPP

#include "pixels.hpp"

#include <string_view>

namespace exif {

// The turn that puts the image upright; none where the data does not say or makes no sense.
Turn turn(std::string_view data);

} // namespace exif

#endif // EXIF_HPP
