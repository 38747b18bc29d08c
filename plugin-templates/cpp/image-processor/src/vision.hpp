// What can be seen in an image: edges, and where corners are.
#ifndef VISION_HPP
#define VISION_HPP

#include "pixels.hpp"
#include "work.hpp"

#include <vector>

namespace vision {

// The length of Sobel's gradient of the luma, white at most. Fills `to`, one channel.
template <class T> void edges(const Pixels<T> &image, T *to, const Work &work);

// A corner, and how much of one it is: 1 is the strongest of the image.
struct Corner {
    std::size_t x, y;
    float strength;
};

// Corners by Harris: strong gradients in both directions within 5 x 5 pixels; the strongest of its neighbourhood of
// `distance` pixels each, the strongest first.
template <class T>
std::vector<Corner> corners(const Pixels<T> &image, std::size_t most, std::size_t distance, const Work &work);

} // namespace vision

#endif // VISION_HPP
