// Long work in bands: on all threads that the limits allow, with a look in between whether anybody still wants it.
#ifndef WORK_HPP
#define WORK_HPP

#include <cstddef>
#include <functional>

class Work {
  public:
    // `go_on` throws once nobody waits for the answer; it is called on the calling thread alone.
    Work(std::size_t threads, std::function<void()> go_on) : threads_(threads), go_on_(std::move(go_on)) {}

    // Has `each` do the bands 0 .. count - 1 and `worker` make what a thread works with.
    using Band = std::function<void(std::size_t band)>;
    void bands(std::size_t count, const std::function<Band()> &worker) const;

    void go_on() const { go_on_(); }

  private:
    std::size_t threads_;
    std::function<void()> go_on_;
};

#endif // WORK_HPP
