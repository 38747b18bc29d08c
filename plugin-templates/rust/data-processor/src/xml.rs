//! XML: each element that is a record becomes one, the children of the root unless others are named.
//!
//! A child with nothing but text is a field with that text. What has attributes or children of its own is an object:
//! attributes are `@name`, its own text is `#text`, and what comes several times is a list. Document types are refused,
//! and with them all entities but the five that XML itself has.

use crate::document::{Document, Place};
use crate::record::{Name, Names, Record, Value};
use crate::xml_rules::{check_declaration, check_tag, checked, is_blank, is_character, is_name, is_written};
use lao_plugin::Error;
use quick_xml::events::{BytesStart, Event};
use quick_xml::XmlVersion;
use serde_json::{Map, Value as Json};

const MOST_LEVELS: usize = 64;
const MOST_ATTRIBUTES: usize = 1_000;
const MOST_FIELDS: usize = 10_000;

/// An element whose end has not come.
struct Open {
    name: String,
    members: Map<String, Json>,
    text: String,
}

pub struct Reader<'a> {
    reader: quick_xml::Reader<Document<'a>>,
    wanted: Option<String>,
    above: Vec<String>, // the elements around the next record
    has_root: bool,
    is_begun: bool,
    buffer: Vec<u8>,
    names: Names,
}

/// What an event is to us.
enum Seen {
    Start(Open),
    Empty(Open),
    End,
    Text(String),
    Nothing,
    Eof,
}

impl<'a> Reader<'a> {
    /// `wanted`: the name of the elements that are records; empty: the children of the root.
    pub fn new(document: Document<'a>, wanted: &str) -> Reader<'a> {
        let mut reader = quick_xml::Reader::from_reader(document);
        reader.config_mut().enable_all_checks(true);
        let wanted = (!wanted.is_empty()).then(|| wanted.to_string());
        Reader {
            reader,
            wanted,
            above: Vec::new(),
            has_root: false,
            is_begun: false,
            buffer: Vec::new(),
            names: Names::default(),
        }
    }

    fn place(&self) -> Place {
        self.reader.get_ref().place()
    }

    pub fn next(&mut self) -> Result<Option<Record>, Error> {
        loop {
            self.reader.get_mut().begin_record();
            let place = self.place();
            match self.event(place)? {
                Seen::Start(open) if self.is_record(&open.name) => return self.record(open, place).map(Some),
                Seen::Empty(open) if self.is_record(&open.name) => return Ok(Some(self.finished(open, place)?)),
                Seen::Start(open) => {
                    self.begin(place)?;
                    self.above.push(open.name);
                    self.check_depth(self.above.len(), place)?;
                }
                Seen::Empty(_) => self.begin(place)?,
                Seen::End => drop(self.above.pop()),
                Seen::Text(text) if self.above.is_empty() && !is_blank(&text) => {
                    return Err(place.refuse("text stands outside of the root"));
                }
                Seen::Text(_) | Seen::Nothing => (),
                Seen::Eof if !self.above.is_empty() => return Err(self.broken_off()),
                Seen::Eof if !self.has_root => return Err(self.place().refuse("there is no XML element")),
                Seen::Eof => return Ok(None),
            }
        }
    }

    fn broken_off(&self) -> Error {
        let open = self.above.last().map_or("", String::as_str);
        self.place().refuse(format!("the document ends within `{open}`"))
    }

    fn is_record(&self, name: &str) -> bool {
        match &self.wanted {
            Some(wanted) => name == wanted,
            None => self.above.len() == 1,
        }
    }

    /// An element begins that is no record.
    fn begin(&mut self, place: Place) -> Result<(), Error> {
        if self.above.is_empty() && self.has_root {
            return Err(place.refuse("a second root follows the first"));
        }
        self.has_root = true;
        Ok(())
    }

    fn check_depth(&self, depth: usize, place: Place) -> Result<(), Error> {
        match depth {
            0..=MOST_LEVELS => Ok(()),
            _ => Err(place.refuse("XML is nested more than 64 levels deep")),
        }
    }

    /// The rest of a record whose start was read.
    fn record(&mut self, open: Open, place: Place) -> Result<Record, Error> {
        let mut stack = vec![open];
        loop {
            let here = self.place();
            match self.event(here)? {
                Seen::Start(open) => {
                    stack.push(open);
                    self.check_depth(self.above.len() + stack.len(), here)?;
                }
                Seen::Empty(open) => add(stack.last_mut(), open),
                Seen::Text(text) => {
                    if let Some(open) = stack.last_mut() {
                        open.text += &text;
                    }
                }
                Seen::End => {
                    let Some(open) = stack.pop() else { return Err(here.refuse("an element ends that did not begin")) };
                    match stack.is_empty() {
                        true => return self.finished(open, place),
                        false => add(stack.last_mut(), open),
                    }
                }
                Seen::Nothing => (),
                Seen::Eof => {
                    self.above.extend(stack.pop().map(|open| open.name));
                    return Err(self.broken_off());
                }
            }
        }
    }

    fn finished(&mut self, open: Open, place: Place) -> Result<Record, Error> {
        if self.above.is_empty() {
            self.begin(place)?; // the root itself was asked for
        }
        let mut members = open.members;
        if !is_blank(&open.text) || members.is_empty() {
            members.insert("#text".into(), Json::String(open.text));
        }
        if members.len() > MOST_FIELDS {
            return Err(place.refuse("a record has more than 10000 fields"));
        }
        let mut fields: Vec<(Name, Value)> = Vec::with_capacity(members.len());
        for (name, member) in members {
            let value = match member {
                Json::String(text) => Value::text(text),
                other => Value::Json(other.to_string().into()),
            };
            fields.push((self.names.at(fields.len(), &name), value));
        }
        Ok(Record { fields, place })
    }

    fn event(&mut self, place: Place) -> Result<Seen, Error> {
        self.buffer.clear();
        let event = match self.reader.read_event_into(&mut self.buffer) {
            Ok(event) => event,
            Err(error) => {
                let here = self.reader.get_ref().place();
                let failure = self.reader.get_mut().take_failure();
                return Err(failure.unwrap_or_else(|| here.refuse(error)));
            }
        };
        let seen = match event {
            Event::Start(start) => Seen::Start(opened(&start, place)?),
            Event::Empty(start) => Seen::Empty(opened(&start, place)?),
            Event::End(_) => Seen::End,
            Event::Text(text) if text.contains("]]>") => return Err(place.refuse("`]]>` stands within text")),
            Event::Text(text) => Seen::Text(checked(&text.xml10_content(), place)?),
            Event::CData(text) => Seen::Text(checked(&text.xml10_content(), place)?),
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().map_err(|error| place.refuse(error))?;
                let text = match (character, reference.xml10_content().as_ref()) {
                    (Some(character), _) => character.to_string(),
                    (None, "lt") => "<".into(),
                    (None, "gt") => ">".into(),
                    (None, "amp") => "&".into(),
                    (None, "apos") => "'".into(),
                    (None, "quot") => "\"".into(),
                    (None, other) => return Err(place.refuse(format!("there is no entity `{other}`"))),
                };
                Seen::Text(checked(&text, place)?)
            }
            Event::DocType(_) => return Err(place.refuse("a document type is not taken, nor its entities")),
            Event::Decl(declaration) => {
                if self.is_begun {
                    return Err(place.refuse("a declaration of XML stands at the start of the document only"));
                }
                check_declaration(&declaration, place)?;
                Seen::Nothing
            }
            Event::Comment(text) => {
                checked(&text, place)?;
                Seen::Nothing
            }
            Event::PI(instruction) => {
                if !is_name(instruction.target()) || instruction.target().eq_ignore_ascii_case("xml") {
                    return Err(place.refuse(format!("`{}` is no name of an instruction", instruction.target())));
                }
                checked(&instruction, place)?;
                Seen::Nothing
            }
            Event::Eof => Seen::Eof,
        };
        self.is_begun = true;
        Ok(seen)
    }
}

fn opened(start: &BytesStart, place: Place) -> Result<Open, Error> {
    let name = start.name().as_ref().to_string();
    if !is_name(&name) {
        return Err(place.refuse(format!("`{name}` is no name of an element")));
    }
    check_tag(start, place)?;
    let mut members = Map::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| place.refuse(error))?;
        if !is_name(attribute.key.as_ref()) {
            return Err(place.refuse(format!("`{}` is no name of an attribute", attribute.key.as_ref())));
        }
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| place.refuse(error))?;
        members.insert(format!("@{}", attribute.key.as_ref()), Json::String(checked(&value, place)?));
        if members.len() > MOST_ATTRIBUTES {
            return Err(place.refuse("an element has more than 1000 attributes"));
        }
    }
    Ok(Open { name, members, text: String::new() })
}

/// An element that has ended becomes a member of the one around it.
fn add(parent: Option<&mut Open>, open: Open) {
    let Some(parent) = parent else { return };
    let Open { name, mut members, text } = open;
    let value = if members.is_empty() {
        Json::String(text)
    } else {
        if !is_blank(&text) {
            members.insert("#text".into(), Json::String(text));
        }
        Json::Object(members)
    };
    match parent.members.get_mut(&name) {
        None => drop(parent.members.insert(name, value)),
        Some(Json::Array(list)) => list.push(value),
        Some(one) => *one = Json::Array(vec![one.take(), value]),
    }
}

/// Elements below one root. A field whose name no element can have is written as `<field name="...">`.
pub struct Writer {
    root: String,
    record: String,
    is_open: bool,
}

impl Writer {
    pub fn new(root: &str, record: &str) -> Result<Writer, Error> {
        for name in [root, record] {
            if !is_written(name) {
                return Err(Error::invalid_parameter(format!("`{name}` is no name of an element")));
            }
        }
        Ok(Writer { root: root.into(), record: record.into(), is_open: false })
    }

    fn begin(&mut self, out: &mut String) {
        if !self.is_open {
            *out += "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<";
            *out += &self.root;
            *out += ">\n";
            self.is_open = true;
        }
    }

    pub fn write(&mut self, record: &Record, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut text = String::new();
        self.begin(&mut text);
        let mut members = Map::new();
        for (name, value) in &record.fields {
            let member = match value {
                Value::Json(json) => serde_json::from_str(json).map_err(|error| record.refuse(error))?,
                Value::Null => Json::Null,
                other => Json::String(other.plain().into_owned()),
            };
            members.insert(name.to_string(), member);
        }
        text += "  ";
        element(&self.record, &Json::Object(members), &mut text).map_err(|why| record.refuse(why))?;
        text.push('\n');
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    pub fn end(&mut self, out: &mut Vec<u8>) {
        let mut text = String::new();
        self.begin(&mut text);
        text += &format!("</{}>\n", self.root);
        out.extend_from_slice(text.as_bytes());
    }
}

/// Null is left out, and a list is its members one after the other.
fn element(name: &str, value: &Json, out: &mut String) -> Result<(), String> {
    if let Json::Array(list) = value {
        return list.iter().try_for_each(|item| match item {
            Json::Array(_) => element(name, &serde_json::json!({ "item": item }), out),
            other => element(name, other, out),
        });
    }
    if value.is_null() {
        return Ok(());
    }
    let tag = if is_written(name) { name } else { "field" };
    out.push('<');
    *out += tag;
    if tag != name {
        attribute("name", name, out)?;
    }
    let Json::Object(members) = value else {
        out.push('>');
        escape(&plain(value), out)?;
        *out += &format!("</{tag}>");
        return Ok(());
    };
    let attribute_of = |name: &str, member: &Json| {
        name.strip_prefix('@')
            .filter(|name| is_written(name) && !member.is_array() && !member.is_object())
            .map(String::from)
    };
    for (name, member) in members {
        if let (Some(name), false) = (attribute_of(name, member), member.is_null()) {
            attribute(&name, &plain(member), out)?;
        }
    }
    out.push('>');
    for (name, member) in members {
        match name.as_str() {
            "#text" if !member.is_array() && !member.is_object() => escape(&plain(member), out)?,
            name if attribute_of(name, member).is_some() => (),
            name => element(name, member, out)?,
        }
    }
    *out += &format!("</{tag}>");
    Ok(())
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

fn attribute(name: &str, value: &str, out: &mut String) -> Result<(), String> {
    *out += &format!(" {name}=\"");
    let mut escaped = String::new();
    escape(value, &mut escaped)?;
    // A reader makes blanks of these, unless they are written as numbers.
    *out += &escaped.replace('\n', "&#10;").replace('\t', "&#9;");
    out.push('"');
    Ok(())
}

fn escape(text: &str, out: &mut String) -> Result<(), String> {
    for character in text.chars() {
        match character {
            '<' => *out += "&lt;",
            '>' => *out += "&gt;",
            '&' => *out += "&amp;",
            '"' => *out += "&quot;",
            '\r' => *out += "&#13;",
            other if is_character(other) => out.push(other),
            other => return Err(format!("the character U+{:04X} cannot stand in XML", other as u32)),
        }
    }
    Ok(())
}
