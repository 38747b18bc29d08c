// Another sample rate, all at once or part by part, by soxr.
#ifndef RESAMPLE_HPP
#define RESAMPLE_HPP

#include <memory>

#include "sound.hpp"

// Takes interleaved frames as they come, and gives them in another rate without the delay of its filter.
class Converter {
  public:
    // `threads`: that may work on the channels.
    Converter(std::uint32_t from, std::uint32_t to, std::size_t channels, unsigned threads = 1);
    ~Converter();
    Converter(const Converter &) = delete;
    Converter &operator=(const Converter &) = delete;

    void push(const float *samples, std::size_t frames, std::vector<float> &out);
    // What is still in the filter: then there are as many frames as the time of those that came has in the other rate.
    void finish(std::vector<float> &out);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

#endif
