#include "pacing.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <string>

namespace pacing {
namespace {

// Days since 1970 of a date of the Gregorian calendar.
std::int64_t days_of(std::int64_t year, int month, int day) {
    year -= month <= 2 ? 1 : 0;
    const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
    const std::int64_t of_era = year - era * 400;
    const std::int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

// The digits at `at`, exactly `count` of them; -1 where there are others.
int number(std::string_view text, std::size_t at, std::size_t count) {
    int result = 0;
    for (std::size_t i = at; i < at + count; i++) {
        if (i >= text.size() || text[i] < '0' || text[i] > '9') {
            return -1;
        }
        result = result * 10 + (text[i] - '0');
    }
    return result;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
        text.remove_suffix(1);
    }
    return text;
}

} // namespace

std::optional<std::int64_t> Bucket::take(std::int64_t now_ns, std::int64_t until_ns) {
    const std::lock_guard<std::mutex> held(lock_);
    const double full = std::max(full_at_ns_, static_cast<double>(now_ns)) + interval_ns_;
    const double when = full - interval_ns_ * static_cast<double>(burst_);
    if (when > static_cast<double>(until_ns)) {
        return std::nullopt;
    }
    full_at_ns_ = full;
    return static_cast<std::int64_t>(when);
}

std::int64_t back_off_ns(std::int64_t attempt, double first_s, double most_s, double chance) {
    const double whole_s =
        std::min(most_s, first_s * std::pow(2.0, static_cast<double>(std::min<std::int64_t>(attempt, 60) - 1)));
    return static_cast<std::int64_t>((whole_s / 2 + whole_s / 2 * chance) * static_cast<double>(SECOND));
}

std::optional<std::int64_t> http_date(std::string_view text) {
    static constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    text = trimmed(text);
    // Sun, 06 Nov 1994 08:49:37 GMT
    if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT" || text[19] != ':' ||
        text[22] != ':' || text[7] != ' ' || text[11] != ' ' || text[16] != ' ') {
        return std::nullopt;
    }
    const std::size_t month = months.find(text.substr(8, 3));
    const int day = number(text, 5, 2), year = number(text, 12, 4), hour = number(text, 17, 2),
              minute = number(text, 20, 2), second = number(text, 23, 2);
    if (month == std::string_view::npos || month % 3 != 0 || day < 1 || day > 31 || year < 1601 || hour < 0 ||
        hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) {
        return std::nullopt;
    }
    const std::int64_t days = days_of(year, static_cast<int>(month / 3) + 1, day);
    return days * 86400 + hour * 3600 + minute * 60 + second;
}

std::optional<double> retry_after_s(std::string_view header, std::string_view date, std::int64_t now) {
    header = trimmed(header);
    if (!header.empty() && header.find_first_not_of("0123456789") == std::string_view::npos) {
        return header.size() > 9 ? 1e9 : static_cast<double>(number(header, 0, header.size()));
    }
    const auto when = http_date(header);
    if (!when) {
        return std::nullopt;
    }
    return std::max(0.0, static_cast<double>(*when - http_date(date).value_or(now)));
}

bool is_passing(int status) {
    return status == 408 || status == 425 || status == 429 || status == 500 || status == 502 || status == 503 ||
           status == 504;
}

bool is_idempotent(std::string_view method) { return method != "POST" && method != "PATCH"; }

double chance(std::int64_t now_ns) {
    static std::atomic<std::uint64_t> state{0};
    // SplitMix64: good enough to spread clients, and it needs no seed beyond the time.
    std::uint64_t z = state.fetch_add(0x9E3779B97F4A7C15u) + static_cast<std::uint64_t>(now_ns);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return static_cast<double>(z >> 11) / 9007199254740992.0;
}

} // namespace pacing
