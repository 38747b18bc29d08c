// Gaussian blur, cut off at three sigma; the border pixels go on outside. Down the columns first, then along the rows, in
// strips and bands whose rows stay in the cache.
#ifndef BLUR_HPP
#define BLUR_HPP

#include "pixels.hpp"
#include "work.hpp"

#include <vector>

namespace blur {

std::vector<float> weights(float sigma);

// Fills `to`, of the size of the image.
void run(const Pixels<std::uint8_t> &image, std::uint8_t *to, float sigma, const Work &work);
void run(const Pixels<std::uint16_t> &image, std::uint16_t *to, float sigma, const Work &work);
void run(const Pixels<float> &image, float *to, float sigma, const Work &work);

} // namespace blur

#endif // BLUR_HPP
