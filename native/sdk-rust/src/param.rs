//! What parameters, settings, JSON inputs and outputs, and the data of events consist of: declared once, and checked
//! before the author's function runs.

use crate::abi::{RawParam, RawRequest, PARAM_BOOL, PARAM_BYTES, PARAM_DOUBLE, PARAM_INT, PARAM_JSON, PARAM_TEXT};
use crate::error::Error;
use crate::json::{quote, JsonObject, JsonValue};
use std::ffi::CStr;

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Bool(bool),
    Integer(i64),
    Number(f64),
    Text(String),
}

#[derive(Clone, Debug)]
pub(crate) enum Shape {
    Text,
    Bool,
    Integer,
    Number,
    Bytes,
    List(Box<Param>),
    Object(Vec<Param>),
    Anything,
}

impl Shape {
    pub(crate) fn is_json(&self) -> bool {
        matches!(self, Shape::List(_) | Shape::Object(_) | Shape::Anything)
    }
}

/// One declared parameter, setting or other field. Those of [`Param`] have a default and may be left out, those of
/// [`Field`] have none and must be there.
#[derive(Clone, Debug)]
pub struct Param {
    pub(crate) name: String,
    pub(crate) shape: Shape,
    pub(crate) otherwise: Option<Value>,
    help: String,
    choices: Vec<String>,
    range: (f64, f64), // of a number; of a text its characters, of a list its items
    format: String,
    is_secret: bool,
    required: bool,
}

const UNBOUNDED: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

impl Param {
    fn new(name: &str, shape: Shape, otherwise: Option<Value>, required: bool) -> Param {
        Param {
            name: name.into(),
            shape,
            otherwise,
            help: String::new(),
            choices: Vec::new(),
            range: UNBOUNDED,
            format: String::new(),
            is_secret: false,
            required,
        }
    }
    /// A text.
    pub fn text(name: &str, otherwise: &str) -> Param {
        Param::new(name, Shape::Text, Some(Value::Text(otherwise.into())), false)
    }
    /// A truth value.
    pub fn boolean(name: &str, otherwise: bool) -> Param {
        Param::new(name, Shape::Bool, Some(Value::Bool(otherwise)), false)
    }
    /// An integer.
    pub fn integer(name: &str, otherwise: i64) -> Param {
        Param::new(name, Shape::Integer, Some(Value::Integer(otherwise)), false)
    }
    /// A number; an integer is one too.
    pub fn number(name: &str, otherwise: f64) -> Param {
        Param::new(name, Shape::Number, Some(Value::Number(otherwise)), false)
    }
    /// A list, empty when it is left out; the name of `item`, a field, does not matter.
    pub fn list(name: &str, item: Param) -> Param {
        Param::new(name, Shape::List(Box::new(item)), None, false)
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
        self.range = (lowest.into(), highest.into());
        self
    }
    /// The least number that is allowed.
    pub fn at_least(mut self, lowest: impl Into<f64>) -> Param {
        self.range.0 = lowest.into();
        self
    }
    /// The greatest number that is allowed.
    pub fn at_most(mut self, highest: impl Into<f64>) -> Param {
        self.range.1 = highest.into();
        self
    }
    /// The least and the greatest length, of a text in characters, of a list in items.
    pub fn sized(self, least: u32, most: Option<u32>) -> Param {
        self.range(least, most.map_or(f64::INFINITY, f64::from))
    }
    /// What a text stands for, such as `path` or `uri`.
    pub fn format(mut self, format: &str) -> Param {
        self.format = format.into();
        self
    }
    /// A password or key: it is shown nowhere.
    pub fn secret(mut self) -> Param {
        self.is_secret = true;
        self
    }
    /// A field that may be left out, with nothing in its place.
    pub fn optional(mut self) -> Param {
        self.required = false;
        self
    }

    pub(crate) fn is_required(&self) -> bool {
        self.required
    }

    /// What stands in where it was left out.
    pub(crate) fn fallback(&self) -> JsonValue {
        match (&self.otherwise, &self.shape) {
            (Some(Value::Bool(value)), _) => JsonValue::Bool(*value),
            (Some(Value::Integer(value)), _) => JsonValue::Integer(*value),
            (Some(Value::Number(value)), _) => JsonValue::Number(*value),
            (Some(Value::Text(value)), _) => JsonValue::Text(value.clone()),
            (None, Shape::Bool) => JsonValue::Bool(false),
            (None, Shape::Integer) => JsonValue::Integer(0),
            (None, Shape::Number) => JsonValue::Number(0.0),
            (None, Shape::Text) => JsonValue::Text(String::new()),
            (None, Shape::List(_)) => JsonValue::List(Vec::new()),
            (None, _) => JsonValue::Null,
        }
    }

    fn bounds(&self) -> Option<(&'static str, &'static str)> {
        match self.shape {
            Shape::Integer | Shape::Number => Some(("minimum", "maximum")),
            Shape::Text => Some(("minLength", "maxLength")),
            Shape::List(_) => Some(("minItems", "maxItems")),
            _ => None,
        }
    }

    fn schema(&self) -> JsonObject {
        let mut schema = JsonObject::new();
        schema = match &self.shape {
            Shape::Text => schema.text("type", "string"),
            Shape::Bool => schema.text("type", "boolean"),
            Shape::Integer => schema.text("type", "integer"),
            Shape::Number => schema.text("type", "number"),
            Shape::Bytes => schema.text("type", "string").text("contentEncoding", "base64"),
            Shape::List(item) => schema.text("type", "array").raw("items", &item.schema().finish().0),
            Shape::Object(_) => schema.text("type", "object"),
            Shape::Anything => schema,
        };
        if !self.choices.is_empty() {
            let list: Vec<String> = self.choices.iter().map(|choice| quote(choice)).collect();
            schema = schema.raw("enum", &format!("[{}]", list.join(",")));
        }
        schema = match (&self.otherwise, &self.shape) {
            (Some(Value::Bool(value)), _) => schema.boolean("default", *value),
            (Some(Value::Integer(value)), _) => schema.integer("default", *value),
            (Some(Value::Number(value)), _) => schema.number("default", *value),
            (Some(Value::Text(value)), _) => schema.text("default", value),
            (None, Shape::List(_)) if !self.required => schema.raw("default", "[]"),
            (None, _) => schema,
        };
        if let Some((least, most)) = self.bounds() {
            for (key, bound) in [(least, self.range.0), (most, self.range.1)] {
                if bound.is_finite() {
                    schema = schema.raw(key, &number(bound));
                }
            }
        }
        if !self.format.is_empty() {
            schema = schema.text("format", &self.format);
        }
        if self.is_secret {
            schema = schema.boolean("writeOnly", true);
        }
        if !self.help.is_empty() {
            schema = schema.text("description", &self.help);
        }
        match &self.shape {
            Shape::Object(members) if !members.is_empty() => with_members(schema, members),
            _ => schema,
        }
    }

    fn range_text(&self) -> String {
        match self.range {
            (lowest, f64::INFINITY) => format!("at least {}", number(lowest)),
            (f64::NEG_INFINITY, highest) => format!("at most {}", number(highest)),
            (lowest, highest) => format!("between {} and {}", number(lowest), number(highest)),
        }
    }

    fn holds(&self, value: f64) -> bool {
        value >= self.range.0 && value <= self.range.1
    }

    /// What a value must be and is not. Inside lists and objects only the host looks, by the schema.
    pub(crate) fn wrong(&self, value: &JsonValue) -> Option<String> {
        match (&self.shape, value) {
            (Shape::Bool, JsonValue::Bool(_)) | (Shape::Anything, _) => None,
            (Shape::Integer, JsonValue::Integer(value)) | (Shape::Number, JsonValue::Integer(value)) => {
                (!self.holds(*value as f64)).then(|| self.range_text())
            }
            (Shape::Number, JsonValue::Number(value)) => (!self.holds(*value)).then(|| self.range_text()),
            (Shape::Text, JsonValue::Text(text)) => self.wrong_text(text),
            (Shape::List(_), JsonValue::List(_)) | (Shape::Object(_), JsonValue::Object(_)) => None,
            (Shape::Bool, _) => Some("true or false".into()),
            (Shape::Integer, _) => Some("an integer".into()),
            (Shape::Number, _) => Some("a number".into()),
            (Shape::Text, _) => Some("a text".into()),
            (Shape::Bytes, _) => Some("bytes".into()),
            (Shape::List(_), _) => Some("a list".into()),
            (Shape::Object(_), _) => Some("an object".into()),
        }
    }

    fn wrong_text(&self, text: &str) -> Option<String> {
        if self.range != UNBOUNDED && !self.holds(text.chars().count() as f64) {
            return Some(format!("{} characters long", self.range_text()));
        }
        let known = self.choices.is_empty() || self.choices.iter().any(|choice| choice == text);
        (!known).then(|| format!("one of {}; not `{text}`", self.choices.join(", ")))
    }

    /// # Safety
    /// `given` is a valid parameter of the ABI.
    unsafe fn check(&self, given: &RawParam) -> Result<(), Error> {
        let begins = |wanted: u8| given.param_type == PARAM_JSON && bytes_of(given).first() == Some(&wanted);
        let wrong = match &self.shape {
            Shape::Bytes => (given.param_type != PARAM_BYTES).then(|| "bytes".into()),
            Shape::List(_) => (!begins(b'[')).then(|| "a list".into()),
            Shape::Object(_) => (!begins(b'{')).then(|| "an object".into()),
            Shape::Anything => None,
            _ => self.wrong(&plain_of(given)?),
        };
        match wrong {
            Some(wanted) => Err(Error::invalid_parameter(format!("parameter `{}` must be {wanted}", self.name))),
            None => Ok(()),
        }
    }
}

/// Fields without a default, which must be there.
pub struct Field;

impl Field {
    /// A text.
    pub fn text(name: &str) -> Param {
        Param::new(name, Shape::Text, None, true)
    }
    /// A truth value.
    pub fn boolean(name: &str) -> Param {
        Param::new(name, Shape::Bool, None, true)
    }
    /// An integer.
    pub fn integer(name: &str) -> Param {
        Param::new(name, Shape::Integer, None, true)
    }
    /// A number.
    pub fn number(name: &str) -> Param {
        Param::new(name, Shape::Number, None, true)
    }
    /// Bytes.
    pub fn bytes(name: &str) -> Param {
        Param::new(name, Shape::Bytes, None, true)
    }
    /// A list; the name of `item` does not matter.
    pub fn list(name: &str, item: Param) -> Param {
        Param::new(name, Shape::List(Box::new(item)), None, true)
    }
    /// An object; with no members, one of any members.
    pub fn object(name: &str, members: Vec<Param>) -> Param {
        Param::new(name, Shape::Object(members), None, true)
    }
    /// Whatever JSON can say.
    pub fn json(name: &str) -> Param {
        Param::new(name, Shape::Anything, None, true)
    }
}

fn with_members(schema: JsonObject, members: &[Param]) -> JsonObject {
    let properties =
        members.iter().fold(JsonObject::new(), |object, member| object.raw(&member.name, &member.schema().finish().0));
    let required: Vec<String> =
        members.iter().filter(|member| member.required).map(|member| quote(&member.name)).collect();
    let schema = schema.raw("properties", &properties.finish().0);
    if required.is_empty() {
        return schema;
    }
    schema.raw("required", &format!("[{}]", required.join(",")))
}

/// 3.0 as `3`, as the C++ SDK writes it.
fn number(value: f64) -> String {
    format!("{value}")
}

/// The JSON Schema of an object of these fields; `open`: it may have others too.
pub(crate) fn schema(fields: &[Param], open: bool) -> String {
    let schema = with_members(JsonObject::new().text("type", "object"), fields);
    let schema = if open { schema } else { schema.boolean("additionalProperties", false) };
    schema.finish().0
}

/// # Safety
/// `param` is a valid parameter of the ABI.
pub(crate) unsafe fn bytes_of<'a>(param: &RawParam) -> &'a [u8] {
    if param.size == 0 {
        return &[];
    }
    std::slice::from_raw_parts(param.data.cast::<u8>(), param.size as usize)
}

/// # Safety
/// `param` is a valid parameter of type text or JSON.
pub(crate) unsafe fn text_of<'a>(param: &RawParam) -> Result<&'a str, Error> {
    std::str::from_utf8(bytes_of(param)).map_err(|_| Error::invalid_parameter("a parameter is not UTF-8"))
}

/// What a parameter is that is neither a list nor an object; null for those and for bytes.
///
/// # Safety
/// `param` is a valid parameter of the ABI.
pub(crate) unsafe fn plain_of(param: &RawParam) -> Result<JsonValue, Error> {
    Ok(match param.param_type {
        PARAM_BOOL => JsonValue::Bool(param.integer != 0),
        PARAM_INT => JsonValue::Integer(param.integer),
        PARAM_DOUBLE => JsonValue::Number(param.number),
        PARAM_TEXT => JsonValue::Text(text_of(param)?.into()),
        _ => JsonValue::Null,
    })
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

/// Every given parameter must be declared, and be of its type and range; what has no default must be given.
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
    for param in declared.iter().filter(|param| param.required) {
        if !given(request).any(|(name, _)| name == param.name) {
            return Err(Error::invalid_parameter(format!("the parameter `{}` is missing", param.name)));
        }
    }
    Ok(())
}
