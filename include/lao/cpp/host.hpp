// The host as a plugin sees it.
#ifndef LAO_CPP_HOST_HPP
#define LAO_CPP_HOST_HPP

#include <cstdint>
#include <string>
#include <string_view>

#include "../ext/events.h"
#include "../host.h"
#include "error.hpp"
#include "json_write.hpp"

namespace lao {

// A handle to the host; cheap to copy, valid until the process ends, usable on any thread.
class Host {
  public:
    explicit Host(const lao_host_t *table) noexcept : table_(table) {}

    const lao_host_t *table() const noexcept { return table_; }
    // "MAJOR.MINOR.PATCH"
    std::string_view version() const noexcept { return table_->lao_version; }
    // Monotonic nanoseconds, the clock of deadlines.
    std::int64_t now_ns() const noexcept { return table_->now_ns(table_); }

    void debug(std::string_view line) const noexcept { log(LAO_LOG_DEBUG, line); }
    void info(std::string_view line) const noexcept { log(LAO_LOG_INFO, line); }
    void warning(std::string_view line) const noexcept { log(LAO_LOG_WARNING, line); }
    void error(std::string_view line) const noexcept { log(LAO_LOG_ERROR, line); }
    void log(std::uint32_t level, std::string_view line) const noexcept {
        table_->log(table_, level, line.data() != nullptr ? line.data() : "", line.size());
    }

    // The table of a host extension, or nullptr when it is not offered or not permitted.
    template <class Table> const Table *extension(const char *id) const noexcept {
        return static_cast<const Table *>(table_->get_extension(table_, id));
    }

    // Emits an event that the manifest declares; `json` is its data. Throws Error.
    void emit(const std::string &name, std::string_view json) const {
        const auto *events = extension<lao_events_host_t>(LAO_EXT_EVENTS);
        if (events == nullptr) {
            throw PermissionDenied("this host takes no events from the plugin");
        }
        lao_status_t status = events->emit(table_, name.c_str(), json.data(), json.size());
        if (status != LAO_OK) {
            throw Error(status, "the event `" + name + "` was refused");
        }
    }
    void emit(const std::string &name, const JsonObject &data) const { emit(name, data.text()); }

  private:
    const lao_host_t *table_;
};

} // namespace lao

#endif // LAO_CPP_HOST_HPP
