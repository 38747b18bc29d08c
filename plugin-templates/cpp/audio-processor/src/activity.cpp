#include "activity.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace {

constexpr double step_seconds = 0.01; // what is looked at together

struct Stretch {
    std::size_t start;
    std::size_t end;
};

std::vector<double> levels(const std::vector<float> &mono, std::size_t step) {
    std::vector<double> found;
    for (std::size_t at = 0; at < mono.size(); at += step) {
        const std::size_t end = std::min(at + step, mono.size());
        double sum = 0;
        for (std::size_t i = at; i < end; i++) {
            sum += static_cast<double>(mono[i]) * mono[i];
        }
        found.push_back(decibel(std::sqrt(sum / static_cast<double>(end - at))));
    }
    return found;
}

// Stretches of steps that are so, gaps up to `gap` steps left out, those of fewer than `least` dropped.
template <class So>
std::vector<Stretch> stretches(const std::vector<double> &levels, So so, std::size_t gap, std::size_t least) {
    std::vector<Stretch> found;
    for (std::size_t place = 0; place < levels.size(); place++) {
        if (!so(levels[place])) {
            continue;
        }
        if (!found.empty() && place - found.back().end <= gap) {
            found.back().end = place + 1;
        } else {
            found.push_back({place, place + 1});
        }
    }
    const auto is_short = [&](const Stretch &one) { return one.end - one.start < std::max<std::size_t>(least, 1); };
    found.erase(std::remove_if(found.begin(), found.end(), is_short), found.end());
    return found;
}

std::vector<Span> spans(const std::vector<Stretch> &found, double step, double seconds) {
    std::vector<Span> made;
    for (const Stretch &one : found) {
        made.push_back({static_cast<double>(one.start) * step, std::min(static_cast<double>(one.end) * step, seconds)});
    }
    return made;
}

// Whether the samples repeat themselves as often as a voice does, 70 to 400 times a second.
bool is_voiced(const float *part, std::size_t size, double rate) {
    const float energy = std::inner_product(part, part + size, part, 0.0f);
    if (energy <= 0) {
        return false;
    }
    const auto last = static_cast<std::size_t>(rate / 70);
    for (std::size_t lag = std::max<std::size_t>(static_cast<std::size_t>(rate / 400), 1); lag < last && lag < size / 2;
         lag++) {
        const float same = std::inner_product(part, part + (size - lag), part + lag, 0.0f);
        if (same > 0.5f * energy * (static_cast<float>(size - lag) / static_cast<float>(size))) {
            return true;
        }
    }
    return false;
}

} // namespace

std::vector<Span> silence(const Sound &sound, double threshold, double least) {
    const std::size_t step = std::max<std::size_t>(static_cast<std::size_t>(sound.rate * step_seconds), 1);
    const double seconds = static_cast<double>(step) / sound.rate;
    const auto wanted = static_cast<std::size_t>(std::ceil(least / seconds));
    const auto is_quiet = [&](double level) { return level < threshold; };
    return spans(stretches(levels(sound.mono(), step), is_quiet, 0, wanted), seconds, sound.seconds());
}

std::vector<Span> speech(const Sound &sound, double margin) {
    // A voice is below 4 kHz; means of samples are enough to find one.
    const std::size_t thin = std::max<std::size_t>(sound.rate / 8000, 1);
    const double rate = sound.rate / static_cast<double>(thin);
    const std::vector<float> all = sound.mono();
    std::vector<float> mono;
    for (std::size_t at = 0; at < all.size(); at += thin) {
        const std::size_t end = std::min(at + thin, all.size());
        mono.push_back(std::accumulate(all.begin() + static_cast<std::ptrdiff_t>(at),
                                       all.begin() + static_cast<std::ptrdiff_t>(end), 0.0f) /
                       static_cast<float>(end - at));
    }
    const std::size_t step = std::max<std::size_t>(static_cast<std::size_t>(rate * step_seconds), 1);
    const double seconds = static_cast<double>(step) / rate;
    const std::vector<double> heard = levels(mono, step);
    std::vector<double> sorted = heard;
    std::sort(sorted.begin(), sorted.end());
    const double noise = std::max(sorted.empty() ? 0.0 : sorted[sorted.size() / 10], -70.0);
    const auto steps = [&](double time) { return static_cast<std::size_t>(std::lround(time / seconds)); };
    const auto is_loud = [&](double level) { return level > noise + margin; };
    std::vector<Stretch> found = stretches(heard, is_loud, steps(0.3), steps(0.1));
    const auto has_no_voice = [&](const Stretch &one) {
        std::size_t voices = 0;
        for (std::size_t place = one.start; place < one.end; place++) {
            const std::size_t begin = place * step;
            voices += is_voiced(&mono[begin], std::min((place + 4) * step, mono.size()) - begin, rate) ? 1u : 0u;
        }
        return voices * 5 < one.end - one.start;
    };
    found.erase(std::remove_if(found.begin(), found.end(), has_no_voice), found.end());
    return spans(found, seconds, sound.seconds());
}
