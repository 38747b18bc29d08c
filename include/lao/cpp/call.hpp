// One call, as the author's function sees it: parameters, cancelling, progress.
#ifndef LAO_CPP_CALL_HPP
#define LAO_CPP_CALL_HPP

#include "../ext/services.h"
#include "host.hpp"
#include "param.hpp"
#include "view.hpp"

namespace lao {

// Valid during the call, on the thread that runs it; only cancelled() and stop_if_cancelled() may be used on others.
class Call {
  public:
    Call(Host host, const lao_request_t &request, const std::vector<Param> &params) noexcept
        : host_(host), request_(&request), params_(&params) {}

    Host host() const noexcept { return host_; }
    const lao_request_t &request() const noexcept { return *request_; }
    // On the clock of Host::now_ns; INT64_MAX = none.
    std::int64_t deadline_ns() const noexcept { return request_->deadline_ns; }

    // Whether a declared parameter was given.
    bool has(std::string_view name) const { return find(name, 0).second != nullptr; }

    // The value of a declared parameter, or its default; a neutral value where it was left out and has none. Throws
    // std::logic_error for one that was not declared so.
    std::string_view text(std::string_view name) const { return data(name, LAO_PARAM_TEXT); }
    // A list or an object, as JSON.
    std::string_view json(std::string_view name) const { return data(name, LAO_PARAM_JSON); }
    Bytes bytes(std::string_view name) const {
        const std::string_view found = data(name, LAO_PARAM_BYTES);
        return {reinterpret_cast<const std::uint8_t *>(found.data()), found.size(), ""};
    }
    bool boolean(std::string_view name) const {
        const auto &[param, given] = find(name, LAO_PARAM_BOOL);
        return given != nullptr ? given->integer != 0 : fallback<bool>(*param);
    }
    std::int64_t integer(std::string_view name) const {
        const auto &[param, given] = find(name, LAO_PARAM_INT);
        return given != nullptr ? given->integer : fallback<std::int64_t>(*param);
    }
    double number(std::string_view name) const {
        const auto &[param, given] = find(name, LAO_PARAM_DOUBLE);
        if (given == nullptr) {
            return fallback<double>(*param);
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
    template <class T> static T fallback(const Param &param) noexcept {
        const T *value = std::get_if<T>(&param.otherwise);
        return value != nullptr ? *value : T();
    }

    std::string_view data(std::string_view name, std::uint32_t type) const {
        const auto &[param, given] = find(name, type);
        if (given != nullptr) {
            // JSON that is a lone number or truth value comes typed, and has no text here.
            return detail::data_of(*given);
        }
        const auto *otherwise = std::get_if<std::string>(&param->otherwise);
        return otherwise != nullptr ? std::string_view(*otherwise) : std::string_view("", 0);
    }

    // `type` 0: of any type.
    std::pair<const Param *, const lao_param_t *> find(std::string_view name, std::uint32_t type) const {
        const Param *param = detail::declared(*params_, name);
        if (param == nullptr || (type != 0 && param->type != type)) {
            throw std::logic_error("the plugin asks for the parameter `" + std::string(name) +
                                   "`, which it did not declare with that type");
        }
        return {param, lao_param_find(request_, param->name.c_str())};
    }

    Host host_;
    const lao_request_t *request_;
    const std::vector<Param> *params_;
};

} // namespace lao

#endif // LAO_CPP_CALL_HPP
