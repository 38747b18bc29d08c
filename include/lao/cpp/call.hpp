// One call, as the author's function sees it: parameters, cancelling, progress, streams.
#ifndef LAO_CPP_CALL_HPP
#define LAO_CPP_CALL_HPP

#include "../ext/services.h"
#include "../ext/stream.h"
#include "param.hpp"

namespace lao {

// Valid during the call, on the thread that runs it; only cancelled() and stop_if_cancelled() may be used on others.
class Call {
  public:
    Call(Host host, const lao_request_t &request, const std::vector<Param> &params) noexcept
        : host_(host), request_(&request), params_(&params) {}

    Host host() const noexcept { return host_; }
    const lao_request_t &request() const noexcept { return *request_; }

    // The value of a declared parameter, or its default. Throws std::logic_error for one that was not declared so.
    std::string_view text(std::string_view name) const {
        const auto &[param, given] = find(name, LAO_PARAM_TEXT);
        if (given == nullptr) {
            return std::get<std::string>(param->otherwise);
        }
        return given->size > 0
                   ? std::string_view(static_cast<const char *>(given->data), static_cast<std::size_t>(given->size))
                   : std::string_view("", 0);
    }
    bool boolean(std::string_view name) const {
        const auto &[param, given] = find(name, LAO_PARAM_BOOL);
        return given != nullptr ? given->integer != 0 : std::get<bool>(param->otherwise);
    }
    std::int64_t integer(std::string_view name) const {
        const auto &[param, given] = find(name, LAO_PARAM_INT);
        return given != nullptr ? given->integer : std::get<std::int64_t>(param->otherwise);
    }
    double number(std::string_view name) const {
        const auto &[param, given] = find(name, LAO_PARAM_DOUBLE);
        if (given == nullptr) {
            return std::get<double>(param->otherwise);
        }
        return given->type == LAO_PARAM_INT ? static_cast<double>(given->integer) : given->number;
    }

    // True once the caller has given up.
    bool cancelled() const noexcept { return lao_cancelled(request_) != 0; }
    // For long loops: throws Cancelled or TimedOut once there is no point in going on.
    void stop_if_cancelled() const {
        if (cancelled()) {
            throw Cancelled("the call was cancelled");
        }
        if (host_.now_ns() > request_->deadline_ns) {
            throw TimedOut("the deadline passed");
        }
    }

    // `fraction` in 0..1, negative when unknown. Nothing happens when nobody listens.
    void progress(double fraction, const std::string &text = "") const noexcept {
        const auto *service = host_.extension<lao_progress_host_t>(LAO_EXT_PROGRESS);
        if (service != nullptr) {
            service->report(request_->call, fraction, text.empty() ? nullptr : text.c_str());
        }
    }

  private:
    std::pair<const Param *, const lao_param_t *> find(std::string_view name, std::uint32_t type) const {
        for (const auto &param : *params_) {
            if (param.name == name && param.type == type) {
                return {&param, lao_param_find(request_, param.name.c_str())};
            }
        }
        throw std::logic_error("the plugin asks for the parameter `" + std::string(name) +
                               "`, which it did not declare with that type");
    }

    Host host_;
    const lao_request_t *request_;
    const std::vector<Param> *params_;
};

namespace detail {

inline const lao_stream_host_t &stream_service(const Call &call) {
    const auto *service = call.host().extension<lao_stream_host_t>(LAO_EXT_STREAM);
    if (service == nullptr) {
        throw Unsupported("this host does not stream");
    }
    return *service;
}

} // namespace detail

// The output of a streaming capability, part by part. Taken by value as the last parameter of a function that returns
// nothing; `R` is what one part is: std::string, Json, Tensor<float>, ...
template <class R> class Sender {
  public:
    using part_type = R;
    explicit Sender(const Call &call) : call_(&call), service_(&detail::stream_service(call)) {}

    // Hands out one part, and waits while the consumer is behind. False: nobody wants more, return soon.
    bool send(R part) {
        Value value = detail::Writer<R>::write(call_->host(), std::move(part));
        const std::uint32_t answer = service_->push(call_->request().call, &value.raw(), 0);
        if (answer == LAO_STREAM_ERROR) {
            throw Unsupported("this capability answers in parts: call it as a stream");
        }
        value.raw().release = nullptr; // with CONTINUE and STOP it is the host's
        return answer == LAO_STREAM_CONTINUE;
    }

  private:
    const Call *call_;
    const lao_stream_host_t *service_;
};

// The input of a capability that takes it in parts; `V` is what a part is read as: std::string_view, Bytes, ...
// An input that came whole is the first part.
template <class V> class Receiver {
  public:
    using part_type = V;
    explicit Receiver(const Call &call) : call_(&call), service_(&detail::stream_service(call)) {}

    // The next part, valid until the following next(); nothing at the end.
    std::optional<V> next() {
        if (whole_ < call_->request().input_count) {
            return detail::read_as<V>(*call_->request().inputs[whole_++]);
        }
        part_ = Value();
        const std::uint32_t answer = service_->pull(call_->request().call, &part_.raw(), 0);
        if (answer == LAO_STREAM_STOP) {
            return std::nullopt;
        }
        if (answer != LAO_STREAM_CONTINUE) {
            throw InvalidInput("the stream of the input broke off");
        }
        return detail::read_as<V>(part_.raw());
    }

  private:
    const Call *call_;
    const lao_stream_host_t *service_;
    std::uint32_t whole_ = 0;
    Value part_;
};

} // namespace lao

#endif // LAO_CPP_CALL_HPP
