// The host's services, as functions that throw: what each may do and refuse stands in ext/services.h.
#ifndef LAO_CPP_SERVICES_HPP
#define LAO_CPP_SERVICES_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../ext/services.h"
#include "call.hpp"
#include "value.hpp"

namespace lao {
namespace detail {

// A place for the host's reason, and the exception that it becomes.
class Refusal {
  public:
    Refusal() noexcept {
        error.struct_size = sizeof error;
        error.text_capacity = sizeof text_;
        error.text_size = 0;
        error.reserved = 0;
        error.text = text_;
    }
    void check(lao_status_t status) const {
        if (status != LAO_OK) {
            throw Error(status, error.text_size > 0 ? std::string(text_, error.text_size) : lao_status_message(status));
        }
    }

    lao_error_t error;

  private:
    char text_[1024];
};

template <class Table> const Table &service(Host host, const char *id) {
    const auto *table = host.extension<Table>(id);
    if (table == nullptr) {
        throw PermissionDenied(std::string("`") + id + "` was not granted");
    }
    return *table;
}

inline std::string content(Value &value) {
    const lao_value_t &raw = value.raw();
    return raw.size > 0 ? std::string(static_cast<const char *>(raw.data), static_cast<std::size_t>(raw.size))
                        : std::string();
}

} // namespace detail

// --- A small key-value store that outlives the instance and its workers ---

inline std::optional<std::string> scratch_get(Host host, const std::string &key) {
    Value value;
    const auto &service = detail::service<lao_scratch_host_t>(host, LAO_EXT_SCRATCH);
    detail::Refusal().check(service.get(host.table(), key.c_str(), &value.raw()));
    if (value.raw().kind == LAO_KIND_NONE) {
        return std::nullopt;
    }
    return detail::content(value);
}

inline void scratch_put(Host host, const std::string &key, std::string_view data) {
    const auto &service = detail::service<lao_scratch_host_t>(host, LAO_EXT_SCRATCH);
    const char *bytes = data.data() != nullptr ? data.data() : "";
    detail::Refusal().check(service.put(host.table(), key.c_str(), bytes, data.size()));
}

inline void scratch_remove(Host host, const std::string &key) {
    const auto &service = detail::service<lao_scratch_host_t>(host, LAO_EXT_SCRATCH);
    detail::Refusal().check(service.put(host.table(), key.c_str(), nullptr, 0));
}

// --- Files, HTTP, commands ---

// An open file below a granted directory, by LAO_FILE_*; the caller closes it.
inline std::int64_t open_file(Host host, const std::string &path, std::uint32_t mode = LAO_FILE_READ) {
    std::int64_t handle = -1;
    detail::Refusal refusal;
    const auto &service = detail::service<lao_files_host_t>(host, LAO_EXT_FILES);
    refusal.check(service.open(host.table(), path.c_str(), mode, &handle, &refusal.error));
    return handle;
}

struct HttpResponse {
    std::string head; // JSON: status, headers, url
    std::string body;
};

// `request` is JSON: url, and method, headers, timeout_s, redirects, secret_headers where they matter.
inline HttpResponse fetch(Host host, std::string_view request, std::optional<std::string_view> body = std::nullopt) {
    Value head;
    Value content;
    Value sent;
    detail::Refusal refusal;
    lao_value_t question = sent.raw();
    question.kind = LAO_KIND_JSON;
    question.data = request.data();
    question.size = request.size();
    lao_value_t data = sent.raw();
    data.kind = LAO_KIND_BINARY;
    data.data = body.has_value() && body->data() != nullptr ? body->data() : "";
    data.size = body.has_value() ? body->size() : 0;
    const auto &service = detail::service<lao_http_host_t>(host, LAO_EXT_HTTP);
    refusal.check(service.fetch(host.table(), &question, body.has_value() ? &data : nullptr, &head.raw(),
                                &content.raw(), &refusal.error));
    return {detail::content(head), detail::content(content)};
}

// Runs one of the manifest's commands: the program, then its arguments. The result is JSON: exit_code, signal, stdout,
// stderr, truncated.
inline std::string run_command(Host host, const std::vector<std::string> &arguments) {
    Value result;
    detail::Refusal refusal;
    std::vector<const char *> words;
    for (const auto &argument : arguments) {
        words.push_back(argument.c_str());
    }
    const auto &service = detail::service<lao_commands_host_t>(host, LAO_EXT_COMMANDS);
    refusal.check(service.run(host.table(), words.data(), static_cast<std::uint32_t>(words.size()), &result.raw(),
                              &refusal.error));
    return detail::content(result);
}

// --- Other plugins ---

// Calls another plugin within the deadline of `call`; `input` may be nullptr, `params` is a JSON object or empty.
inline Value call_plugin(const Call &call, const std::string &plugin, const std::string &capability,
                         const lao_value_t *input, const std::string &params = "") {
    Value output;
    detail::Refusal refusal;
    const auto &service = detail::service<lao_calls_host_t>(call.host(), LAO_EXT_CALLS);
    refusal.check(service.call(call.request().call, plugin.c_str(), capability.c_str(), input,
                               params.empty() ? nullptr : params.c_str(), &output.raw(), &refusal.error));
    return output;
}

// The same with text for text.
inline std::string call_plugin(const Call &call, const std::string &plugin, const std::string &capability,
                               std::string_view text, const std::string &params = "") {
    Value borrowed;
    lao_value_t input = borrowed.raw();
    input.kind = LAO_KIND_TEXT;
    input.data = text.data() != nullptr ? text.data() : "";
    input.size = text.size();
    Value output = call_plugin(call, plugin, capability, &input, params);
    return detail::content(output);
}

} // namespace lao

#endif // LAO_CPP_SERVICES_HPP
