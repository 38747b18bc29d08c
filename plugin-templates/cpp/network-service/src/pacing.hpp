// When to send, and when to try again. Time is in nanoseconds of a clock that the caller reads.
#ifndef PACING_HPP
#define PACING_HPP

#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

namespace pacing {

constexpr std::int64_t SECOND = 1000000000;

// A token bucket that hands out places in a queue: who takes one is told when to send. Any thread.
class Bucket {
  public:
    // `rate` per second in the long run, up to `burst` at once.
    Bucket(double rate, std::int64_t burst) : interval_ns_(static_cast<double>(SECOND) / rate), burst_(burst) {}

    // When the next request may be sent; at or before `now_ns`: at once. Nothing, and no place is taken, when that
    // would be after `until_ns`.
    std::optional<std::int64_t> take(std::int64_t now_ns, std::int64_t until_ns);

  private:
    std::mutex lock_;
    double interval_ns_;
    std::int64_t burst_;
    double full_at_ns_ = 0; // when all tokens are back
};

// How long to wait before attempt `attempt` + 1, without Retry-After: it doubles each time, up to `most`, and half of
// it is chance, so that many clients do not come back at the same moment. `chance` is in 0..1.
std::int64_t back_off_ns(std::int64_t attempt, double first_s, double most_s, double chance);

// What a `Retry-After` header asks for in seconds: a number, or a date that is compared with `date`, the server's own
// time, or with `now` where that is none. Nothing when it says nothing that can be read; never negative.
std::optional<double> retry_after_s(std::string_view header, std::string_view date, std::int64_t now);

// Seconds since 1970 of a date as HTTP writes it, e.g. "Sun, 06 Nov 1994 08:49:37 GMT".
std::optional<std::int64_t> http_date(std::string_view text);

// Whether an answer says that the same may work later.
bool is_passing(int status);

// Whether sending it twice does no more than sending it once.
bool is_idempotent(std::string_view method);

// A new number in 0..1 with each call. Any thread.
double chance(std::int64_t now_ns);

} // namespace pacing

#endif
