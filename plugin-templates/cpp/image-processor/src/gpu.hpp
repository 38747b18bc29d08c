// Gaussian blur on a graphics processor, by OpenCL: its library is looked for when it is first wanted, and so is the device.
#ifndef GPU_HPP
#define GPU_HPP

#include "pixels.hpp"

#include <string>
#include <vector>

namespace gpu {

// The same as on the processor, within rounding; `weights` are those of all taps. Returns the device's name. Throws
// std::runtime_error with the reason where there is no device or it fails.
std::string blur(const Pixels<std::uint8_t> &image, std::uint8_t *to, const std::vector<float> &weights);
std::string blur(const Pixels<std::uint16_t> &image, std::uint16_t *to, const std::vector<float> &weights);
std::string blur(const Pixels<float> &image, float *to, const std::vector<float> &weights);

} // namespace gpu

#endif // GPU_HPP
