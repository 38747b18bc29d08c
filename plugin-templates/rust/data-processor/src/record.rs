//! Records: what all formats are read into and written from.

use crate::document::Place;
use lao_plugin::Error;
use std::borrow::Cow;
use std::rc::Rc;

pub type Name = Rc<str>;

/// The value of a field. What was not computed stays as it was written.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    /// A number that is no 64-bit integer, as it was written.
    Digits(Box<str>),
    /// A number that was computed; it is finite.
    Number(f64),
    Text(Box<str>),
    /// A list or an object, as JSON.
    Json(Box<str>),
}

impl Value {
    pub fn text(text: impl Into<Box<str>>) -> Value {
        Value::Text(text.into())
    }

    /// A number as JSON writes it. `None`: it is beyond what a double can hold.
    pub fn number(text: &str) -> Option<Value> {
        if let (Ok(number), false) = (text.parse::<i64>(), text == "-0") {
            return Some(Value::Int(number));
        }
        text.parse::<f64>().ok().filter(|number| number.is_finite()).map(|_| Value::Digits(text.into()))
    }

    /// What kind of value it is, for people.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Int(_) => "integer",
            Value::Digits(_) | Value::Number(_) => "number",
            Value::Text(_) => "text",
            Value::Json(text) if text.starts_with('[') => "list",
            Value::Json(_) => "object",
        }
    }

    pub fn as_number(&self) -> Option<f64> {
        match self {
            Value::Int(number) => Some(*number as f64),
            Value::Number(number) => Some(*number),
            Value::Digits(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The value as text stands for it where there are no types: a cell of CSV, an element of XML.
    pub fn plain(&self) -> Cow<'_, str> {
        match self {
            Value::Null => "".into(),
            Value::Bool(value) => if *value { "true" } else { "false" }.into(),
            Value::Int(number) => number.to_string().into(),
            Value::Number(number) => number_text(*number).into(),
            Value::Digits(text) | Value::Text(text) | Value::Json(text) => Cow::Borrowed(text),
        }
    }

    pub fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Text(text) => quote(text, out),
            other => out.extend_from_slice(other.plain().as_bytes()),
        }
    }

    /// Bytes that it takes in memory, about.
    pub fn size(&self) -> usize {
        let more = match self {
            Value::Digits(text) | Value::Text(text) | Value::Json(text) => text.len() + 16,
            _ => 0,
        };
        size_of::<Value>() + more
    }
}

/// In the fewest digits that read back as the same; with an exponent where there would be many zeros.
fn number_text(number: f64) -> String {
    match number.abs() {
        0.0 | 1e-7..1e16 => number.to_string(),
        _ => format!("{number:e}"),
    }
}

/// A JSON string.
pub fn quote(text: &str, out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, text); // a Vec takes everything
}

/// Fields in their order, and where the record begins in its document.
#[derive(Clone, Debug)]
pub struct Record {
    pub fields: Vec<(Name, Value)>,
    pub place: Place,
}

impl Record {
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(known, _)| **known == *name).map(|(_, value)| value)
    }

    /// Replaces a field, or adds it at the end.
    pub fn set(&mut self, name: &Name, value: Value) {
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.fields.push((name.clone(), value)),
        }
    }

    pub fn size(&self) -> usize {
        size_of::<Record>() + self.fields.iter().map(|(_, value)| size_of::<Name>() + value.size()).sum::<usize>()
    }

    pub fn refuse(&self, text: impl std::fmt::Display) -> Error {
        Error::invalid_input(format!("line {}: {text}", self.place.line))
    }
}

/// Names of fields that come again in each record, held once.
#[derive(Default)]
pub struct Names(Vec<Name>);

impl Names {
    /// The name of the field at that place.
    pub fn at(&mut self, index: usize, name: &str) -> Name {
        match self.0.get(index) {
            Some(known) if **known == *name => return known.clone(),
            Some(_) => self.0[index] = name.into(),
            None => self.0.push(name.into()),
        }
        self.0[index.min(self.0.len() - 1)].clone()
    }
}
