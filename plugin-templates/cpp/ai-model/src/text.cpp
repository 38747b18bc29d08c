#include "text.hpp"

#include <algorithm>

namespace text {

std::vector<std::int64_t> tokens(std::string_view text, std::size_t most) {
    std::vector<std::int64_t> all;
    for (const char c : text.substr(0, most)) {
        all.push_back(static_cast<unsigned char>(c));
    }
    return all;
}

Padded padded(const std::vector<std::vector<std::int64_t>> &rows) {
    std::size_t length = 1;
    for (const auto &row : rows) {
        length = std::max(length, row.size());
    }
    Padded made{{}, static_cast<std::int64_t>(length)};
    made.all.reserve(rows.size() * length);
    for (const auto &row : rows) {
        made.all.insert(made.all.end(), row.begin(), row.end());
        made.all.insert(made.all.end(), length - row.size(), padding);
    }
    return made;
}

lao::JsonObject answer(const float *scores, std::size_t count, const std::vector<std::string> &labels) {
    const auto label = [&](std::size_t place) {
        return place < labels.size() ? labels[place] : "class " + std::to_string(place);
    };
    lao::JsonObject all;
    std::size_t best = 0;
    for (std::size_t place = 0; place < count; place++) {
        best = scores[place] > scores[best] ? place : best;
        all.set(label(place), scores[place]);
    }
    return lao::JsonObject().set("label", label(best)).set("scores", all);
}

} // namespace text
