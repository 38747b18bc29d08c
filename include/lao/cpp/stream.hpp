// Calls that take their input, or give their output, in parts.
#ifndef LAO_CPP_STREAM_HPP
#define LAO_CPP_STREAM_HPP

#include "../ext/stream.h"
#include "call.hpp"
#include "writer.hpp"

namespace lao {
namespace detail {

inline const lao_stream_host_t &stream_service(const Call &call) {
    const auto *service = call.host().extension<lao_stream_host_t>(LAO_EXT_STREAM);
    if (service == nullptr) {
        throw Unsupported("this host does not stream");
    }
    return *service;
}

} // namespace detail

// The output of a streaming capability, part by part. A function takes it by value; `R` is what one part is:
// std::string, Json, Tensor<float>, ... What such a function returns, if anything, is the last part.
template <class R> class Sender {
  public:
    using part_type = R;
    explicit Sender(const Call &call) : call_(&call), service_(&detail::stream_service(call)) {}

    // Hands out one part, and waits while the consumer is behind. False: nobody wants more, return soon.
    bool send(R part) {
        return push(detail::Writer<R>::write(call_->host(), std::move(part)), 0) == LAO_STREAM_CONTINUE;
    }

    // The same without waiting. Nothing: the consumer is behind, and the part is gone; send one later, or send it.
    std::optional<bool> try_send(R part) {
        const std::uint32_t answer = push(detail::Writer<R>::write(call_->host(), std::move(part)), LAO_STREAM_NO_WAIT);
        return answer == LAO_STREAM_WAIT ? std::nullopt : std::optional<bool>(answer == LAO_STREAM_CONTINUE);
    }

  private:
    std::uint32_t push(Value value, std::uint32_t flags) {
        const std::uint32_t answer = service_->push(call_->request().call, &value.raw(), flags);
        if (answer == LAO_STREAM_ERROR) {
            throw Unsupported("this part was refused: it is not of the declared type, or the call is no stream");
        }
        if (answer != LAO_STREAM_WAIT) {
            value.raw().release = nullptr; // with CONTINUE and STOP it is the host's
        }
        return answer;
    }

    const Call *call_;
    const lao_stream_host_t *service_;
};

// The input of a capability that takes it in parts; `V` is what a part is read as: std::string_view, Bytes,
// AudioView<float>, ... An input that came whole is the first part.
template <class V> class Receiver {
  public:
    using part_type = V;
    explicit Receiver(const Call &call) : call_(&call), service_(&detail::stream_service(call)) {}

    // The next part, valid until the following next(); nothing at the end. Waits for the caller; throws when the call
    // was cancelled meanwhile, and when the part is of another type.
    std::optional<V> next() {
        if (whole_ < call_->request().input_count) {
            return detail::read_as<V>(*call_->request().inputs[whole_++]);
        }
        part_ = Value();
        const std::uint32_t answer = service_->pull(call_->request().call, &part_.raw(), 0);
        if (answer == LAO_STREAM_CONTINUE) {
            return detail::read_as<V>(part_.raw());
        }
        call_->stop_if_cancelled();
        if (answer == LAO_STREAM_STOP) {
            return std::nullopt;
        }
        throw InvalidInput("the stream of the input broke off");
    }

  private:
    const Call *call_;
    const lao_stream_host_t *service_;
    std::uint32_t whole_ = 0;
    Value part_;
};

} // namespace lao

#endif // LAO_CPP_STREAM_HPP
