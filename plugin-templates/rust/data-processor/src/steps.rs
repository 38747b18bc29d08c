//! The declared pipeline: what happens to each record between reading and writing.

use crate::evaluate::{arithmetic, from_json, order};
use crate::expression::Expression;
use crate::functions::to_number;
use crate::record::{Name, Record, Value};
use lao_plugin::{Error, JsonValue};
use std::cmp::Ordering;
use std::collections::HashMap;

const MOST_STEPS: usize = 100;

type Done = Result<(), Error>;
/// What takes the records that come out.
pub type Sink<'s> = dyn FnMut(Record) -> Done + 's;

pub struct Pipeline {
    steps: Vec<Step>,
    kept: Kept,
}

enum Step {
    Select(Vec<Name>),
    Rename(Vec<(Name, Name)>),
    Filter(Expression),
    Cast(Vec<(Name, Type)>, Invalid),
    Derive(Vec<(Name, Expression)>),
    Aggregate(Aggregate),
    Sort(Vec<(Name, bool)>, Vec<Record>),
    Limit(u64),
}

#[derive(Clone, Copy)]
enum Type {
    Integer,
    Number,
    Boolean,
    Text,
    Json,
}

/// What becomes of a value that cannot be cast.
#[derive(Clone, Copy)]
enum Invalid {
    Refused,
    Null,
    Dropped,
}

/// What `sort` and `aggregate` hold in memory, all together.
struct Kept {
    bytes: usize,
    most: usize,
}

impl Kept {
    fn add(&mut self, bytes: usize, step: &str) -> Done {
        self.bytes += bytes;
        if self.bytes > self.most {
            let most = self.most >> 20;
            return Err(Error::invalid_input(format!("`{step}` would keep more than {most} MiB (`max_kept_mb`)")));
        }
        Ok(())
    }
}

// --- Reading the declaration ---

impl Pipeline {
    /// `most`: bytes that it may keep.
    pub fn parse(steps: &JsonValue, most: usize) -> Result<Pipeline, Error> {
        let list = steps.as_list().unwrap_or_default();
        if list.len() > MOST_STEPS {
            return Err(refuse(format!("there are more than {MOST_STEPS} steps")));
        }
        let parse_at = |(index, step)| Step::parse(step).map_err(|why| refuse(format!("steps/{index}: {why}")));
        let steps = list.iter().enumerate().map(parse_at).collect::<Result<Vec<Step>, Error>>()?;
        Ok(Pipeline { steps, kept: Kept { bytes: 0, most } })
    }
}

fn refuse(why: String) -> Error {
    Error::invalid_parameter(why)
}

impl Step {
    fn parse(step: &JsonValue) -> Result<Step, String> {
        let JsonValue::Object(members) = step else { return Err("a step is an object".into()) };
        let Some((name, value)) = members.first() else { return Err("the step is empty".into()) };
        let more: Vec<&str> = members[1..].iter().map(|(name, _)| name.as_str()).collect();
        if let Some(other) = more.iter().find(|other| name != "cast" || **other != "invalid") {
            return Err(format!("`{name}` and `{other}` are two steps"));
        }
        Ok(match name.as_str() {
            "select" => Step::Select(names(value)?),
            "rename" => Step::Rename(pairs(value, |to| text(to).map(Name::from))?),
            "filter" => Step::Filter(Expression::parse(text(value)?)?),
            "cast" => Step::Cast(pairs(value, Type::parse)?, Invalid::parse(step.get("invalid"))?),
            "derive" => Step::Derive(pairs(value, |to| Expression::parse(text(to)?))?),
            "aggregate" => Step::Aggregate(Aggregate::parse(value)?),
            "sort" => Step::Sort(names(value)?.iter().map(sort_key).collect(), Vec::new()),
            "limit" => match value.as_integer() {
                Some(count @ 0..) => Step::Limit(count as u64),
                _ => return Err("`limit` takes a number of records".into()),
            },
            other => {
                let known = "select, rename, filter, cast, derive, aggregate, sort, limit";
                return Err(format!("there is no step `{other}`: {known}"));
            }
        })
    }
}

fn text(value: &JsonValue) -> Result<&str, String> {
    value.as_text().ok_or_else(|| "a text is needed".into())
}

fn names(value: &JsonValue) -> Result<Vec<Name>, String> {
    let list = value.as_list().ok_or("a list of fields is needed")?;
    let mut found: Vec<Name> = Vec::new();
    for name in list {
        let name = text(name)?;
        if found.iter().any(|known| **known == *name) {
            return Err(format!("`{name}` comes twice"));
        }
        found.push(name.into());
    }
    Ok(found)
}

fn pairs<T>(value: &JsonValue, read: impl Fn(&JsonValue) -> Result<T, String>) -> Result<Vec<(Name, T)>, String> {
    let JsonValue::Object(members) = value else { return Err("an object with fields as its members is needed".into()) };
    let read = |(name, value): &(String, JsonValue)| match read(value) {
        Ok(found) => Ok((Name::from(name.as_str()), found)),
        Err(why) => Err(format!("`{name}`: {why}")),
    };
    members.iter().map(read).collect()
}

/// `-name` is sorted from the greatest to the least.
fn sort_key(name: &Name) -> (Name, bool) {
    match name.strip_prefix('-') {
        Some(name) => (name.into(), true),
        None => (name.clone(), false),
    }
}

impl Type {
    fn parse(value: &JsonValue) -> Result<Type, String> {
        match text(value)? {
            "integer" => Ok(Type::Integer),
            "number" => Ok(Type::Number),
            "boolean" => Ok(Type::Boolean),
            "text" => Ok(Type::Text),
            "json" => Ok(Type::Json),
            other => Err(format!("there is no type `{other}`: integer, number, boolean, text, json")),
        }
    }

    fn cast(self, value: &Value) -> Option<Value> {
        let is_blank = matches!(value, Value::Text(text) if text.trim().is_empty());
        if *value == Value::Null || (is_blank && !matches!(self, Type::Text)) {
            return Some(Value::Null);
        }
        match self {
            Type::Text => Some(Value::text(value.plain())),
            Type::Number => to_number(value),
            Type::Integer => match to_number(value)? {
                Value::Int(number) => Some(Value::Int(number)),
                other => {
                    let number = other.as_number()?;
                    // Beyond 2^53 a double is no exact integer.
                    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0)
                        .then_some(Value::Int(number as i64))
                }
            },
            Type::Boolean => match (value, value.plain().trim().to_lowercase().as_str()) {
                (Value::Bool(_), _) => Some(value.clone()),
                (_, "true" | "yes" | "1") => Some(Value::Bool(true)),
                (_, "false" | "no" | "0") => Some(Value::Bool(false)),
                _ => None,
            },
            Type::Json => match value {
                Value::Text(text) => serde_json::from_str(text).ok().map(|json| from_json(&json)),
                other => Some(other.clone()),
            },
        }
    }

    fn name(self) -> &'static str {
        match self {
            Type::Integer => "an integer",
            Type::Number => "a number",
            Type::Boolean => "true or false",
            Type::Text => "a text",
            Type::Json => "JSON",
        }
    }
}

impl Invalid {
    fn parse(value: Option<&JsonValue>) -> Result<Invalid, String> {
        match value.map(text).transpose()? {
            None | Some("error") => Ok(Invalid::Refused),
            Some("null") => Ok(Invalid::Null),
            Some("drop") => Ok(Invalid::Dropped),
            Some(other) => Err(format!("`invalid` is error, null or drop, not `{other}`")),
        }
    }
}

// --- Running ---

impl Pipeline {
    pub fn push(&mut self, record: Record, sink: &mut Sink) -> Done {
        run(&mut self.steps, &mut self.kept, record, sink)
    }

    /// Whether nothing that comes now would change what comes out.
    pub fn is_done(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Limit(0)))
    }

    /// The input has ended: hands out what was kept.
    pub fn finish(&mut self, sink: &mut Sink) -> Done {
        for index in 0..self.steps.len() {
            let (before, after) = self.steps.split_at_mut(index + 1);
            let records: Box<dyn Iterator<Item = Record>> = match &mut before[index] {
                Step::Sort(keys, records) => {
                    records.sort_by(|left, right| compare(keys, left, right));
                    Box::new(std::mem::take(records).into_iter())
                }
                Step::Aggregate(aggregate) => Box::new(aggregate.take()),
                _ => continue,
            };
            for record in records {
                run(after, &mut self.kept, record, sink)?;
            }
        }
        Ok(())
    }
}

fn run(steps: &mut [Step], kept: &mut Kept, mut record: Record, sink: &mut Sink) -> Done {
    let Some((step, rest)) = steps.split_first_mut() else { return sink(record) };
    match step {
        Step::Select(names) => record = select(names, record),
        Step::Rename(names) => rename(names, &mut record)?,
        Step::Filter(condition) => {
            if !condition.holds(&record).map_err(|why| record.refuse(format!("filter: {why}")))? {
                return Ok(());
            }
        }
        Step::Cast(types, invalid) => {
            if !cast(types, *invalid, &mut record)? {
                return Ok(());
            }
        }
        Step::Derive(fields) => {
            for (name, expression) in fields {
                let value = expression.run(&record).map_err(|why| record.refuse(format!("`{name}`: {why}")))?;
                record.set(name, value);
            }
        }
        Step::Aggregate(aggregate) => return aggregate.add(&record, kept),
        Step::Sort(_, records) => {
            kept.add(record.size(), "sort")?;
            records.push(record);
            return Ok(());
        }
        Step::Limit(0) => return Ok(()),
        Step::Limit(left) => *left -= 1,
    }
    run(rest, kept, record, sink)
}

/// The fields in that order; one that is missing is null.
fn select(names: &[Name], record: Record) -> Record {
    let fields = names.iter().map(|name| (name.clone(), record.get(name).cloned().unwrap_or(Value::Null))).collect();
    Record { fields, place: record.place }
}

fn rename(names: &[(Name, Name)], record: &mut Record) -> Done {
    for (from, to) in names {
        if record.get(from).is_some() && from != to && record.get(to).is_some() {
            return Err(record.refuse(format!("rename: there is a field `{to}` already")));
        }
        if let Some((name, _)) = record.fields.iter_mut().find(|(name, _)| name == from) {
            *name = to.clone();
        }
    }
    Ok(())
}

/// `false`: the record is dropped.
fn cast(types: &[(Name, Type)], invalid: Invalid, record: &mut Record) -> Result<bool, Error> {
    for (name, to) in types {
        let Some(value) = record.get(name) else { continue };
        let cast = match (to.cast(value), invalid) {
            (Some(value), _) => value,
            (None, Invalid::Null) => Value::Null,
            (None, Invalid::Dropped) => return Ok(false),
            (None, Invalid::Refused) => {
                let shown: String = value.plain().chars().take(40).collect();
                return Err(record.refuse(format!("cast: `{name}` is not {}: `{shown}`", to.name())));
            }
        };
        record.set(name, cast);
    }
    Ok(true)
}

/// Null comes first, then booleans, numbers, texts, and the rest, which stays in its order.
fn compare(keys: &[(Name, bool)], left: &Record, right: &Record) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Int(_) | Value::Number(_) | Value::Digits(_) => 2,
        Value::Text(_) => 3,
        Value::Json(_) => 4,
    };
    for (name, is_reversed) in keys {
        let (left, right) = (left.get(name).unwrap_or(&Value::Null), right.get(name).unwrap_or(&Value::Null));
        let found = rank(left).cmp(&rank(right)).then_with(|| order(left, right).unwrap_or(Ordering::Equal));
        let found = if *is_reversed { found.reverse() } else { found };
        if found.is_ne() {
            return found;
        }
    }
    Ordering::Equal
}

// --- Groups ---

struct Aggregate {
    by: Vec<Name>,
    results: Vec<(Name, Operation, Option<Expression>)>,
    groups: HashMap<Vec<u8>, usize>,
    kept: Vec<(Record, Vec<Total>)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Operation {
    Count,
    Sum,
    Mean,
    Min,
    Max,
    First,
    Last,
}

#[derive(Clone)]
struct Total {
    count: i64,
    value: Value,
}

impl Aggregate {
    fn parse(value: &JsonValue) -> Result<Aggregate, String> {
        let JsonValue::Object(members) = value else { return Err("`aggregate` is an object".into()) };
        if let Some((other, _)) = members.iter().find(|(name, _)| name != "by" && name != "compute") {
            return Err(format!("`aggregate` has `by` and `compute`, not `{other}`"));
        }
        let by = value.get("by").map_or(Ok(Vec::new()), names)?;
        let compute = value.get("compute").ok_or("`compute` is missing")?;
        let results = pairs(compute, |formula| Operation::parse(text(formula)?))?;
        let results = results.into_iter().map(|(name, (operation, of))| (name, operation, of)).collect();
        Ok(Aggregate { by, results, groups: HashMap::new(), kept: Vec::new() })
    }

    fn add(&mut self, record: &Record, kept: &mut Kept) -> Done {
        let mut key = Vec::new();
        for name in &self.by {
            write_key(record.get(name).unwrap_or(&Value::Null), &mut key);
        }
        let index = match self.groups.get(&key) {
            Some(index) => *index,
            None => {
                let fields =
                    self.by.iter().map(|name| (name.clone(), record.get(name).cloned().unwrap_or(Value::Null)));
                let first = Record { fields: fields.collect(), place: record.place };
                let totals = vec![Total { count: 0, value: Value::Null }; self.results.len()];
                kept.add(2 * key.len() + first.size() + totals.len() * size_of::<Total>() + 64, "aggregate")?;
                self.groups.insert(key, self.kept.len());
                self.kept.push((first, totals));
                self.kept.len() - 1
            }
        };
        for ((name, operation, of), total) in self.results.iter().zip(&mut self.kept[index].1) {
            let value = of.as_ref().map_or(Ok(Value::Bool(true)), |of| of.run(record));
            let before = total.value.size();
            value
                .and_then(|value| total.add(*operation, value))
                .map_err(|why| record.refuse(format!("`{name}`: {why}")))?;
            kept.add(total.value.size().saturating_sub(before), "aggregate")?;
        }
        Ok(())
    }

    /// A record of each group, in the order of their first ones.
    fn take(&mut self) -> impl Iterator<Item = Record> + use<> {
        self.groups.clear();
        let results: Vec<(Name, Operation)> =
            self.results.iter().map(|(name, what, _)| (name.clone(), *what)).collect();
        std::mem::take(&mut self.kept).into_iter().map(move |(mut record, totals)| {
            for ((name, operation), total) in results.iter().zip(totals) {
                record.set(name, total.result(*operation));
            }
            record
        })
    }
}

/// Equal values have equal bytes: 1 and 1.0, too.
fn write_key(value: &Value, key: &mut Vec<u8>) {
    let whole = value.as_number().filter(|number| number.fract() == 0.0 && number.abs() < 9e15);
    match whole {
        Some(number) => key.extend_from_slice(format!("i{number}").as_bytes()),
        None => {
            key.push(value.kind().as_bytes()[0]);
            key.extend_from_slice(value.plain().as_bytes());
        }
    }
    key.push(0xFF); // in no UTF-8
}

impl Operation {
    /// `count()`, or an operation over an expression, such as `sum(price * count)`.
    fn parse(formula: &str) -> Result<(Operation, Option<Expression>), String> {
        let wrong = || format!("`{formula}` is none of count(), sum(x), mean(x), min(x), max(x), first(x), last(x)");
        let (name, rest) = formula.trim().split_once('(').ok_or_else(wrong)?;
        let inner = rest.strip_suffix(')').ok_or_else(wrong)?.trim();
        let operation = match name.trim_end() {
            "count" => Operation::Count,
            "sum" => Operation::Sum,
            "mean" => Operation::Mean,
            "min" => Operation::Min,
            "max" => Operation::Max,
            "first" => Operation::First,
            "last" => Operation::Last,
            _ => return Err(wrong()),
        };
        match inner.is_empty() {
            true if operation == Operation::Count => Ok((operation, None)),
            true => Err(wrong()),
            false => Ok((operation, Some(Expression::parse(inner)?))),
        }
    }
}

impl Total {
    /// Nulls are passed over.
    fn add(&mut self, operation: Operation, value: Value) -> Result<(), String> {
        if value == Value::Null {
            return Ok(());
        }
        self.count += 1;
        let is_first = self.count == 1;
        match operation {
            Operation::Count => (),
            Operation::Sum | Operation::Mean => {
                let zero = Value::Int(0);
                self.value = arithmetic('+', if is_first { &zero } else { &self.value }, &value)?;
            }
            Operation::Min | Operation::Max => {
                let found = if is_first { Some(Ordering::Equal) } else { order(&value, &self.value) };
                let Some(found) = found else { return Err("values of different types have no order".into()) };
                let is_better = if operation == Operation::Min { found.is_lt() } else { found.is_gt() };
                if is_first || is_better {
                    self.value = value;
                }
            }
            Operation::First => {
                if is_first {
                    self.value = value;
                }
            }
            Operation::Last => self.value = value,
        }
        Ok(())
    }

    fn result(self, operation: Operation) -> Value {
        match (operation, self.value.as_number()) {
            (Operation::Count, _) => Value::Int(self.count),
            (Operation::Mean, Some(sum)) => Value::Number(sum / self.count as f64),
            _ => self.value,
        }
    }
}
