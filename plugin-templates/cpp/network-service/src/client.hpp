// Requests as they come in, and how they are sent: signed, paced, and again where that may help.
#ifndef CLIENT_HPP
#define CLIENT_HPP

#include <lao/cpp/json_read.hpp>
#include <lao/lao.hpp>
#include <optional>
#include <string>

#include "address.hpp"
#include "pacing.hpp"
#include "secrets.hpp"

namespace client {

// Everything of the settings, as it was when the instance was made or last configured.
struct Settings {
    explicit Settings(const lao::Config &config);

    address::Address base;
    secrets::Credentials credentials;
    std::int64_t max_attempts;
    double retry_delay_s, retry_max_delay_s;
    bool retry_unsafe;
    double timeout_s, total_timeout_s;
    double requests_per_second;
    std::int64_t burst;
};

struct Request {
    std::string method = "GET";
    address::Address address;
    std::vector<std::pair<std::string, std::string>> headers; // names in lower case
    std::optional<std::string> body;                          // JSON
    bool dry_run = false;

    // Reads {"method", "path" or "url", "query", "headers", "body", "dry_run"}. Throws lao::InvalidInput.
    static Request read(std::string_view document, const Settings &settings);
};

struct Answer {
    int status = 0;
    std::string address;  // that answered in the end, as it may be shown
    lao::JsonValue headers; // by name in lower case
    std::string content;
    std::int64_t attempts = 1;

    std::string_view header(std::string_view name) const;
    // The content as JSON, where it claims to be, or looks like it; as a text; or in base64.
    lao::JsonValue body(std::string &type) const;
    // Throws lao::Failed for a status of 400 or more.
    void check(const Request &request) const;
};

class Client {
  public:
    explicit Client(const lao::Config &config)
        : settings_(config), bucket_(settings_.requests_per_second, settings_.burst) {}

    const Settings &settings() const noexcept { return settings_; }

    // When a call has to be done with everything, on the host's clock.
    std::int64_t end_of(const lao::Call &call) const;

    // Sends it, again where that may help, until `until_ns`. The last answer, whatever its status. Throws lao::Failed,
    // lao::TimedOut, lao::PermissionDenied and lao::Cancelled.
    Answer send(const Request &request, const lao::Call &call, std::int64_t until_ns);

    // What would be sent, without what is secret.
    lao::JsonObject preview(const Request &request) const;

  private:
    Answer send_once(const Request &request, const lao::Call &call, std::int64_t until_ns) const;
    lao::JsonObject question(const Request &request, const address::Address &to, bool is_shown) const;
    bool is_signed(const Request &request) const { return request.address.origin == settings_.base.origin; }

    Settings settings_;
    pacing::Bucket bucket_;
};

} // namespace client

#endif
