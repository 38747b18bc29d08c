//! What an expression gives for a record.

use crate::expression::{Comparison, Expression};
use crate::record::{Record, Value};
use std::cmp::Ordering;

impl Expression {
    pub fn run(&self, record: &Record) -> Result<Value, String> {
        match self {
            Expression::Value(value) => Ok(value.clone()),
            Expression::Field(name) => Ok(field(record, name)),
            Expression::Not(inner) => Ok(match truth(&inner.run(record)?)? {
                Some(value) => Value::Bool(!value),
                None => Value::Null,
            }),
            Expression::Negative(inner) => arithmetic('-', &Value::Int(0), &inner.run(record)?),
            Expression::Both(left, right) => match truth(&left.run(record)?)? {
                Some(true) => right.run(record).and_then(|value| truth(&value).map(|_| value)),
                other => Ok(other.map_or(Value::Null, Value::Bool)),
            },
            Expression::Either(left, right) => match truth(&left.run(record)?)? {
                Some(true) => Ok(Value::Bool(true)),
                _ => right.run(record).and_then(|value| truth(&value).map(|_| value)),
            },
            Expression::Compare(comparison, left, right) => {
                compare(*comparison, &left.run(record)?, &right.run(record)?).map(Value::Bool)
            }
            Expression::Arithmetic(sign, left, right) => arithmetic(*sign, &left.run(record)?, &right.run(record)?),
            Expression::Function(function, arguments) => {
                let values: Result<Vec<Value>, String> = arguments.iter().map(|one| one.run(record)).collect();
                (function.run)(&values?)
            }
        }
    }

    /// Whether it holds for a record; what is null does not.
    pub fn holds(&self, record: &Record) -> Result<bool, String> {
        Ok(truth(&self.run(record)?)?.unwrap_or(false))
    }
}

/// A field, or with dots a member within one; null where there is none.
fn field(record: &Record, name: &str) -> Value {
    if let Some(value) = record.get(name) {
        return value.clone();
    }
    let within = name.match_indices('.').find_map(|(dot, _)| match record.get(&name[..dot]) {
        Some(Value::Json(json)) => serde_json::from_str(json).ok().map(|json| (json, &name[dot + 1..])),
        _ => None,
    });
    let Some((json, path)) = within else { return Value::Null };
    let found: Option<&serde_json::Value> = path.split('.').try_fold(&json, |json, part| match json {
        serde_json::Value::Array(list) => list.get(part.parse::<usize>().ok()?),
        other => other.get(part),
    });
    found.map_or(Value::Null, from_json)
}

pub fn from_json(json: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::String(text) => Value::text(text.as_str()),
        Json::Number(number) => Value::number(&number.to_string()).unwrap_or(Value::Null),
        other => Value::Json(other.to_string().into()),
    }
}

pub fn truth(value: &Value) -> Result<Option<bool>, String> {
    match value {
        Value::Bool(value) => Ok(Some(*value)),
        Value::Null => Ok(None),
        other => Err(format!("true or false is needed, not {} {}", article(other), shown(other))),
    }
}

pub fn article(value: &Value) -> String {
    let kind = value.kind();
    format!("{} {kind}", if kind.starts_with(['i', 'o']) { "an" } else { "a" })
}

pub fn shown(value: &Value) -> String {
    let text: String = value.plain().chars().take(40).collect();
    format!("(`{text}`)")
}

/// The order of two values of one kind; `None` where they have none.
pub fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Json(left), Value::Json(right)) if left == right => Some(Ordering::Equal),
        _ => left.as_number()?.partial_cmp(&right.as_number()?),
    }
}

fn compare(comparison: Comparison, left: &Value, right: &Value) -> Result<bool, String> {
    use Comparison::*;
    let found = order(left, right);
    if matches!(comparison, Equal | NotEqual) {
        return Ok((found == Some(Ordering::Equal)) == (comparison == Equal));
    }
    if *left == Value::Null || *right == Value::Null {
        return Ok(false);
    }
    let Some(found) = found else {
        let (left, right) =
            (format!("{} {}", article(left), shown(left)), format!("{} {}", article(right), shown(right)));
        return Err(format!("{left} and {right} have no order: `cast` one of them"));
    };
    Ok(match comparison {
        Less => found.is_lt(),
        LessOrEqual => found.is_le(),
        Greater => found.is_gt(),
        _ => found.is_ge(),
    })
}

/// Null with anything is null. Integers stay integers, but for `/`.
pub fn arithmetic(sign: char, left: &Value, right: &Value) -> Result<Value, String> {
    if *left == Value::Null || *right == Value::Null {
        return Ok(Value::Null);
    }
    if let (Value::Int(left), Value::Int(right)) = (left, right) {
        let found = match sign {
            '+' => Some(left.checked_add(*right)),
            '-' => Some(left.checked_sub(*right)),
            '*' => Some(left.checked_mul(*right)),
            '%' if *right != 0 => Some(left.checked_rem(*right)),
            _ => None,
        };
        if let Some(found) = found {
            return found.map(Value::Int).ok_or_else(|| format!("{left} {sign} {right} is beyond a 64-bit integer"));
        }
    }
    let number = |value: &Value| {
        value.as_number().ok_or_else(|| {
            let hint = if matches!(value, Value::Text(_)) { ": `cast` it, or join texts with `concat`" } else { "" };
            format!("`{sign}` needs numbers, not {} {}{hint}", article(value), shown(value))
        })
    };
    let (left, right) = (number(left)?, number(right)?);
    finite(match sign {
        '+' => left + right,
        '-' => left - right,
        '*' => left * right,
        '%' => left % right,
        _ => left / right,
    })
    .ok_or_else(|| format!("{left} {sign} {right} is no number"))
}

pub fn finite(number: f64) -> Option<Value> {
    number.is_finite().then_some(Value::Number(number))
}
