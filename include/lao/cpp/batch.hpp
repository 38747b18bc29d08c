// Several requests of one capability in one call.
#ifndef LAO_CPP_BATCH_HPP
#define LAO_CPP_BATCH_HPP

#include "call.hpp"
#include "writer.hpp"

namespace lao {
namespace detail {

// Where the answer to one request of a batch goes.
struct Slot {
    Call call;
    lao_response_t *response;
    lao_error_t *error;
    lao_status_t *status;
    bool answered;

    void set(lao_status_t wanted) noexcept {
        *status = wanted;
        answered = true;
    }
};

} // namespace detail

// The requests of a batch: each has an input, read as `V`, and gets one answer, a `R`, or an error of its own. A function
// takes it by reference and returns nothing. Requests with unsuitable inputs were refused before. A request that gets no
// answer fails; an exception that leaves the function fails those that had none so far.
template <class V, class R> class Batch {
  public:
    class Item {
      public:
        Item(detail::Slot &slot, V value) : input(std::move(value)), slot_(&slot) {}

        V input;

        // Parameters, cancelling and progress of this one request.
        const Call &call() const noexcept { return slot_->call; }
        void answer(R result) {
            slot_->set(detail::guard(slot_->error, [&] {
                detail::Writer<R>::write(slot_->call.host(), std::move(result)).give(*slot_->response->outputs[0]);
                slot_->response->output_count = 1;
            }));
        }
        void fail(const Error &error) noexcept { slot_->set(lao_fail(slot_->error, error.answer(), error.what())); }
        bool answered() const noexcept { return slot_->answered; }

      private:
        detail::Slot *slot_;
    };

    explicit Batch(std::vector<detail::Slot> &slots) {
        items_.reserve(slots.size());
        for (auto &slot : slots) {
            const lao_status_t status = detail::guard(slot.error, [&] {
                const lao_request_t &request = slot.call.request();
                if (request.input_count != 1) {
                    throw InvalidInput("this capability takes one input");
                }
                items_.emplace_back(slot, detail::read_as<V>(*request.inputs[0]));
            });
            if (status != LAO_OK) {
                slot.set(status);
            }
        }
    }

    std::size_t size() const noexcept { return items_.size(); }
    bool empty() const noexcept { return items_.empty(); }
    Item &operator[](std::size_t index) noexcept { return items_[index]; }
    auto begin() noexcept { return items_.begin(); }
    auto end() noexcept { return items_.end(); }

  private:
    std::vector<Item> items_;
};

} // namespace lao

#endif // LAO_CPP_BATCH_HPP
