//! Parameters of a capability: declared once, checked before the author's function runs.

use crate::abi::{RawParam, RawRequest, PARAM_BOOL, PARAM_DOUBLE, PARAM_INT, PARAM_TEXT};
use crate::error::Error;
use crate::json::{quote, JsonObject};
use std::ffi::CStr;

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Bool(bool),
    Integer(i64),
    Number(f64),
    Text(String),
}

/// One declared parameter with its default.
#[derive(Clone, Debug)]
pub struct Param {
    pub(crate) name: String,
    pub(crate) otherwise: Value,
    help: String,
    choices: Vec<String>,
    range: Option<(f64, f64)>,
}

impl Param {
    fn new(name: &str, otherwise: Value) -> Param {
        Param { name: name.into(), otherwise, help: String::new(), choices: Vec::new(), range: None }
    }
    /// A text.
    pub fn text(name: &str, otherwise: &str) -> Param {
        Param::new(name, Value::Text(otherwise.into()))
    }
    /// A truth value.
    pub fn boolean(name: &str, otherwise: bool) -> Param {
        Param::new(name, Value::Bool(otherwise))
    }
    /// An integer.
    pub fn integer(name: &str, otherwise: i64) -> Param {
        Param::new(name, Value::Integer(otherwise))
    }
    /// A number; an integer is one too.
    pub fn number(name: &str, otherwise: f64) -> Param {
        Param::new(name, Value::Number(otherwise))
    }
    /// A line for people.
    pub fn help(mut self, text: &str) -> Param {
        self.help = text.into();
        self
    }
    /// The texts that are allowed.
    pub fn one_of(mut self, choices: &[&str]) -> Param {
        self.choices = choices.iter().map(|choice| (*choice).into()).collect();
        self
    }
    /// The numbers that are allowed; both bounds belong to them.
    pub fn range(mut self, lowest: impl Into<f64>, highest: impl Into<f64>) -> Param {
        self.range = Some((lowest.into(), highest.into()));
        self
    }

    fn schema(&self) -> String {
        let mut schema = match &self.otherwise {
            Value::Bool(value) => JsonObject::new().text("type", "boolean").boolean("default", *value),
            Value::Integer(value) => JsonObject::new().text("type", "integer").integer("default", *value),
            Value::Number(value) => JsonObject::new().text("type", "number").number("default", *value),
            Value::Text(value) => JsonObject::new().text("type", "string").text("default", value),
        };
        if !self.choices.is_empty() {
            let list: Vec<String> = self.choices.iter().map(|choice| quote(choice)).collect();
            schema = schema.raw("enum", &format!("[{}]", list.join(",")));
        }
        if let Some((lowest, highest)) = self.range {
            schema = schema.raw("minimum", &number(lowest)).raw("maximum", &number(highest));
        }
        if !self.help.is_empty() {
            schema = schema.text("description", &self.help);
        }
        schema.finish().0
    }

    fn refuse(&self, wanted: &str) -> Error {
        Error::invalid_parameter(format!("parameter `{}` must be {wanted}", self.name))
    }

    /// # Safety
    /// `given` is a valid parameter of the ABI.
    unsafe fn check(&self, given: &RawParam) -> Result<(), Error> {
        let (fits, wanted) = match &self.otherwise {
            Value::Bool(_) => (given.param_type == PARAM_BOOL, "true or false"),
            Value::Integer(_) => (given.param_type == PARAM_INT, "an integer"),
            Value::Number(_) => (matches!(given.param_type, PARAM_INT | PARAM_DOUBLE), "a number"),
            Value::Text(_) => (given.param_type == PARAM_TEXT, "a text"),
        };
        if !fits {
            return Err(self.refuse(wanted));
        }
        if !self.choices.is_empty() {
            let text = text_of(given)?;
            if !self.choices.iter().any(|choice| choice == text) {
                return Err(self.refuse(&format!("one of {}; not `{text}`", self.choices.join(", "))));
            }
        }
        if let Some((lowest, highest)) = self.range {
            let value = if given.param_type == PARAM_INT { given.integer as f64 } else { given.number };
            if !(value >= lowest && value <= highest) {
                return Err(self.refuse(&format!("between {} and {}", number(lowest), number(highest))));
            }
        }
        Ok(())
    }
}

/// 3.0 as `3`, as the C++ SDK writes it.
fn number(value: f64) -> String {
    format!("{value}")
}

/// The JSON Schema of a capability's parameters.
pub(crate) fn schema(params: &[Param]) -> String {
    let properties = params.iter().fold(JsonObject::new(), |object, param| object.raw(&param.name, &param.schema()));
    JsonObject::new()
        .text("type", "object")
        .raw("properties", &properties.finish().0)
        .boolean("additionalProperties", false)
        .finish()
        .0
}

/// # Safety
/// `param` is a valid parameter of type text.
pub(crate) unsafe fn text_of<'a>(param: &RawParam) -> Result<&'a str, Error> {
    if param.size == 0 {
        return Ok("");
    }
    let bytes = std::slice::from_raw_parts(param.data.cast::<u8>(), param.size as usize);
    std::str::from_utf8(bytes).map_err(|_| Error::invalid_parameter("a parameter is not UTF-8"))
}

/// The given parameters, by name.
///
/// # Safety
/// `request` is a valid request of the ABI.
pub(crate) unsafe fn given(request: &RawRequest) -> impl Iterator<Item = (&str, &RawParam)> {
    (0..request.param_count as usize).map(|index| {
        let param = &**request.params.add(index);
        (CStr::from_ptr(param.name).to_str().unwrap_or(""), param)
    })
}

/// Every given parameter must be declared, and be of its type and range.
///
/// # Safety
/// `request` is a valid request of the ABI.
pub(crate) unsafe fn check(declared: &[Param], request: &RawRequest) -> Result<(), Error> {
    for (name, value) in given(request) {
        match declared.iter().find(|param| param.name == name) {
            Some(param) => param.check(value)?,
            None => return Err(Error::invalid_parameter(format!("there is no parameter `{name}`"))),
        }
    }
    Ok(())
}
