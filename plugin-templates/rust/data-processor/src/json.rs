//! JSON: one document, or many behind each other (NDJSON). A list is a list of records, and so is each of its members;
//! a record that is no object has the one field `value`.

use crate::document::{Document, Place, Refused};
use crate::record::{quote, Name, Names, Record, Value};
use lao_plugin::Error;
use memchr::memchr2;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::fmt;

const MOST_LEVELS: u32 = 64;
const MOST_FIELDS: usize = 10_000;

#[derive(PartialEq)]
enum State {
    Start,
    /// Within a list, before its first member.
    First,
    /// Within a list, behind a member.
    Next,
    /// Values behind each other.
    Sequence,
    /// Behind the one document.
    End,
}

pub struct Reader {
    is_one: bool,
    state: State,
    held: Vec<u8>,
    names: Names,
}

impl Reader {
    /// `is_one`: there is one document; otherwise there may be more behind the first.
    pub fn new(is_one: bool) -> Reader {
        Reader { is_one, state: State::Start, held: Vec::new(), names: Names::default() }
    }

    pub fn next(&mut self, document: &mut Document) -> Result<Option<Record>, Error> {
        let next = document.skip(is_space)?;
        if self.state == State::Start {
            self.state = match next {
                Some(b'[') if self.is_one => {
                    document.pass(1);
                    State::First
                }
                None if self.is_one => return Err(document.place().refuse("there is no JSON document")),
                _ => State::Sequence,
            };
            return if self.state == State::First { self.next(document) } else { self.value(document, next) };
        }
        match (&self.state, next) {
            (State::First | State::Next, Some(b']')) => {
                document.pass(1);
                self.state = State::End;
                self.next(document)
            }
            (State::First, _) => self.member(document, next),
            (State::Next, Some(b',')) => {
                document.pass(1);
                let next = document.skip(is_space)?;
                self.member(document, next)
            }
            (State::Next, Some(_)) => Err(document.place().refuse("`,` or `]` is missing")),
            (State::Next, None) => Err(document.place().refuse("the document ends within its list")),
            (State::Sequence, _) => self.value(document, next),
            (State::Start | State::End, None) => Ok(None),
            (State::Start | State::End, Some(_)) => {
                Err(document.place().refuse("something stands behind the end of the document"))
            }
        }
    }

    fn member(&mut self, document: &mut Document, next: Option<u8>) -> Result<Option<Record>, Error> {
        match next {
            None => Err(document.place().refuse("the document ends within its list")),
            Some(b']') => Err(document.place().refuse("a member is missing behind `,`")),
            Some(_) => {
                self.state = State::Next;
                self.record(document).map(Some)
            }
        }
    }

    fn value(&mut self, document: &mut Document, next: Option<u8>) -> Result<Option<Record>, Error> {
        if next.is_none() {
            return Ok(None);
        }
        if self.is_one {
            self.state = State::End;
        }
        self.record(document).map(Some)
    }

    fn record(&mut self, document: &mut Document) -> Result<Record, Error> {
        let place = document.place();
        let mut span = Span::default();
        let whole = document.gather(&mut self.held, |bytes| span.end(bytes))?;
        if !whole && document.is_too_long() {
            return Err(place.refuse(document.too_long()));
        }
        if self.held.is_empty() {
            return Err(place.refuse("a value is missing"));
        }
        let fields = fields(&self.held, &mut self.names).map_err(|wrong| wrong.at(place, &self.held))?;
        Ok(Record { fields, place })
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Finds the end of one value without reading it.
#[derive(Default)]
struct Span {
    depth: u32,
    in_text: bool,
    is_escaped: bool,
    is_plain: bool, // a number, or one of the three words
}

impl Span {
    fn end(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refused> {
        let mut at = 0;
        while at < bytes.len() {
            if self.in_text {
                at += self.pass_text(&bytes[at..]);
                if !self.in_text && self.depth == 0 {
                    return Ok(Some(at));
                }
                continue;
            }
            let byte = bytes[at];
            match byte {
                b'"' if !self.is_plain => self.in_text = true,
                b'{' | b'[' if !self.is_plain => {
                    self.depth += 1;
                    if self.depth > MOST_LEVELS {
                        return Err(Refused { at, why: "JSON is nested more than 64 levels deep" });
                    }
                }
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Ok(Some(at + 1));
                    }
                }
                b',' | b']' | b'}' | b':' if self.depth == 0 => return Ok(Some(at)),
                _ if self.depth == 0 && is_space(byte) => return Ok(Some(at)),
                b'"' | b'{' | b'[' => return Ok(Some(at)),
                _ if self.depth == 0 => self.is_plain = true,
                _ => (),
            }
            at += 1;
        }
        Ok(None)
    }

    /// Within a string: how many of these bytes belong to it.
    fn pass_text(&mut self, bytes: &[u8]) -> usize {
        if self.is_escaped {
            self.is_escaped = false;
            return 1;
        }
        match memchr2(b'"', b'\\', bytes) {
            None => bytes.len(),
            Some(at) => {
                self.in_text = bytes[at] == b'\\';
                self.is_escaped = self.in_text;
                at + 1
            }
        }
    }
}

/// What is wrong with a value, and at which byte of it.
struct Wrong {
    at: usize,
    why: String,
}

impl Wrong {
    fn at(self, place: Place, held: &[u8]) -> Error {
        place.after(&held[..self.at]).refuse(self.why)
    }

    /// serde_json counts lines from 1 and bytes within a line. It names the last byte that it read, but for a control
    /// character, which it has not read yet.
    fn of(error: &serde_json::Error, held: &[u8], from: usize) -> Wrong {
        let line = error.line().max(1);
        let start = memchr::memchr_iter(b'\n', &held[from..]).nth(line.wrapping_sub(2)).map_or(0, |at| at + 1);
        let start = if line == 1 { 0 } else { start };
        let said = error.to_string();
        let unread = usize::from(said.starts_with("control character"));
        let at = (from + start + (error.column() + unread).saturating_sub(1)).min(held.len());
        Wrong { at, why: said.split(" at line ").next().unwrap_or(&said).into() }
    }
}

fn fields(held: &[u8], names: &mut Names) -> Result<Vec<(Name, Value)>, Wrong> {
    if held[0] != b'{' {
        let raw: &RawValue = serde_json::from_slice(held).map_err(|error| Wrong::of(&error, held, 0))?;
        return Ok(vec![("value".into(), value(raw, held)?)]);
    }
    let mut reader = serde_json::Deserializer::from_slice(held);
    let raw = Fields(names).deserialize(&mut reader).map_err(|error| Wrong::of(&error, held, 0))?;
    reader.end().map_err(|error| Wrong::of(&error, held, 0))?;
    raw.into_iter().map(|(name, raw)| Ok((name, value(raw, held)?))).collect()
}

fn value(raw: &RawValue, held: &[u8]) -> Result<Value, Wrong> {
    let text = raw.get();
    let from = text.as_ptr() as usize - held.as_ptr() as usize;
    let wrong = |error: &serde_json::Error| Wrong::of(error, held, from);
    Ok(match text.as_bytes()[0] {
        b'"' => Value::Text(serde_json::from_str(text).map_err(|error| wrong(&error))?),
        b'n' => Value::Null,
        b't' => Value::Bool(true),
        b'f' => Value::Bool(false),
        b'{' | b'[' => {
            serde_json::from_str::<Checked>(text).map_err(|error| wrong(&error))?;
            Value::Json(compact(text))
        }
        _ => {
            let beyond = || Wrong { at: from, why: "the number is beyond what a double can hold".into() };
            Value::number(text).ok_or_else(beyond)?
        }
    })
}

/// A list or an object as it was written, but for the white space between its values.
fn compact(text: &str) -> Box<str> {
    let (bytes, mut made, mut from) = (text.as_bytes(), String::with_capacity(text.len()), 0);
    let mut in_text = false;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => in_text = !in_text,
            b'\\' => at += 1,
            byte if !in_text && is_space(byte) => {
                made.push_str(&text[from..at]);
                from = at + 1;
            }
            _ => (),
        }
        at += 1;
    }
    made.push_str(&text[from..]);
    made.into()
}

/// The fields of an object, unread; no name twice.
struct Fields<'n>(&'n mut Names);

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = Vec<(Name, &'de RawValue)>;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Vec<(Name, &'de RawValue)>;
    fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
        to.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found: Self::Value = Vec::new();
        let mut known = HashSet::new();
        while let Some(name) = map.next_key_seed(Key(self.0, found.len()))? {
            let is_known = match found.len() {
                0..=15 => found.iter().any(|(other, _)| *other == name),
                MOST_FIELDS.. => return Err(A::Error::custom("a record has more than 10000 fields")),
                16 => {
                    known.extend(found.iter().map(|(other, _)| other.clone()));
                    !known.insert(name.clone())
                }
                _ => !known.insert(name.clone()),
            };
            if is_known {
                return Err(A::Error::custom(format!("the field `{name}` comes twice")));
            }
            found.push((name, map.next_value()?));
        }
        Ok(found)
    }
}

/// The name of a field, which is mostly that of the record before.
struct Key<'n>(&'n mut Names, usize);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Name;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Name, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Name;
    fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
        to.write_str("a string")
    }
    fn visit_str<E>(self, name: &str) -> Result<Name, E> {
        Ok(self.0.at(self.1, name))
    }
}

/// A value within a field: sound all the way down, and no name twice.
struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Checked, D::Error> {
        from.deserialize_any(Checked)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = Checked;
    fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
        to.write_str("a value")
    }
    fn visit_bool<E>(self, _: bool) -> Result<Checked, E> {
        Ok(Checked)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Checked, E> {
        Ok(Checked)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Checked, E> {
        Ok(Checked)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Checked, E> {
        Ok(Checked)
    }
    fn visit_str<E>(self, _: &str) -> Result<Checked, E> {
        Ok(Checked)
    }
    fn visit_unit<E>(self) -> Result<Checked, E> {
        Ok(Checked)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Checked, A::Error> {
        while list.next_element::<Checked>()?.is_some() {}
        Ok(Checked)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Checked, A::Error> {
        let mut known = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if known.contains(&name) {
                return Err(A::Error::custom(format!("the field `{name}` comes twice")));
            }
            known.insert(name);
            map.next_value::<Checked>()?;
        }
        Ok(Checked)
    }
}

/// Whether a text is one JSON value.
pub fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// A list of objects, or an object in each line.
pub struct Writer {
    in_lines: bool,
    is_first: bool,
}

impl Writer {
    pub fn new(in_lines: bool) -> Writer {
        Writer { in_lines, is_first: true }
    }

    pub fn write(&mut self, record: &Record, out: &mut Vec<u8>) {
        if !self.in_lines {
            out.extend_from_slice(if self.is_first { b"[\n" } else { b",\n" });
        }
        self.is_first = false;
        let mut before = b'{';
        for (name, value) in &record.fields {
            out.push(before);
            before = b',';
            quote(name, out);
            out.push(b':');
            value.write_json(out);
        }
        if before == b'{' {
            out.push(b'{');
        }
        out.push(b'}');
        if self.in_lines {
            out.push(b'\n');
        }
    }

    pub fn end(&mut self, out: &mut Vec<u8>) {
        if !self.in_lines {
            out.extend_from_slice(if self.is_first { b"[]\n" } else { b"\n]\n" });
        }
    }
}
