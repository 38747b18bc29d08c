//! Lists that a server gives page by page.

use crate::address;
use crate::client::{Answer, Client, Request};
use lao_plugin::{Call, Error};
use serde_json::Value;
use std::collections::HashSet;

/// Goes from page to page, as the parameters of a call say.
pub struct Reader<'a> {
    client: &'a Client,
    call: &'a Call<'a>,
    request: Request,
    until_ns: i64,
    page: i64,
    items_left: i64,
    has_more: bool,
    seen: HashSet<String>,
    /// Pages so far.
    pub count: i64,
    /// False: there is more, which `max_pages` or `max_items` left out.
    pub is_complete: bool,
}

impl<'a> Reader<'a> {
    /// Reads the input of a capability.
    pub fn new(client: &'a Client, input: &str, call: &'a Call<'a>) -> Result<Reader<'a>, Error> {
        let mut request = Request::read(input, client)?;
        if request.method != "GET" || request.dry_run {
            return Err(Error::invalid_input("pages are fetched by GET, and not with `dry_run`"));
        }
        let page = call.integer("first_page");
        if call.integer("page_size") > 0 {
            request.address.set(call.text("page_size_param"), &call.integer("page_size").to_string());
        }
        if call.text("style") == "page" {
            request.address.set(call.text("page_param"), &page.to_string());
        }
        Ok(Reader {
            client,
            call,
            until_ns: client.end_of(call),
            page,
            items_left: call.integer("max_items"),
            has_more: true,
            seen: HashSet::from([request.address.text()]),
            request,
            count: 0,
            is_complete: true,
        })
    }

    /// The items of the next page; nothing behind the last one.
    pub fn next(&mut self) -> Result<Option<Vec<Value>>, Error> {
        if !self.has_more {
            return Ok(None);
        }
        if self.count == self.call.integer("max_pages") || self.items_left == 0 {
            self.is_complete = false;
            return Ok(None);
        }
        let answer = self.client.send(&self.request, self.call, self.until_ns)?;
        answer.check(&self.request)?;
        let (body, _) = answer.body()?;
        let mut items = self.items_of(&answer, &body)?;
        if self.call.text("style") == "page" && items.is_empty() {
            self.has_more = false;
            return Ok(None);
        }
        self.count += 1;
        self.has_more = self.turn(&answer, &body, items.len() as i64)?;
        if items.len() as i64 > self.items_left {
            items.truncate(self.items_left as usize);
            self.has_more = false;
            self.is_complete = false;
        }
        self.items_left -= items.len() as i64;
        Ok(Some(items))
    }

    fn items_of(&self, answer: &Answer, body: &Value) -> Result<Vec<Value>, Error> {
        let way = self.call.text("items_at");
        match at(body, way) {
            Some(Value::Array(items)) => Ok(items.clone()),
            _ if way.is_empty() => Err(Error::failed(format!(
                "the page `{}` has no list as its body: say where with `items_at`",
                answer.address
            ))),
            _ => Err(Error::failed(format!("the page `{}` has no list at `{way}`", answer.address))),
        }
    }

    /// Whether there is another page; the request asks for it then.
    fn turn(&mut self, answer: &Answer, body: &Value, items: i64) -> Result<bool, Error> {
        let style = self.call.text("style");
        if style == "page" {
            if items < self.call.integer("page_size") {
                return Ok(false);
            }
            self.page += 1;
            self.request.address.set(self.call.text("page_param"), &self.page.to_string());
            return Ok(true);
        }
        let link = address::next_link(answer.header("link")).filter(|link| !link.is_empty());
        match link {
            Some(link) if style != "cursor" => self.turn_to_link(&link),
            None if style == "link" => Ok(false),
            _ => self.turn_to_cursor(body),
        }
    }

    fn turn_to_link(&mut self, link: &str) -> Result<bool, Error> {
        let next =
            self.request.address.follow(link).map_err(|wrong| {
                Error::failed(format!("the server names a next page that is none: {}", wrong.text()))
            })?;
        if next.origin != self.request.address.origin {
            let shown = next.shown();
            return Err(Error::failed(format!("the server names a next page of another origin: `{shown}`")));
        }
        if !self.seen.insert(next.text()) {
            let shown = next.shown();
            return Err(Error::failed(format!("the server names a next page that was there before: `{shown}`")));
        }
        self.request.address = next;
        Ok(true)
    }

    fn turn_to_cursor(&mut self, body: &Value) -> Result<bool, Error> {
        let way = self.call.text("cursor_at");
        let cursor = match at(body, way) {
            Some(Value::String(text)) if !way.is_empty() && !text.is_empty() => text.clone(),
            Some(Value::Number(number)) if !way.is_empty() => number.to_string(),
            _ => return Ok(false),
        };
        self.request.address.set(self.call.text("cursor_param"), &cursor);
        if !self.seen.insert(self.request.address.text()) {
            return Err(Error::failed("the server gives a cursor that was there before"));
        }
        Ok(true)
    }
}

/// The value at `way`, names with dots between; an empty way leads to `value` itself.
fn at<'a>(value: &'a Value, way: &str) -> Option<&'a Value> {
    way.split('.').filter(|_| !way.is_empty()).try_fold(value, |found, name| found.get(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ways() {
        let value = json!({"a": {"b": [1]}});
        assert_eq!(at(&value, ""), Some(&value));
        assert_eq!(at(&value, "a.b"), Some(&json!([1])));
        assert_eq!(at(&value, "a.c"), None);
        assert_eq!(at(&json!([1]), "a"), None);
    }
}
