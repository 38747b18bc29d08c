//! JSON as far as a plugin without dependencies needs it: reading settings, writing small documents.

use crate::error::Error;
use std::fmt::Write;

/// A JSON document that is ready to be handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(pub String);

impl AsRef<str> for Json {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// A parsed JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonValue {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number without a fraction or exponent that fits.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<JsonValue>),
    /// An object, in the order of the document.
    Object(Vec<(String, JsonValue)>),
}

/// How deep arrays and objects may nest.
const MAX_DEPTH: usize = 128;

impl JsonValue {
    /// Parses one document.
    pub fn parse(text: &str) -> Result<JsonValue, Error> {
        let mut parser = Parser { bytes: text.as_bytes(), text, at: 0 };
        let value = parser.value(0)?;
        parser.space();
        if parser.at < text.len() {
            return Err(parser.wrong());
        }
        Ok(value)
    }

    /// The value as a document; NaN and the infinities become null.
    pub fn to_json(&self) -> Json {
        Json(match self {
            JsonValue::Null => "null".into(),
            JsonValue::Bool(value) => value.to_string(),
            JsonValue::Integer(value) => value.to_string(),
            JsonValue::Number(value) if value.is_finite() => format!("{value:?}"),
            JsonValue::Number(_) => "null".into(),
            JsonValue::Text(text) => quote(text),
            JsonValue::List(items) => {
                format!("[{}]", items.iter().map(|item| item.to_json().0).collect::<Vec<_>>().join(","))
            }
            JsonValue::Object(members) => {
                members
                    .iter()
                    .fold(JsonObject::new(), |object, (name, value)| object.raw(name, &value.to_json().0))
                    .finish()
                    .0
            }
        })
    }

    /// The text, when it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            JsonValue::Text(text) => Some(text),
            _ => None,
        }
    }
    /// The number, when it is one.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            JsonValue::Number(number) => Some(*number),
            JsonValue::Integer(integer) => Some(*integer as f64),
            _ => None,
        }
    }
    /// The integer, when it is one.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            JsonValue::Integer(integer) => Some(*integer),
            _ => None,
        }
    }
    /// The truth value, when it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            JsonValue::Bool(value) => Some(*value),
            _ => None,
        }
    }
    /// The items, when it is a list.
    pub fn as_list(&self) -> Option<&[JsonValue]> {
        match self {
            JsonValue::List(items) => Some(items),
            _ => None,
        }
    }

    /// The member of an object, or `None`.
    pub fn get(&self, name: &str) -> Option<&JsonValue> {
        match self {
            JsonValue::Object(members) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }
}

/// `text` as a JSON string, with its quotation marks.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A JSON object, written member by member.
#[derive(Clone, Debug, Default)]
pub struct JsonObject {
    body: String,
}

impl JsonObject {
    /// An object without members.
    pub fn new() -> JsonObject {
        JsonObject::default()
    }
    /// Adds a text.
    pub fn text(self, name: &str, value: &str) -> JsonObject {
        self.raw(name, &quote(value))
    }
    /// Adds an integer.
    pub fn integer(self, name: &str, value: i64) -> JsonObject {
        self.raw(name, &value.to_string())
    }
    /// Adds a number; NaN and the infinities become null.
    pub fn number(self, name: &str, value: f64) -> JsonObject {
        let text = if value.is_finite() { format!("{value:?}") } else { "null".into() };
        self.raw(name, &text)
    }
    /// Adds a truth value.
    pub fn boolean(self, name: &str, value: bool) -> JsonObject {
        self.raw(name, if value { "true" } else { "false" })
    }
    /// Adds an object.
    pub fn object(self, name: &str, object: JsonObject) -> JsonObject {
        self.raw(name, &object.finish().0)
    }
    /// Adds a value.
    pub fn value(self, name: &str, value: &JsonValue) -> JsonObject {
        self.raw(name, &value.to_json().0)
    }
    /// Adds a list of objects.
    pub fn objects(self, name: &str, items: impl IntoIterator<Item = JsonObject>) -> JsonObject {
        let items: Vec<String> = items.into_iter().map(|item| item.finish().0).collect();
        self.raw(name, &format!("[{}]", items.join(",")))
    }
    /// Adds a list of texts.
    pub fn texts<T: AsRef<str>>(self, name: &str, items: impl IntoIterator<Item = T>) -> JsonObject {
        let items: Vec<String> = items.into_iter().map(|item| quote(item.as_ref())).collect();
        self.raw(name, &format!("[{}]", items.join(",")))
    }
    /// Adds a list of numbers.
    pub fn numbers(self, name: &str, items: impl IntoIterator<Item = f64>) -> JsonObject {
        let items: Vec<String> = items.into_iter().map(|item| JsonValue::Number(item).to_json().0).collect();
        self.raw(name, &format!("[{}]", items.join(",")))
    }
    /// Adds a member whose value is JSON already.
    pub fn raw(mut self, name: &str, json: &str) -> JsonObject {
        if !self.body.is_empty() {
            self.body.push(',');
        }
        self.body.push_str(&quote(name));
        self.body.push(':');
        self.body.push_str(json);
        self
    }
    /// The document.
    pub fn finish(self) -> Json {
        Json(format!("{{{}}}", self.body))
    }
}

struct Parser<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn wrong(&self) -> Error {
        Error::invalid_input(format!("not JSON at byte {}", self.at))
    }

    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, byte: u8) -> Result<(), Error> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(self.wrong())
        }
    }

    fn word(&mut self, word: &str, value: JsonValue) -> Result<JsonValue, Error> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.wrong())
        }
    }

    fn value(&mut self, depth: usize) -> Result<JsonValue, Error> {
        self.space();
        if depth > MAX_DEPTH {
            return Err(self.wrong());
        }
        match self.bytes.get(self.at) {
            Some(b'n') => self.word("null", JsonValue::Null),
            Some(b't') => self.word("true", JsonValue::Bool(true)),
            Some(b'f') => self.word("false", JsonValue::Bool(false)),
            Some(b'"') => self.string().map(JsonValue::Text),
            Some(b'[') => self.list(depth),
            Some(b'{') => self.object(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.wrong()),
        }
    }

    fn list(&mut self, depth: usize) -> Result<JsonValue, Error> {
        let mut items = Vec::new();
        self.at += 1;
        self.space();
        if self.take(b']') {
            return Ok(JsonValue::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take(b']') {
                return Ok(JsonValue::List(items));
            }
            self.need(b',')?;
        }
    }

    fn object(&mut self, depth: usize) -> Result<JsonValue, Error> {
        let mut members = Vec::new();
        self.at += 1;
        self.space();
        if self.take(b'}') {
            return Ok(JsonValue::Object(members));
        }
        loop {
            self.space();
            if self.bytes.get(self.at) != Some(&b'"') {
                return Err(self.wrong());
            }
            let name = self.string()?;
            self.space();
            self.need(b':')?;
            members.push((name, self.value(depth + 1)?));
            self.space();
            if self.take(b'}') {
                return Ok(JsonValue::Object(members));
            }
            self.need(b',')?;
        }
    }

    fn number(&mut self) -> Result<JsonValue, Error> {
        let from = self.at;
        while matches!(self.bytes.get(self.at), Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) {
            self.at += 1;
        }
        let digits = &self.text[from..self.at];
        if let Ok(integer) = digits.parse::<i64>() {
            return Ok(JsonValue::Integer(integer));
        }
        match digits.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(JsonValue::Number(number)),
            _ => Err(self.wrong()),
        }
    }

    fn string(&mut self) -> Result<String, Error> {
        let mut result = String::new();
        self.at += 1;
        loop {
            let from = self.at;
            while !matches!(self.bytes.get(self.at), None | Some(b'"' | b'\\' | 0..=0x1f)) {
                self.at += 1;
            }
            result.push_str(&self.text[from..self.at]);
            if self.take(b'"') {
                return Ok(result);
            }
            self.need(b'\\')?;
            result.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        let kind = self.bytes.get(self.at).copied().ok_or_else(|| self.wrong())?;
        self.at += 1;
        Ok(match kind {
            b'"' | b'\\' | b'/' => kind as char,
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hex4()?;
                if (0xD800..0xDC00).contains(&first) && self.bytes[self.at..].starts_with(b"\\u") {
                    self.at += 2;
                    let second = self.hex4()?;
                    let low = second.wrapping_sub(0xDC00);
                    let pair = 0x10000 + ((first - 0xD800) << 10) + (low & 0x3FF);
                    return char::from_u32(pair).filter(|_| low < 0x400).ok_or_else(|| self.wrong());
                }
                char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return Err(self.wrong()),
        })
    }

    fn hex4(&mut self) -> Result<u32, Error> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let unit = digits.and_then(|d| u32::from_str_radix(d, 16).ok()).ok_or_else(|| self.wrong())?;
        self.at += 4;
        Ok(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_read() {
        let value = JsonValue::parse(r#" {"a": [1, -2.5e1, true, null], "b\u00e9\ud83d\ude00": "x\n\"\\"} "#).unwrap();
        let list = value.get("a").unwrap();
        assert_eq!(
            list,
            &JsonValue::List(vec![
                JsonValue::Integer(1),
                JsonValue::Number(-25.0),
                JsonValue::Bool(true),
                JsonValue::Null
            ])
        );
        assert_eq!(value.get("bé😀"), Some(&JsonValue::Text("x\n\"\\".into())));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "{", "[1,]", "{\"a\" 1}", "tru", "\"\\x\"", "\"\\ud800\\u0041\"", "1 2", "--1", "\"\u{1}\""] {
            assert!(JsonValue::parse(text).is_err(), "{text:?}");
        }
        assert!(JsonValue::parse(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn what_is_quoted_reads_back() {
        let text = "a\"b\\c\n\0\u{1f}é😀";
        assert_eq!(JsonValue::parse(&quote(text)).unwrap(), JsonValue::Text(text.into()));
        let object = JsonObject::new().text("t", text).integer("i", -3).number("n", 0.5).boolean("b", false);
        let value = JsonValue::parse(&object.finish().0).unwrap();
        assert_eq!(value.get("i"), Some(&JsonValue::Integer(-3)));
        assert_eq!(value.get("n"), Some(&JsonValue::Number(0.5)));
    }
}
