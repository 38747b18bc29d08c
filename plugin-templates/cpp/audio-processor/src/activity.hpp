// Where it is silent, and where somebody speaks.
#ifndef ACTIVITY_HPP
#define ACTIVITY_HPP

#include "sound.hpp"

// A stretch of time in seconds.
struct Span {
    double start;
    double end;
};

// Where it is quieter than `threshold` decibel for `least` seconds.
std::vector<Span> silence(const Sound &sound, double threshold, double least);

// Where somebody speaks: louder than the noise by `margin` decibel, with a voice in it. Pauses up to 0.3 s belong to it.
std::vector<Span> speech(const Sound &sound, double margin);

#endif
