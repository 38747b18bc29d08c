// The plugin: its settings and capabilities, and what connects them to the rest.
#include <lao/lao.hpp>
#include <memory>
#include <mutex>

#include "client.hpp"
#include "pages.hpp"

namespace {

constexpr std::size_t MOST_BYTES = 64 << 20; // that `list` collects

class NetworkService {
  public:
    explicit NetworkService(const lao::Config &config) : client_(std::make_shared<client::Client>(config)) {}

    // New settings, for instance another token, hold from the next call on.
    void configure(const lao::Config &config) {
        auto made = std::make_shared<client::Client>(config);
        const std::lock_guard<std::mutex> held(lock_);
        client_ = std::move(made);
    }

    lao::JsonObject request(lao::JsonView input, const lao::Call &call) const {
        const auto client = current();
        const client::Request request = client::Request::read(input.text, client->settings());
        if (request.dry_run) {
            return client->preview(request);
        }
        const client::Answer answer = client->send(request, call, client->end_of(call));
        if (!call.boolean("allow_errors")) {
            answer.check(request);
        }
        std::string type;
        const lao::Json body = answer.body(type).json();
        return lao::JsonObject()
            .set("status", answer.status)
            .set("ok", answer.status < 400)
            .set("method", request.method)
            .set("url", answer.address)
            .set("headers", answer.headers.json())
            .set("body", body)
            .set("body_type", type)
            .set("attempts", answer.attempts);
    }

    lao::JsonObject list(lao::JsonView input, const lao::Call &call) const {
        const auto client = current();
        pages::Reader reader(*client, input.text, call);
        std::string items;
        std::int64_t count = 0;
        while (const auto page = reader.next()) {
            for (const auto &item : *page) {
                items += items.empty() ? "" : ",";
                item.write(items);
                count++;
            }
            if (items.size() > MOST_BYTES) {
                throw lao::Failed("the items have more than 64 MiB: take them from `pages`");
            }
            call.progress(-1, std::to_string(reader.count()) + " pages, " + std::to_string(count) + " items");
        }
        return lao::JsonObject()
            .set_raw("items", "[" + items + "]")
            .set("count", count)
            .set("pages", reader.count())
            .set("complete", reader.is_complete());
    }

    void pages(lao::JsonView input, const lao::Call &call, lao::Sender<lao::JsonObject> out) const {
        const auto client = current();
        pages::Reader reader(*client, input.text, call);
        while (const auto page = reader.next()) {
            std::string items;
            for (const auto &item : *page) {
                items += items.empty() ? "" : ",";
                item.write(items);
            }
            if (!out.send(lao::JsonObject().set("page", reader.count()).set_raw("items", "[" + items + "]"))) {
                return;
            }
        }
    }

  private:
    std::shared_ptr<client::Client> current() const {
        const std::lock_guard<std::mutex> held(lock_);
        return client_;
    }

    mutable std::mutex lock_;
    std::shared_ptr<client::Client> client_;
};

std::vector<lao::Param> settings() {
    return {
        lao::text_param("base_url", "https://api.example.org", "The service; `path` is looked for below it").as("uri"),
        lao::text_param("auth", "none", "How requests are signed", {"none", "bearer", "api_key", "basic"}),
        lao::text_param("token", "", "For `auth` bearer").secret(),
        lao::text_param("api_key", "", "For `auth` api_key").secret(),
        lao::text_param("api_key_name", "X-API-Key", "The header, or the part of the query, that carries it"),
        lao::text_param("api_key_in", "header", "Where it goes", {"header", "query"}),
        lao::text_param("username", "", "For `auth` basic"),
        lao::text_param("password", "", "For `auth` basic").secret(),
        lao::number_param("requests_per_second", 5, "In the long run", 0.001, 1000),
        lao::int_param("burst", 5, "Requests that may be sent at once", 1, 1000),
        lao::int_param("max_attempts", 4, "How often a request is sent at most", 1, 20),
        lao::number_param("retry_delay_s", 0.5, "Seconds before the second attempt; doubled each time", 0.001, 60),
        lao::number_param("retry_max_delay_s", 30, "The longest of these pauses", 0.001, 3600),
        lao::bool_param("retry_unsafe", false, "Repeat POST and PATCH too, which may do twice what they do"),
        lao::number_param("timeout_s", 10, "Seconds for one attempt", 0.01, 300),
        lao::number_param("total_timeout_s", 60, "Seconds for a call, with all attempts, pauses and pages", 0.01,
                          86400),
    };
}

std::vector<lao::Param> page_params() {
    return {
        lao::text_param("style", "auto", "How a page names the next: by a Link header, a cursor, or a counted number",
                        {"auto", "link", "cursor", "page"}),
        lao::text_param("items_at", "", "Where the list is in a page, such as data.items; empty: the page is the list"),
        lao::text_param("cursor_at", "next_cursor", "Where the cursor is in a page"),
        lao::text_param("cursor_param", "cursor", "The part of the query that carries it").sized(1),
        lao::text_param("page_param", "page", "The part of the query that carries the number").sized(1),
        lao::int_param("first_page", 1, "The number of the first page", 0, 1e9),
        lao::text_param("page_size_param", "per_page", "The part of the query that carries `page_size`").sized(1),
        lao::int_param("page_size", 0, "Items of a page to ask for; 0: as many as the server likes", 0, 1e6),
        lao::int_param("max_pages", 1000, "No more pages than these", 1, 1e6),
        lao::int_param("max_items", 1000000, "No more items than these", 1, 1e9),
    };
}

} // namespace

// Name and version come from plugin.toml.
LAO_PLUGIN(lao::Plugin<NetworkService>(LAO_PLUGIN_NAME, LAO_PLUGIN_VERSION, lao::Threads::full)
               .settings(settings())
               .capability("request", "Sends a request: {method, path or url, query, headers, body}",
                           &NetworkService::request,
                           {lao::bool_param("allow_errors", false, "An answer of 400 or more is a result, too")})
               .capability("list", "Fetches all pages of a list, as one result", &NetworkService::list, page_params())
               .idempotent()
               .capability("pages", "Fetches all pages of a list, one by one", &NetworkService::pages, page_params())
               .idempotent())
