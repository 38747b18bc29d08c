#include "resample.hpp"

#include <algorithm>
#include <soxr.h>

struct Converter::State {
    soxr_t filter = nullptr;
    std::uint32_t from;
    std::uint32_t to;
    std::size_t channels;
    std::uint64_t taken = 0;
    std::uint64_t given = 0;
};

Converter::Converter(std::uint32_t from, std::uint32_t to, std::size_t channels, unsigned threads)
    : state_(std::make_unique<State>()) {
    state_->from = from;
    state_->to = to;
    state_->channels = channels;
    const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
    const soxr_runtime_spec_t runtime = soxr_runtime_spec(threads);
    soxr_error_t wrong = nullptr;
    state_->filter = soxr_create(from, to, static_cast<unsigned>(channels), &wrong, nullptr, &quality, &runtime);
    if (wrong != nullptr) {
        throw lao::Failed(std::string("resampling: ") + wrong);
    }
}

Converter::~Converter() { soxr_delete(state_->filter); }

void Converter::push(const float *samples, std::size_t frames, std::vector<float> &out) {
    State &state = *state_;
    const double ratio = static_cast<double>(state.to) / state.from;
    state.taken += frames;
    while (frames > 0) {
        const auto room = static_cast<std::size_t>(static_cast<double>(frames) * ratio) + 1024;
        const std::size_t have = out.size();
        out.resize(have + room * state.channels);
        std::size_t used = 0;
        std::size_t made = 0;
        const soxr_error_t wrong = soxr_process(state.filter, samples, frames, &used, out.data() + have, room, &made);
        out.resize(have + made * state.channels);
        if (wrong != nullptr) {
            throw lao::Failed(std::string("resampling: ") + wrong);
        }
        state.given += made;
        samples += used * state.channels;
        frames -= used;
    }
}

void Converter::finish(std::vector<float> &out) {
    State &state = *state_;
    const std::uint64_t all = (state.taken * state.to + state.from - 1) / state.from;
    while (state.given < all) {
        const std::size_t room = static_cast<std::size_t>(std::min<std::uint64_t>(all - state.given, 65536));
        const std::size_t have = out.size();
        out.resize(have + room * state.channels);
        std::size_t made = 0;
        const soxr_error_t wrong = soxr_process(state.filter, nullptr, 0, nullptr, out.data() + have, room, &made);
        if (wrong != nullptr) {
            throw lao::Failed(std::string("resampling: ") + wrong);
        }
        state.given += made;
        if (made == 0) { // it has nothing left: the last frame of a fraction is silence
            std::fill(out.begin() + static_cast<std::ptrdiff_t>(have), out.end(), 0.0f);
            out.resize(have + static_cast<std::size_t>(all - state.given) * state.channels);
            break;
        }
        out.resize(have + made * state.channels);
    }
}
