// Gaussian blur in two steps; the border pixels go on outside. ELEMENT and ROUNDED come with the options of the build. `row`
// is the elements of a row, so `width` pixels times `channels`.
__kernel void along(__global const ELEMENT *from, __global float *to, __global const float *weights, uint row, uint height,
                    uint channels, uint radius) {
    const uint at = get_global_id(0), y = get_global_id(1);
    if (at >= row || y >= height) {
        return;
    }
    const int channel = at % channels, pixel = at / channels, last = row / channels - 1, reach = radius;
    const size_t start = (size_t)y * row;
    float sum = 0;
    for (int tap = -reach; tap <= reach; tap++) {
        sum += weights[tap + reach] * (float)from[start + clamp(pixel + tap, 0, last) * channels + channel];
    }
    to[start + at] = sum;
}

__kernel void down(__global const float *from, __global ELEMENT *to, __global const float *weights, uint row, uint height,
                   uint channels, uint radius) {
    const uint at = get_global_id(0), y = get_global_id(1);
    if (at >= row || y >= height) {
        return;
    }
    const int last = height - 1, reach = radius;
    float sum = 0;
    for (int tap = -reach; tap <= reach; tap++) {
        sum += weights[tap + reach] * from[(size_t)clamp((int)y + tap, 0, last) * row + at];
    }
    to[(size_t)y * row + at] = ROUNDED(sum);
}
