//! The functions that expressions call.

use crate::evaluate::{article, finite, shown, truth};
use crate::record::Value;

type Run = fn(&[Value]) -> Result<Value, String>;

#[derive(Debug)]
pub struct Function {
    pub name: &'static str,
    /// How many values it takes.
    pub least: usize,
    pub most: usize,
    pub run: Run,
}

macro_rules! functions {
    ($($name:literal $least:literal..=$most:expr, $run:expr;)*) => {
        pub static FUNCTIONS: &[Function] = &[$(Function { name: $name, least: $least, most: $most, run: $run }),*];
    };
}

functions! {
    "lower" 1..=1, |of| on_text(of, |text| Value::text(text.to_lowercase()));
    "upper" 1..=1, |of| on_text(of, |text| Value::text(text.to_uppercase()));
    "trim" 1..=1, |of| on_text(of, |text| Value::text(text.trim()));
    "length" 1..=1, |of| on_text(of, |text| Value::Int(text.chars().count() as i64));
    "contains" 2..=2, |of| on_texts(of, |text, part| text.contains(part));
    "starts_with" 2..=2, |of| on_texts(of, |text, part| text.starts_with(part));
    "ends_with" 2..=2, |of| on_texts(of, |text, part| text.ends_with(part));
    "replace" 3..=3, replace;
    "concat" 1..=32, |of| Ok(Value::text(of.iter().map(Value::plain).collect::<String>()));
    "coalesce" 1..=32, |of| Ok(of.iter().find(|value| **value != Value::Null).cloned().unwrap_or(Value::Null));
    "if" 3..=3, |of| Ok(of[if truth(&of[0])?.unwrap_or(false) { 1 } else { 2 }].clone());
    "abs" 1..=1, |of| rounded(of, |number| number.abs(), |number| number.checked_abs());
    "floor" 1..=1, |of| rounded(of, f64::floor, Some);
    "ceil" 1..=1, |of| rounded(of, f64::ceil, Some);
    "round" 1..=2, round;
    "number" 1..=1, |of| Ok(to_number(&of[0]).unwrap_or(Value::Null));
    "text" 1..=1, |of| Ok(if of[0] == Value::Null { Value::Null } else { Value::text(of[0].plain()) });
}

const MOST_TEXT: usize = 16 << 20;

fn text_of(value: &Value) -> Result<Option<&str>, String> {
    match value {
        Value::Text(text) => Ok(Some(text)),
        Value::Null => Ok(None),
        other => Err(format!("a text is needed, not {} {}", article(other), shown(other))),
    }
}

fn on_text(of: &[Value], run: fn(&str) -> Value) -> Result<Value, String> {
    Ok(text_of(&of[0])?.map_or(Value::Null, run))
}

fn on_texts(of: &[Value], run: fn(&str, &str) -> bool) -> Result<Value, String> {
    Ok(match (text_of(&of[0])?, text_of(&of[1])?) {
        (Some(text), Some(part)) => Value::Bool(run(text, part)),
        _ => Value::Null,
    })
}

fn replace(of: &[Value]) -> Result<Value, String> {
    let (Some(text), Some(from), Some(to)) = (text_of(&of[0])?, text_of(&of[1])?, text_of(&of[2])?) else {
        return Ok(Value::Null);
    };
    if from.is_empty() {
        return Err("`replace` has nothing to look for".into());
    }
    if text.matches(from).count() * to.len() > MOST_TEXT {
        return Err("`replace` would make a text of more than 16 MiB".into());
    }
    Ok(Value::text(text.replace(from, to)))
}

fn rounded(of: &[Value], run: fn(f64) -> f64, run_int: fn(i64) -> Option<i64>) -> Result<Value, String> {
    match &of[0] {
        Value::Null => Ok(Value::Null),
        Value::Int(number) => run_int(*number).map(Value::Int).ok_or_else(|| "it is beyond a 64-bit integer".into()),
        other => match other.as_number().map(run) {
            Some(number) => finite(number).ok_or_else(|| "it is no number".into()),
            None => Err(format!("a number is needed, not {} {}", article(other), shown(other))),
        },
    }
}

/// To so many decimals, 0 to 15; halves away from zero.
fn round(of: &[Value]) -> Result<Value, String> {
    let digits = match of.get(1) {
        None => 0,
        Some(Value::Int(digits)) if (0..=15).contains(digits) => *digits,
        Some(_) => return Err("`round` takes 0 to 15 digits".into()),
    };
    if digits == 0 {
        return rounded(of, f64::round, Some);
    }
    let Some(number) = of[0].as_number() else { return rounded(of, |number| number, Some) };
    let scale = 10f64.powi(digits as i32);
    let scaled = (number * scale).round();
    Ok(finite(scaled / scale).unwrap_or(Value::Number(number)))
}

/// The number that a value stands for; `None` where it stands for none.
pub fn to_number(value: &Value) -> Option<Value> {
    match value {
        Value::Int(_) | Value::Number(_) | Value::Digits(_) => Some(value.clone()),
        Value::Text(text) => {
            let text = text.trim();
            let plain =
                text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
            // As JSON would write it; `+5`, `.5` and `007` are numbers, too.
            match Value::number(text) {
                Some(Value::Digits(_)) if plain && !crate::json::is_json(text) => {
                    text.parse::<f64>().ok().and_then(finite)
                }
                found if plain => found,
                _ => None,
            }
        }
        _ => None,
    }
}
