//! The plugin: its settings and capabilities, and what connects them to the rest.
#![deny(unsafe_code)]

mod address;
mod client;
mod pacing;
mod pages;
mod secrets;

use client::{Client, Request};
use lao_plugin::{Call, Config, Definition, Error, Json, JsonText, Param, Sender};
use serde_json::{json, Value};
use std::sync::{Arc, Mutex};

const MOST_BYTES: usize = 64 << 20; // that `list` collects

/// One instance.
struct NetworkService {
    client: Mutex<Arc<Client>>,
}

fn create(config: &Config) -> Result<NetworkService, Error> {
    Ok(NetworkService { client: Mutex::new(Arc::new(Client::new(config)?)) })
}

/// New settings, for instance another token, hold from the next call on.
fn configure(plugin: &NetworkService, config: &Config) -> Result<(), Error> {
    let made = Arc::new(Client::new(config)?);
    *plugin.client.lock()? = made;
    Ok(())
}

impl NetworkService {
    fn client(&self) -> Result<Arc<Client>, Error> {
        Ok(self.client.lock()?.clone())
    }
}

fn request(plugin: &NetworkService, input: JsonText, call: &Call) -> Result<Json, Error> {
    let client = plugin.client()?;
    let request = Request::read(input.0, &client)?;
    if request.dry_run {
        return Ok(Json(client.preview(&request)?.to_string()));
    }
    let answer = client.send(&request, call, client.end_of(call))?;
    if !call.boolean("allow_errors") {
        answer.check(&request)?;
    }
    let (body, body_type) = answer.body()?;
    let result = json!({
        "status": answer.status,
        "ok": answer.status < 400,
        "method": request.method,
        "url": answer.address,
        "headers": answer.headers,
        "body": body,
        "body_type": body_type,
        "attempts": answer.attempts,
    });
    Ok(Json(result.to_string()))
}

fn joined(items: &[Value]) -> String {
    let texts: Vec<String> = items.iter().map(Value::to_string).collect();
    texts.join(",")
}

fn list(plugin: &NetworkService, input: JsonText, call: &Call) -> Result<Json, Error> {
    let client = plugin.client()?;
    let mut reader = pages::Reader::new(&client, input.0, call)?;
    let (mut items, mut count) = (String::new(), 0);
    while let Some(page) = reader.next()? {
        if !items.is_empty() && !page.is_empty() {
            items.push(',');
        }
        items += &joined(&page);
        count += page.len();
        if items.len() > MOST_BYTES {
            return Err(Error::failed("the items have more than 64 MiB: take them from `pages`"));
        }
        call.progress(-1.0, &format!("{} pages, {count} items", reader.count));
    }
    Ok(Json(format!(
        r#"{{"items":[{items}],"count":{count},"pages":{},"complete":{}}}"#,
        reader.count, reader.is_complete
    )))
}

fn pages(plugin: &NetworkService, input: JsonText, call: &Call, out: &mut Sender<Json>) -> Result<(), Error> {
    let client = plugin.client()?;
    let mut reader = pages::Reader::new(&client, input.0, call)?;
    while let Some(page) = reader.next()? {
        if !out.send(Json(format!(r#"{{"page":{},"items":[{}]}}"#, reader.count, joined(&page))))? {
            break;
        }
    }
    Ok(())
}

fn settings() -> Vec<Param> {
    vec![
        Param::text("base_url", "https://api.example.org")
            .format("uri")
            .help("The service; `path` is looked for below it"),
        Param::text("auth", "none").one_of(&["none", "bearer", "api_key", "basic"]).help("How requests are signed"),
        Param::text("token", "").secret().help("For `auth` bearer"),
        Param::text("api_key", "").secret().help("For `auth` api_key"),
        Param::text("api_key_name", "X-API-Key").help("The header, or the part of the query, that carries it"),
        Param::text("api_key_in", "header").one_of(&["header", "query"]).help("Where it goes"),
        Param::text("username", "").help("For `auth` basic"),
        Param::text("password", "").secret().help("For `auth` basic"),
        Param::number("requests_per_second", 5.0).range(0.001, 1000).help("In the long run"),
        Param::integer("burst", 5).range(1, 1000).help("Requests that may be sent at once"),
        Param::integer("max_attempts", 4).range(1, 20).help("How often a request is sent at most"),
        Param::number("retry_delay_s", 0.5)
            .range(0.001, 60)
            .help("Seconds before the second attempt; doubled each time"),
        Param::number("retry_max_delay_s", 30.0).range(0.001, 3600).help("The longest of these pauses"),
        Param::boolean("retry_unsafe", false).help("Repeat POST and PATCH too, which may do twice what they do"),
        Param::number("timeout_s", 10.0).range(0.01, 300).help("Seconds for one attempt"),
        Param::number("total_timeout_s", 60.0)
            .range(0.01, 86400)
            .help("Seconds for a call, with all attempts, pauses and pages"),
    ]
}

fn page_params() -> Vec<Param> {
    vec![
        Param::text("style", "auto")
            .one_of(&["auto", "link", "cursor", "page"])
            .help("How a page names the next: by a Link header, a cursor, or a counted number"),
        Param::text("items_at", "")
            .help("Where the list is in a page, such as data.items; empty: the page is the list"),
        Param::text("cursor_at", "next_cursor").help("Where the cursor is in a page"),
        Param::text("cursor_param", "cursor").sized(1, None).help("The part of the query that carries it"),
        Param::text("page_param", "page").sized(1, None).help("The part of the query that carries the number"),
        Param::integer("first_page", 1).range(0, 1_000_000_000).help("The number of the first page"),
        Param::text("page_size_param", "per_page")
            .sized(1, None)
            .help("The part of the query that carries `page_size`"),
        Param::integer("page_size", 0)
            .range(0, 1_000_000)
            .help("Items of a page to ask for; 0: as many as the server likes"),
        Param::integer("max_pages", 1000).range(1, 1_000_000).help("No more pages than these"),
        Param::integer("max_items", 1_000_000).range(1, 1_000_000_000).help("No more items than these"),
    ]
}

fn define(plugin: &mut Definition<NetworkService>) {
    plugin.on_configure(configure);
    for setting in settings() {
        plugin.setting(setting);
    }
    plugin
        .capability("request", "Sends a request: {method, path or url, query, headers, body}", request)
        .param(Param::boolean("allow_errors", false).help("An answer of 400 or more is a result, too"));
    let mut whole = plugin.capability("list", "Fetches all pages of a list, as one result", list).idempotent();
    for param in page_params() {
        whole = whole.param(param);
    }
    let mut parts = plugin.stream("pages", "Fetches all pages of a list, one by one", pages).idempotent();
    for param in page_params() {
        parts = parts.param(param);
    }
}

// Name and version come from plugin.toml, which is embedded in the library.
lao_plugin::export! { plugin: NetworkService, create: create, define: define }
