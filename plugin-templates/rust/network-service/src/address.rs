//! Addresses on the web: taken apart, joined, and written without mistakes.

use lao_plugin::Error;

/// http or https; no user name, no fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// "https://api.example.org:8443", in lower case, without the scheme's own port
    pub origin: String,
    /// "/v1/items", begins with a slash
    pub path: String,
    /// "a=1&b=2", without the question mark
    pub query: String,
}

impl Address {
    /// All of it.
    pub fn text(&self) -> String {
        let question = if self.query.is_empty() { "" } else { "?" };
        format!("{}{}{question}{}", self.origin, self.path, self.query)
    }

    /// What may be shown: a query can hold a key.
    pub fn shown(&self) -> String {
        format!("{}{}", self.origin, self.path)
    }

    /// Reads one; `what` is how it is called where it stands.
    pub fn parse(text: &str, what: &str) -> Result<Address, Error> {
        let refused = |reason: &str| Err(Error::invalid_input(format!("`{what}` {reason}")));
        let Some((scheme, rest)) = text.split_once("://") else {
            return refused("must begin with `http://` or `https://`");
        };
        let scheme = scheme.to_ascii_lowercase();
        let own_port = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _ => return refused("must begin with `http://` or `https://`"),
        };
        let rest = without_fragment(rest);
        let (host, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if host.contains('@') {
            return refused("must not have a user name in it: set `auth`");
        }
        let Some(host) = host_of(host, own_port) else {
            return refused("names a host or a port that cannot be");
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = if path.is_empty() { "/".into() } else { clean_path(path) };
        Ok(Address { origin: format!("{scheme}://{host}"), path, query: clean_query(query) })
    }

    /// `path`, which begins with a slash, below this one; spaces and the like become escapes.
    pub fn below(&self, path: &str) -> Result<Address, Error> {
        if !path.starts_with('/') {
            return Err(Error::invalid_input("`path` must begin with `/`"));
        }
        if path.contains(['?', '#', '\\']) {
            return Err(Error::invalid_input(
                "`path` must not have `?`, `#` or `\\` in it: what follows `?` goes into `query`",
            ));
        }
        if has_dots(path) {
            return Err(Error::invalid_input("`path` must not have `.` or `..` in it"));
        }
        let base = self.path.strip_suffix('/').unwrap_or(&self.path);
        Ok(Address { path: format!("{base}{}", clean_path(path)), ..self.clone() })
    }

    /// Where a link on this page leads.
    pub fn follow(&self, link: &str) -> Result<Address, Error> {
        let link = without_fragment(link);
        let slash = link.find(['/', '?']).unwrap_or(link.len());
        if link.find("://").is_some_and(|colon| colon < slash) {
            return Address::parse(link, "link");
        }
        if link.starts_with("//") {
            let scheme = self.origin.split("://").next().unwrap_or("https");
            return Address::parse(&format!("{scheme}:{link}"), "link");
        }
        let (path, query) = link.split_once('?').unwrap_or((link, ""));
        if has_dots(path) || path.contains([':', '\\']) {
            return Err(Error::invalid_input("`link` must be a plain address"));
        }
        let path = match path.as_bytes().first() {
            None => self.path.clone(),
            Some(b'/') => clean_path(path),
            Some(_) => format!("{}{}", &self.path[..self.path.rfind('/').map_or(0, |at| at + 1)], clean_path(path)),
        };
        Ok(Address { origin: self.origin.clone(), path, query: clean_query(query) })
    }

    /// Adds to the query.
    pub fn add(&mut self, name: &str, value: &str) {
        if !self.query.is_empty() {
            self.query.push('&');
        }
        self.query += &format!("{}={}", escaped(name), escaped(value));
    }

    /// Adds to the query; a name that it has already is replaced.
    pub fn set(&mut self, name: &str, value: &str) {
        let key = format!("{}=", escaped(name));
        let kept: Vec<&str> =
            self.query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with(&key)).collect();
        self.query = kept.join("&");
        self.add(name, value);
    }
}

/// As it stands in a query.
pub fn escaped(text: &str) -> String {
    let mut result = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            result.push(byte as char);
        } else {
            result += &format!("%{byte:02X}");
        }
    }
    result
}

/// The address of the next page in a `Link` header, where there is one.
pub fn next_link(mut header: &str) -> Option<String> {
    // <address>; rel="next"; ..., <address>; rel=prev
    loop {
        let open = header.find('<')?;
        let close = open + header[open..].find('>')?;
        let rest = &header[close + 1..];
        let mut quoted = false;
        let end = rest.find(|c| {
            quoted ^= c == '"';
            c == ',' && !quoted
        });
        let parameters = &rest[..end.unwrap_or(rest.len())];
        let spaced: String = parameters.chars().map(|c| if "\";\t".contains(c) { ' ' } else { c }).collect();
        let spaced = format!(" {} ", spaced.to_ascii_lowercase());
        if let Some(relation) = spaced.find(" rel=") {
            // A list of words where it is quoted, which ends before the next parameter.
            let words = spaced[relation + 5..].split('=').next().unwrap_or("");
            if format!(" {words}").contains(" next ") {
                return Some(header[open + 1..close].to_string());
            }
        }
        header = &rest[end? + 1..];
    }
}

/// "host" or "host:port" as it is compared: in lower case, without the port that its scheme has anyway.
fn host_of(text: &str, own_port: u32) -> Option<String> {
    let bracket = text.rfind(']').unwrap_or(0);
    let colon = text[bracket..].find(':').map_or(text.len(), |at| bracket + at);
    let (name, port) = text.split_at(colon);
    let name = name.to_ascii_lowercase();
    let fits = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.chars().all(|c| c.is_ascii_hexdigit() || c == ':' || c == '.'),
        None => name.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c) || !c.is_ascii()),
    };
    let digits = port.strip_prefix(':').unwrap_or("");
    if name.is_empty() || !fits || digits.len() > 5 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let port = digits.parse().unwrap_or(0);
    Some(if port == 0 || port == own_port { name } else { format!("{name}:{port}") })
}

fn without_fragment(text: &str) -> &str {
    text.split('#').next().unwrap_or("")
}

/// Escapes what may not stand in `text`; an escape that is there stays.
fn cleaned(text: &str, allowed: &[u8]) -> String {
    let bytes = text.as_bytes();
    let is_hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    let mut result = String::new();
    for (at, &byte) in bytes.iter().enumerate() {
        let is_escape = byte == b'%' && is_hex(at + 1) && is_hex(at + 2);
        if is_escape || byte.is_ascii_alphanumeric() || allowed.contains(&byte) {
            result.push(byte as char);
        } else {
            result += &format!("%{byte:02X}");
        }
    }
    result
}

fn clean_path(path: &str) -> String {
    cleaned(path, b"-._~!$&'()*+,;=:@/")
}

fn clean_query(query: &str) -> String {
    cleaned(query, b"-._~!$&'()*+,;=:@/?")
}

/// Whether there is a `.` or `..`, also where it is written as an escape.
fn has_dots(path: &str) -> bool {
    path.split('/').any(|segment| {
        let plain = segment.replace("%2e", ".").replace("%2E", ".");
        plain == "." || plain == ".."
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Address {
        Address::parse(text, "url").unwrap()
    }

    #[test]
    fn addresses() {
        let base = parse("HTTPS://API.Example.org:443/v1/");
        assert_eq!(base.text(), "https://api.example.org/v1/");
        assert_eq!(base.below("/a b/é%20").unwrap().text(), "https://api.example.org/v1/a%20b/%C3%A9%20");
        assert_eq!(parse("http://localhost:8080").text(), "http://localhost:8080/");
        assert_eq!(parse("http://[::1]:080/").text(), "http://[::1]/");
        for wrong in [
            "",
            "ftp://a/",
            "http://",
            "http://:80/",
            "http://user:word@a/",
            "//a/b",
            "http://a b/",
            "http://a:80:80/",
            "http://[::1/",
            "http://a:99999999/",
            "http://[a]b/",
        ] {
            assert!(Address::parse(wrong, "url").is_err(), "{wrong}");
        }
        for wrong in ["", "a", "/a?b", "/a#b", "/../a", "/a/%2e%2E/b", "/.", "/a\\b"] {
            assert!(base.below(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nonsense_is_no_panic() {
        let pieces = [
            "http://",
            "a",
            "é",
            "[",
            "]",
            ":",
            "80",
            "/",
            "..",
            "%2e",
            "%",
            "?",
            "#",
            "<",
            ">",
            ";rel=next",
            ",",
            "\"",
            "=",
            "@",
        ];
        let (base, mut state) = (parse("http://a/b/c?d"), 1u64);
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..8 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text += pieces[(state >> 33) as usize % pieces.len()];
            }
            for made in [Address::parse(&text, "it"), base.below(&text), base.follow(&text)].into_iter().flatten() {
                assert_eq!(Address::parse(&made.text(), "it").unwrap(), made, "{text}");
            }
            let _ = next_link(&text);
        }
    }

    #[test]
    fn queries() {
        let mut to = parse("https://api.example.org/v1/items");
        to.add("q", "a&b=c d");
        to.add("q", "é");
        assert_eq!(to.query, "q=a%26b%3Dc%20d&q=%C3%A9");
        to.set("page", "2");
        to.set("page", "3");
        assert_eq!(to.query, "q=a%26b%3Dc%20d&q=%C3%A9&page=3");
        assert_eq!(to.shown(), "https://api.example.org/v1/items");
    }

    #[test]
    fn links() {
        let from = parse("https://api.example.org/v1/items?page=3");
        for (link, expected) in [
            ("?page=4", "https://api.example.org/v1/items?page=4"),
            ("/x?y#z", "https://api.example.org/x?y"),
            ("more", "https://api.example.org/v1/more"),
            ("//other.org/x", "https://other.org/x"),
            ("http://other.org?u=http://a/", "http://other.org/?u=http://a/"),
        ] {
            assert_eq!(from.follow(link).unwrap().text(), expected);
        }
        for wrong in ["javascript:alert(1)", "../../etc"] {
            assert!(from.follow(wrong).is_err(), "{wrong}");
        }
        for (header, expected) in [
            (
                "<https://a/1>; rel=\"prev\", <https://a/3?x=1,2>; title=\"a, b\"; rel=\"next last\"",
                Some("https://a/3?x=1,2"),
            ),
            ("</p2>;rel=next", Some("/p2")),
            ("<a>; rel=prev", None),
            ("<a; rel=next", None),
            ("nonsense", None),
        ] {
            assert_eq!(next_link(header).as_deref(), expected, "{header}");
        }
    }
}
