//! The small language of `filter`, `derive` and `aggregate`: fields, numbers, texts, arithmetic, comparisons, functions.
//!
//! ```text
//! or      = and { "or" and }          and  = not { "and" not }        not = [ "not" ] compare
//! compare = sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=") sum ]
//! sum     = product { ("+" | "-") product }                product = sign { ("*" | "/" | "%") sign }
//! sign    = [ "-" ] value
//! value   = number | 'text' | "text" | true | false | null | field | `field` | name "(" [ or { "," or } ] ")" | "(" or ")"
//! ```

use crate::record::{Record, Value};
use std::cmp::Ordering;

const MOST_LEVELS: u32 = 64;
const MOST_VALUES: u32 = 200; // a row of operators is as deep as it is long

#[derive(Clone, Debug)]
pub enum Expression {
    Value(Value),
    Field(Box<str>),
    Not(Box<Expression>),
    Negative(Box<Expression>),
    Both(Box<Expression>, Box<Expression>),
    Either(Box<Expression>, Box<Expression>),
    Compare(Comparison, Box<Expression>, Box<Expression>),
    Arithmetic(char, Box<Expression>, Box<Expression>),
    Function(&'static Function, Vec<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

type Run = fn(&[Value]) -> Result<Value, String>;

#[derive(Debug)]
pub struct Function {
    name: &'static str,
    least: usize,
    most: usize,
    run: Run,
}

// --- Parsing ---

impl Expression {
    /// The error says at which character it is.
    pub fn parse(text: &str) -> Result<Expression, String> {
        let mut parser = Parser { text, at: 0, depth: 0, values: 0 };
        let found = parser.either()?;
        parser.space();
        if parser.at < text.len() {
            return Err(parser.wrong("an operator is missing"));
        }
        Ok(found)
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: u32,
    values: u32,
}

impl Parser<'_> {
    fn wrong(&self, why: &str) -> String {
        format!("{why}, at character {} of `{}`", self.text[..self.at].chars().count() + 1, self.text)
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn takes(&mut self, sign: &str) -> bool {
        self.space();
        let found = self.rest().starts_with(sign);
        self.at += if found { sign.len() } else { 0 };
        found
    }

    fn takes_word(&mut self, word: &str) -> bool {
        self.space();
        let rest = self.rest();
        let found = rest.starts_with(word) && !rest[word.len()..].starts_with(is_of_a_word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn either(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > MOST_LEVELS {
            return Err(self.wrong("the expression is nested more than 64 levels deep"));
        }
        let mut left = self.both()?;
        while self.takes_word("or") {
            left = Expression::Either(left.into(), self.both()?.into());
        }
        self.depth -= 1;
        Ok(left)
    }

    fn both(&mut self) -> Result<Expression, String> {
        let mut left = self.negation()?;
        while self.takes_word("and") {
            left = Expression::Both(left.into(), self.negation()?.into());
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Expression, String> {
        let mut count = 0;
        while self.takes_word("not") {
            count += 1;
        }
        let found = self.comparison()?;
        Ok(match count {
            0 => found,
            odd if odd % 2 == 1 => Expression::Not(found.into()),
            _ => Expression::Not(Box::new(Expression::Not(found.into()))),
        })
    }

    fn comparison(&mut self) -> Result<Expression, String> {
        use Comparison::*;
        let left = self.sum()?;
        let signs =
            [("==", Equal), ("!=", NotEqual), ("<=", LessOrEqual), (">=", GreaterOrEqual), ("<", Less), (">", Greater)];
        for (sign, comparison) in signs {
            if self.takes(sign) {
                return Ok(Expression::Compare(comparison, left.into(), self.sum()?.into()));
            }
        }
        if self.takes("=") {
            return Err(self.wrong("two values are compared with `==`"));
        }
        Ok(left)
    }

    fn sum(&mut self) -> Result<Expression, String> {
        let mut left = self.product()?;
        while let Some(sign) = ['+', '-'].into_iter().find(|sign| self.takes(sign.encode_utf8(&mut [0; 4]))) {
            left = Expression::Arithmetic(sign, left.into(), self.product()?.into());
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Expression, String> {
        let mut left = self.sign()?;
        while let Some(sign) = ['*', '/', '%'].into_iter().find(|sign| self.takes(sign.encode_utf8(&mut [0; 4]))) {
            left = Expression::Arithmetic(sign, left.into(), self.sign()?.into());
        }
        Ok(left)
    }

    fn sign(&mut self) -> Result<Expression, String> {
        if self.takes("-") {
            return Ok(Expression::Negative(self.value()?.into()));
        }
        self.value()
    }

    fn value(&mut self) -> Result<Expression, String> {
        self.space();
        self.values += 1;
        if self.values > MOST_VALUES {
            return Err(self.wrong("the expression has more than 200 values"));
        }
        let Some(first) = self.rest().chars().next() else { return Err(self.wrong("a value is missing")) };
        match first {
            '(' => {
                self.at += 1;
                let found = self.either()?;
                if !self.takes(")") {
                    return Err(self.wrong("`)` is missing"));
                }
                Ok(found)
            }
            '\'' | '"' => Ok(Expression::Value(Value::text(self.quoted(first)?))),
            '`' => Ok(Expression::Field(self.quoted(first)?.into())),
            '0'..='9' => self.number(),
            first if first.is_alphabetic() || matches!(first, '_' | '@' | '#') => self.word(),
            _ => Err(self.wrong("a value is missing")),
        }
    }

    /// What stands between two marks; the mark itself is written twice.
    fn quoted(&mut self, mark: char) -> Result<String, String> {
        let start = self.at;
        self.at += 1;
        let mut found = String::new();
        loop {
            let Some(end) = self.rest().find(mark) else {
                self.at = start;
                return Err(self.wrong("what opens here is never closed"));
            };
            found += &self.rest()[..end];
            self.at += end + 1;
            if !self.rest().starts_with(mark) {
                return Ok(found);
            }
            found.push(mark);
            self.at += 1;
        }
    }

    fn number(&mut self) -> Result<Expression, String> {
        let rest = self.rest();
        let mut size = rest.find(|one: char| !one.is_ascii_digit() && one != '.').unwrap_or(rest.len());
        if rest[size..].starts_with(['e', 'E']) {
            let sign = usize::from(rest[size + 1..].starts_with(['+', '-']));
            let digits = &rest[size + 1 + sign..];
            size += 1 + sign + digits.find(|one: char| !one.is_ascii_digit()).unwrap_or(digits.len());
        }
        let Some(value) = Value::number(&rest[..size]) else { return Err(self.wrong("this is no number")) };
        if rest[size..].starts_with(is_of_a_word) {
            return Err(self.wrong("this is no number; a field's name that begins with a digit stands in `backticks`"));
        }
        self.at += size;
        Ok(Expression::Value(value))
    }

    fn word(&mut self) -> Result<Expression, String> {
        let rest = self.rest();
        let word = &rest[..rest.find(|one| !is_of_a_word(one)).unwrap_or(rest.len())];
        let found = match word {
            "true" | "false" => Expression::Value(Value::Bool(word == "true")),
            "null" => Expression::Value(Value::Null),
            "and" | "or" | "not" => return Err(self.wrong("a value is missing")),
            _ => Expression::Field(word.into()),
        };
        let (start, word) = (self.at, word.to_string());
        self.at += word.len();
        if !self.takes("(") {
            return Ok(found);
        }
        let Some(function) = FUNCTIONS.iter().find(|function| function.name == word) else {
            self.at = start;
            let names: Vec<&str> = FUNCTIONS.iter().map(|function| function.name).collect();
            return Err(self.wrong(&format!("there is no function `{word}` ({})", names.join(", "))));
        };
        let mut arguments = Vec::new();
        while !self.takes(")") {
            if !arguments.is_empty() && !self.takes(",") {
                return Err(self.wrong("`,` or `)` is missing"));
            }
            arguments.push(self.either()?);
        }
        if arguments.len() < function.least || arguments.len() > function.most {
            self.at = start;
            return Err(self.wrong(&format!("`{word}` does not take {} values", arguments.len())));
        }
        Ok(Expression::Function(function, arguments))
    }
}

fn is_of_a_word(one: char) -> bool {
    one.is_alphanumeric() || matches!(one, '_' | '.' | '@' | '#')
}

// --- Running ---

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

fn truth(value: &Value) -> Result<Option<bool>, String> {
    match value {
        Value::Bool(value) => Ok(Some(*value)),
        Value::Null => Ok(None),
        other => Err(format!("true or false is needed, not {} {}", article(other), shown(other))),
    }
}

fn article(value: &Value) -> String {
    let kind = value.kind();
    format!("{} {kind}", if kind.starts_with(['i', 'o']) { "an" } else { "a" })
}

fn shown(value: &Value) -> String {
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

fn finite(number: f64) -> Option<Value> {
    number.is_finite().then_some(Value::Number(number))
}

// --- Functions ---

macro_rules! functions {
    ($($name:literal $least:literal..=$most:expr, $run:expr;)*) => {
        static FUNCTIONS: &[Function] = &[$(Function { name: $name, least: $least, most: $most, run: $run }),*];
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Place;

    fn value_of(text: &str) -> Result<Value, String> {
        let fields = vec![("a".into(), Value::Int(3)), ("b".into(), Value::text("x"))];
        Expression::parse(text)?.run(&Record { fields, place: Place::START })
    }

    #[test]
    fn operators_bind_as_they_should() {
        assert_eq!(value_of("a + 2 * a - 1"), Ok(Value::Int(8)));
        assert_eq!(value_of("not a > 3 and b == 'x' or false"), Ok(Value::Bool(true)));
        assert_eq!(value_of("-a % 2"), Ok(Value::Int(-1)));
        assert_eq!(value_of("a / 2"), Ok(Value::Number(1.5)));
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(value_of("a +").unwrap_err().contains("at character 4"));
        assert!(value_of("a + b").unwrap_err().contains("needs numbers"));
        assert!(value_of(&"(".repeat(1000)).unwrap_err().contains("64 levels"));
    }
}
