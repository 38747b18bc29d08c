//! The small language of `filter`, `derive` and `aggregate`: fields, numbers, texts, arithmetic, comparisons, functions.
//!
//! ```text
//! or      = and { "or" and }          and  = not { "and" not }        not = [ "not" ] compare
//! compare = sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=") sum ]
//! sum     = product { ("+" | "-") product }                product = sign { ("*" | "/" | "%") sign }
//! sign    = [ "-" ] value
//! value   = number | 'text' | "text" | true | false | null | field | `field` | name "(" [ or { "," or } ] ")" | "(" or ")"
//! ```

use crate::functions::{Function, FUNCTIONS};
use crate::record::Value;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Place;
    use crate::record::Record;

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
