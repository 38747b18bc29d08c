//! What is in a document: its fields, their types and ranges.

use crate::evaluate::order;
use crate::functions::to_number;
use crate::record::{Name, Record, Value};
use lao_plugin::{Error, JsonObject};
use std::cmp::Ordering;
use std::collections::HashMap;

const MOST_FIELDS: usize = 10_000;

#[derive(Default)]
struct Column {
    /// How many values there are of each type.
    types: Vec<(&'static str, i64)>,
    present: i64,
    least: Option<Value>,
    greatest: Option<Value>,
    longest: usize,
}

#[derive(Default)]
pub struct Description {
    records: i64,
    columns: Vec<(Name, Column)>,
    places: HashMap<Name, usize>,
}

impl Description {
    pub fn add(&mut self, record: &Record) -> Result<(), Error> {
        self.records += 1;
        for (index, (name, value)) in record.fields.iter().enumerate() {
            let is_there = self.columns.get(index).is_some_and(|(known, _)| known == name);
            let place = if is_there { index } else { self.place(name).map_err(|why| record.refuse(why))? };
            self.columns[place].1.add(value);
        }
        Ok(())
    }

    fn place(&mut self, name: &Name) -> Result<usize, &'static str> {
        if let Some(place) = self.places.get(name) {
            return Ok(*place);
        }
        if self.columns.len() == MOST_FIELDS {
            return Err("there are more than 10000 fields");
        }
        self.places.insert(name.clone(), self.columns.len());
        self.columns.push((name.clone(), Column::default()));
        Ok(self.columns.len() - 1)
    }

    pub fn result(self, format: &str) -> JsonObject {
        let records = self.records;
        let fields = self.columns.into_iter().map(|(name, column)| column.result(&name, records));
        JsonObject::new().text("format", format).integer("records", records).objects("fields", fields)
    }
}

impl Column {
    fn add(&mut self, value: &Value) {
        let (kind, value) = seen(value);
        self.present += 1;
        match self.types.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => self.types.push((kind, 1)),
        }
        let Some(value) = value else { return };
        if let Value::Text(text) = &value {
            self.longest = self.longest.max(text.chars().count());
            return;
        }
        let beyond = |bound: &Option<Value>, wanted| match bound {
            None => true,
            Some(bound) => order(&value, bound) == Some(wanted),
        };
        if beyond(&self.least, Ordering::Less) {
            self.least = Some(value.clone());
        }
        if beyond(&self.greatest, Ordering::Greater) {
            self.greatest = Some(value);
        }
    }

    fn result(self, name: &str, records: i64) -> JsonObject {
        let types = self.types.iter().fold(JsonObject::new(), |types, (kind, count)| types.integer(kind, *count));
        let mut result = JsonObject::new().text("name", name).object("types", types);
        result = result.integer("missing", records - self.present);
        for (what, bound) in [("min", self.least), ("max", self.greatest)] {
            if let Some(bound) = bound {
                result = result.raw(what, &bound.plain());
            }
        }
        if self.longest > 0 {
            result = result.integer("longest", self.longest as i64);
        }
        result
    }
}

/// The type of a value, also of one that was written as text, and what of it has a range.
fn seen(value: &Value) -> (&'static str, Option<Value>) {
    match value {
        Value::Text(text) if text.trim().is_empty() => ("empty", None),
        Value::Text(text) => match (to_number(value), text.trim()) {
            (Some(number), _) => (if matches!(number, Value::Int(_)) { "integer" } else { "number" }, Some(number)),
            (None, "true" | "false") => ("boolean", None),
            _ => ("text", Some(value.clone())),
        },
        Value::Int(_) | Value::Digits(_) | Value::Number(_) => (value.kind(), Some(value.clone())),
        other => (other.kind(), None),
    }
}
