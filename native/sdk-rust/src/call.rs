//! One call, as the author's function sees it.

use crate::abi::{RawParam, RawProgressHost, RawRequest, PARAM_INT, PARAM_JSON};
use crate::error::{Error, ErrorKind};
use crate::host::Host;
use crate::json::JsonValue;
use crate::param::{bytes_of, given, plain_of, text_of, Param, Shape, Value};
use crate::value::Input;
use std::ffi::CString;
use std::sync::atomic::{AtomicU32, Ordering};

/// Parameters, cancelling, progress. Valid during the call.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    host: Host,
    request: &'a RawRequest,
    params: &'a [Param],
}

impl<'a> Call<'a> {
    pub(crate) fn new(host: Host, request: &'a RawRequest, params: &'a [Param]) -> Call<'a> {
        Call { host, request, params }
    }

    /// The host.
    pub fn host(&self) -> Host {
        self.host
    }

    /// The input of a capability that declares `kind`; none only when it declares that it takes none.
    pub(crate) fn input(&self, kind: u32) -> Result<Option<Input<'a>>, Error> {
        match self.request.input_count {
            0 => Ok(None),
            1 if kind != crate::value::kind::NONE => unsafe { Ok(Some(Input::new(&**self.request.inputs))) },
            _ => Err(Error::invalid_input(if kind == 0 {
                "this capability takes no input"
            } else {
                "this capability takes one input"
            })),
        }
    }

    /// The input of that number, if so many came whole.
    pub(crate) fn given_input(&self, index: usize) -> Option<Input<'a>> {
        (index < self.request.input_count as usize).then(|| unsafe { Input::new(&**self.request.inputs.add(index)) })
    }

    fn find(&self, name: &str, fits: impl Fn(&Shape) -> bool) -> (&'a Param, Option<&'a RawParam>) {
        let declared = self.params.iter().find(|param| param.name == name);
        let param = declared.unwrap_or_else(|| panic!("the parameter `{name}` was not declared"));
        assert!(fits(&param.shape), "the parameter `{name}` was declared with another type");
        let found = unsafe { given(self.request) }.find(|(key, _)| *key == name);
        (param, found.map(|(_, value)| value))
    }

    /// Whether a declared parameter was given.
    pub fn has(&self, name: &str) -> bool {
        self.find(name, |_| true).1.is_some()
    }
    /// A declared text, or its default. A parameter that was left out and has no default is empty, false or zero. Panics
    /// when no text of that name was declared, as the ones below do.
    pub fn text(&self, name: &str) -> &'a str {
        match self.find(name, |shape| matches!(shape, Shape::Text)) {
            (_, Some(value)) => unsafe { text_of(value) }.unwrap_or(""),
            (Param { otherwise: Some(Value::Text(text)), .. }, None) => text,
            _ => "",
        }
    }
    /// A declared truth value, or its default.
    pub fn boolean(&self, name: &str) -> bool {
        match self.find(name, |shape| matches!(shape, Shape::Bool)) {
            (_, Some(value)) => value.integer != 0,
            (param, None) => matches!(param.otherwise, Some(Value::Bool(true))),
        }
    }
    /// A declared integer, or its default.
    pub fn integer(&self, name: &str) -> i64 {
        match self.find(name, |shape| matches!(shape, Shape::Integer)) {
            (_, Some(value)) => value.integer,
            (Param { otherwise: Some(Value::Integer(value)), .. }, None) => *value,
            _ => 0,
        }
    }
    /// A declared number, or its default.
    pub fn number(&self, name: &str) -> f64 {
        match self.find(name, |shape| matches!(shape, Shape::Number)) {
            (_, Some(value)) if value.param_type == PARAM_INT => value.integer as f64,
            (_, Some(value)) => value.number,
            (Param { otherwise: Some(Value::Number(value)), .. }, None) => *value,
            _ => 0.0,
        }
    }
    /// Declared bytes; empty when they were left out.
    pub fn bytes(&self, name: &str) -> &'a [u8] {
        self.find(name, |shape| matches!(shape, Shape::Bytes)).1.map_or(&[], |value| unsafe { bytes_of(value) })
    }
    /// A declared list or object, parsed; an empty list where a list was left out, null where an object was.
    pub fn json(&self, name: &str) -> Result<JsonValue, Error> {
        match self.find(name, Shape::is_json) {
            (_, Some(value)) if value.param_type == PARAM_JSON => JsonValue::parse(unsafe { text_of(value) }?),
            (_, Some(value)) => Ok(unsafe { plain_of(value) }?),
            (Param { shape: Shape::List(_), .. }, None) => Ok(JsonValue::List(Vec::new())),
            _ => Ok(JsonValue::Null),
        }
    }
    /// On the clock of `Host::now_ns`; `i64::MAX` = none.
    pub fn deadline_ns(&self) -> i64 {
        self.request.deadline_ns
    }

    /// True once the caller has given up.
    pub fn cancelled(&self) -> bool {
        // The host writes this word while the call runs.
        let word = unsafe { &*self.request.cancel.cast::<AtomicU32>() };
        word.load(Ordering::Acquire) != 0
    }

    /// For long loops: an error once there is no point in going on.
    pub fn check_cancelled(&self) -> Result<(), Error> {
        if self.cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, "the call was cancelled"));
        }
        if self.host.now_ns() > self.request.deadline_ns {
            return Err(Error::new(ErrorKind::TimedOut, "the deadline passed"));
        }
        Ok(())
    }

    pub(crate) fn request(&self) -> &'a RawRequest {
        self.request
    }
    pub(crate) fn raw_call(&self) -> *mut crate::abi::Opaque {
        self.request.call
    }

    /// `fraction` in 0..1, negative when unknown. Nothing happens when nobody listens.
    pub fn progress(&self, fraction: f64, text: &str) {
        let service = self.host.extension("lao.progress/1").cast::<RawProgressHost>();
        if let (false, Ok(text)) = (service.is_null(), CString::new(text)) {
            unsafe { ((*service).report)(self.request.call, fraction, text.as_ptr()) }
        }
    }
}
