#include "work.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

void Work::bands(std::size_t count, const std::function<Band()> &worker) const {
    std::atomic<std::size_t> next{0};
    std::exception_ptr failure;
    std::mutex guard;
    const auto fail = [&] {
        next = count; // nobody begins another one
        const std::lock_guard<std::mutex> lock(guard);
        failure = failure ? failure : std::current_exception();
    };
    const auto run = [&](bool asks) {
        try {
            const Band each = worker();
            while (true) {
                if (asks) { // also where the helpers are quick enough to do all of it
                    go_on_();
                }
                const std::size_t band = next++;
                if (band >= count) {
                    break;
                }
                each(band);
            }
        } catch (...) {
            fail();
        }
    };
    std::vector<std::thread> helpers;
    for (std::size_t helper = 1; helper < std::min(threads_, count); helper++) {
        try {
            helpers.emplace_back(run, false);
        } catch (const std::exception &) {
            break; // the system has no more threads: those that are there do it
        }
    }
    run(true);
    for (std::thread &helper : helpers) {
        helper.join();
    }
    if (failure) {
        std::rethrow_exception(failure);
    }
}
