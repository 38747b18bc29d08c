#include "client.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>

namespace client {
namespace {

using lao::JsonValue;
using pacing::SECOND;

constexpr std::int64_t SLICE_NS = 10000000; // how late a cancel is heard

std::int64_t nanoseconds(double seconds) { return static_cast<std::int64_t>(seconds * static_cast<double>(SECOND)); }

std::string seconds_text(double seconds) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f s", seconds);
    return text;
}

// Waits until then, and hears when the caller gives up.
void wait_until(std::int64_t when_ns, const lao::Call &call) {
    for (;;) {
        call.stop_if_cancelled();
        const std::int64_t left_ns = when_ns - call.host().now_ns();
        if (left_ns <= 0) {
            return;
        }
        std::this_thread::sleep_for(std::chrono::nanoseconds(std::min(left_ns, SLICE_NS)));
    }
}

std::string query_text(const std::string &name, const JsonValue &value) {
    if (value.is_text() || value.is_number()) {
        return value.text();
    }
    if (value.is_boolean()) {
        return value.boolean() ? "true" : "false";
    }
    throw lao::InvalidInput("`query." + name + "` must be a text, a number, true or false, or a list of these");
}

address::Query read_query(const JsonValue &members) {
    address::Query query;
    for (const auto &[name, value] : members.members()) {
        if (value.is_null()) {
            continue;
        }
        if (!value.is_list()) {
            query.emplace_back(name, query_text(name, value));
        }
        for (const auto &item : value.items()) {
            query.emplace_back(name, query_text(name, item));
        }
    }
    return query;
}

std::string lowered(std::string text) {
    for (char &c : text) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return text;
}

const std::string &text_of(const JsonValue &value, const char *name) {
    if (!value.is_text()) {
        throw lao::InvalidInput(std::string("`") + name + "` must be a text");
    }
    return value.text();
}

bool is_text(std::string_view bytes) {
    return lao_utf8_count(bytes.data(), bytes.size()) >= 0 && bytes.find('\0') == std::string_view::npos;
}

// What a server says of an error, short enough for one line.
std::string excerpt(std::string_view content) {
    constexpr std::size_t most = 200;
    std::string line;
    if (!is_text(content)) {
        return line;
    }
    const char *at = content.data(), *const end = content.data() + content.size();
    while (at < end && line.size() < most) {
        const char *const from = at;
        const std::int32_t character = lao_utf8_next(&at, end);
        if (character >= 0x20 && character != 0x7F) {
            line.append(from, at);
        } else if (!line.empty() && line.back() != ' ') {
            line += ' ';
        }
    }
    return line + (at < end ? "..." : "");
}

} // namespace

Settings::Settings(const lao::Config &config)
    : credentials(config), max_attempts(config.integer("max_attempts")), retry_delay_s(config.number("retry_delay_s")),
      retry_max_delay_s(config.number("retry_max_delay_s")), retry_unsafe(config.boolean("retry_unsafe")),
      timeout_s(config.number("timeout_s")), total_timeout_s(config.number("total_timeout_s")),
      requests_per_second(config.number("requests_per_second")), burst(config.integer("burst")) {
    try {
        base = address::parse(config.text("base_url"), "base_url");
    } catch (const lao::InvalidInput &refusal) {
        throw lao::InvalidConfig(refusal.what());
    }
    if (!base.query.empty()) {
        throw lao::InvalidConfig("`base_url` must not have a query");
    }
}

Request Request::read(std::string_view document, const Settings &settings) {
    static constexpr std::string_view methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"};
    const JsonValue input = JsonValue::parse(document);
    Request made;
    const JsonValue *path = nullptr, *url = nullptr, *query = nullptr;
    if (!input.is_object()) {
        throw lao::InvalidInput("the input must be an object with `path` or `url`");
    }
    for (const auto &[name, value] : input.members()) {
        if (name == "method") {
            made.method = text_of(value, "method");
            for (char &c : made.method) {
                c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
            }
            if (std::find(std::begin(methods), std::end(methods), made.method) == std::end(methods)) {
                throw lao::InvalidInput("`method` must be one of GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS");
            }
        } else if (name == "path") {
            path = &value;
        } else if (name == "url") {
            url = &value;
        } else if (name == "query") {
            query = &value;
        } else if (name == "headers") {
            if (!value.is_object()) {
                throw lao::InvalidInput("`headers` must be an object of texts");
            }
            for (const auto &[header, content] : value.members()) {
                made.headers.emplace_back(lowered(header), text_of(content, "headers"));
                if (made.headers.back().first == settings.credentials.header_name()) {
                    throw lao::InvalidInput("the header `" + header + "` is set by the settings");
                }
            }
        } else if (name == "body") {
            made.body = value.json().text;
        } else if (name == "dry_run") {
            if (!value.is_boolean()) {
                throw lao::InvalidInput("`dry_run` must be true or false");
            }
            made.dry_run = value.boolean();
        } else {
            throw lao::InvalidInput("there is no `" + name +
                                    "`: the input has method, path or url, query, headers, body, dry_run");
        }
    }
    if ((path == nullptr) == (url == nullptr)) {
        throw lao::InvalidInput("the input must have `path` or `url`, and not both");
    }
    made.address = path != nullptr ? address::below(settings.base, text_of(*path, "path"))
                                   : address::parse(text_of(*url, "url"), "url");
    if (query != nullptr) {
        if (!query->is_object()) {
            throw lao::InvalidInput("`query` must be an object");
        }
        address::add(made.address, read_query(*query));
    }
    if (made.body && (made.method == "GET" || made.method == "HEAD")) {
        throw lao::InvalidInput("`body` cannot be sent with " + made.method);
    }
    return made;
}

std::string_view Answer::header(std::string_view name) const {
    const JsonValue *found = headers.find(name);
    return found != nullptr && found->is_text() ? std::string_view(found->text()) : std::string_view();
}

JsonValue Answer::body(std::string &type) const {
    const std::string media_type =
        lowered(std::string(header("content-type").substr(0, header("content-type").find(';'))));
    const bool claims_json = media_type.find("json") != std::string::npos;
    const std::size_t first = content.find_first_not_of(" \t\r\n");
    const bool looks_json =
        media_type.empty() && first != std::string::npos && (content[first] == '{' || content[first] == '[');
    type = "none";
    if (content.empty()) {
        return {};
    }
    if (claims_json || looks_json) {
        try {
            type = "json";
            return JsonValue::parse(content);
        } catch (const lao::InvalidInput &wrong) {
            if (claims_json) {
                throw lao::Failed("the answer of `" + address + "` is " + wrong.what());
            }
        }
    }
    type = is_text(content) ? "text" : "base64";
    return JsonValue::of_text(type == "text" ? content : secrets::base64(content));
}

void Answer::check(const Request &request) const {
    if (status < 400) {
        return;
    }
    const std::string said = excerpt(content), wait(header("retry-after"));
    throw lao::Failed(request.method + " `" + address + "` answered " + std::to_string(status) +
                      (attempts > 1 ? " at attempt " + std::to_string(attempts) : "") +
                      (wait.empty() ? "" : ", and to come back after " + wait) + (said.empty() ? "" : ": " + said));
}

std::int64_t Client::end_of(const lao::Call &call) const {
    return std::min(call.deadline_ns(), call.host().now_ns() + nanoseconds(settings_.total_timeout_s));
}

lao::JsonObject Client::question(const Request &request, const address::Address &to, bool is_shown) const {
    const secrets::Credentials &credentials = settings_.credentials;
    lao::JsonObject headers;
    bool has_accept = false, has_type = false;
    for (const auto &[name, value] : request.headers) {
        headers.set(name, value);
        has_accept = has_accept || name == "accept";
        has_type = has_type || name == "content-type";
    }
    if (!has_accept) {
        headers.set("accept", "application/json, */*;q=0.5");
    }
    if (request.body && !has_type) {
        headers.set("content-type", "application/json");
    }
    lao::JsonObject made;
    made.set("method", request.method).set("url", to.text());
    if (!credentials.header_name().empty() && is_signed(request)) {
        headers.set(credentials.header_name(), is_shown ? "***" : credentials.header_value());
        if (!is_shown) {
            // The host does not carry it to another origin: it cannot know by its name that it is a secret.
            made.set("secret_headers", lao::JsonArray().add(credentials.header_name()));
        }
    }
    return made.set("headers", headers);
}

lao::JsonObject Client::preview(const Request &request) const {
    address::Address to = request.address;
    if (is_signed(request)) {
        settings_.credentials.sign(to);
    }
    lao::JsonObject made = question(request, to, true);
    made.set_raw("body", request.body ? *request.body : "null").set("dry_run", true);
    lao::JsonObject clean;
    const JsonValue shown = JsonValue::parse(settings_.credentials.without(made.text()));
    for (const auto &[name, value] : shown.members()) {
        clean.set(name, value.json());
    }
    return clean;
}

Answer Client::send_once(const Request &request, const lao::Call &call, std::int64_t until_ns) const {
    const double left_s = static_cast<double>(until_ns - call.host().now_ns()) / static_cast<double>(SECOND);
    address::Address to = request.address;
    if (is_signed(request)) {
        settings_.credentials.sign(to);
    }
    lao::JsonObject asked = question(request, to, false);
    asked.set("timeout_s", std::max(0.001, std::min(settings_.timeout_s, left_s)));
    const lao::HttpResponse got = lao::fetch(
        call.host(), asked.text(), request.body ? std::optional<std::string_view>(*request.body) : std::nullopt);
    const secrets::Credentials &credentials = settings_.credentials;
    const JsonValue head = JsonValue::parse(credentials.without(got.head));
    Answer answer;
    const JsonValue *status = head.find("status"), *url = head.find("url"), *headers = head.find("headers");
    answer.status = status != nullptr ? std::atoi(status->text().c_str()) : 0;
    answer.address = url != nullptr ? url->text() : request.address.shown();
    answer.headers = headers != nullptr ? *headers : JsonValue();
    answer.content = credentials.without(got.body);
    return answer;
}

Answer Client::send(const Request &request, const lao::Call &call, std::int64_t until_ns) {
    const bool may_repeat = settings_.retry_unsafe || pacing::is_idempotent(request.method);
    const std::int64_t most = may_repeat ? settings_.max_attempts : 1;
    const std::string what = request.method + " `" + settings_.credentials.without(request.address.shown()) + "`";
    for (std::int64_t attempt = 1;; attempt++) {
        const auto turn_ns = bucket_.take(call.host().now_ns(), until_ns);
        if (!turn_ns) {
            throw lao::TimedOut("no time is left for " + what + ": `requests_per_second` is " +
                                lao::json_number(settings_.requests_per_second));
        }
        wait_until(*turn_ns, call);
        std::optional<Answer> answer;
        std::optional<lao::Error> failure;
        std::optional<double> asked_s;
        try {
            answer = send_once(request, call, until_ns);
            answer->attempts = attempt;
            if (!pacing::is_passing(answer->status)) {
                return *answer;
            }
            asked_s = pacing::retry_after_s(answer->header("retry-after"), answer->header("date"), std::time(nullptr));
        } catch (const lao::Error &error) {
            call.stop_if_cancelled();
            const std::string said = settings_.credentials.without(error.what()) +
                                     (attempt > 1 ? " (attempt " + std::to_string(attempt) + ")" : "");
            if (error.status() != LAO_FAILED && error.status() != LAO_TIMED_OUT) {
                throw lao::Error(error.status(), said);
            }
            failure.emplace(error.status(), said);
        }
        const std::int64_t now_ns = call.host().now_ns();
        const double random = pacing::chance(now_ns);
        const std::int64_t pause_ns =
            asked_s ? nanoseconds(std::min(*asked_s, 1e9) + 0.1 * settings_.retry_delay_s * random)
                    : pacing::back_off_ns(attempt, settings_.retry_delay_s, settings_.retry_max_delay_s, random);
        if (attempt >= most || now_ns > until_ns || pause_ns > until_ns - now_ns) {
            if (failure) {
                throw *failure;
            }
            return *answer;
        }
        const double pause_s = static_cast<double>(pause_ns) / static_cast<double>(SECOND);
        call.host().info(what + ": " +
                         (answer ? "status " + std::to_string(answer->status) : std::string(failure->what())) +
                         "; attempt " + std::to_string(attempt + 1) + " in " + seconds_text(pause_s));
        call.progress(-1, "waiting " + seconds_text(pause_s) + " to try again");
        wait_until(now_ns + pause_ns, call);
    }
}

} // namespace client
