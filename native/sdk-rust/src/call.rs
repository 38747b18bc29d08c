//! One call, as the author's function sees it.

use crate::abi::{RawParam, RawProgressHost, RawRequest, RawStreamHost, STREAM_CONTINUE, STREAM_ERROR};
use crate::error::{Error, ErrorKind};
use crate::host::Host;
use crate::param::{given, text_of, Param, Value};
use crate::value::{Input, IntoOutput};
use std::ffi::CString;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, Ordering};

/// Parameters, cancelling, progress. Valid during the call.
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

    fn find(&self, name: &str) -> (&'a Param, Option<&'a RawParam>) {
        let declared = self.params.iter().find(|param| param.name == name);
        let param = declared.unwrap_or_else(|| panic!("the parameter `{name}` was not declared"));
        let found = unsafe { given(self.request) }.find(|(key, _)| *key == name);
        (param, found.map(|(_, value)| value))
    }

    /// A declared text, or its default. Panics when no text of that name was declared, as the ones below do.
    pub fn text(&self, name: &str) -> &'a str {
        match self.find(name) {
            (Param { otherwise: Value::Text(_), .. }, Some(value)) => unsafe { text_of(value) }.unwrap_or(""),
            (Param { otherwise: Value::Text(text), .. }, None) => text,
            _ => panic!("the parameter `{name}` was declared with another type"),
        }
    }
    /// A declared truth value, or its default.
    pub fn boolean(&self, name: &str) -> bool {
        match self.find(name) {
            (Param { otherwise: Value::Bool(_), .. }, Some(value)) => value.integer != 0,
            (Param { otherwise: Value::Bool(value), .. }, None) => *value,
            _ => panic!("the parameter `{name}` was declared with another type"),
        }
    }
    /// A declared integer, or its default.
    pub fn integer(&self, name: &str) -> i64 {
        match self.find(name) {
            (Param { otherwise: Value::Integer(_), .. }, Some(value)) => value.integer,
            (Param { otherwise: Value::Integer(value), .. }, None) => *value,
            _ => panic!("the parameter `{name}` was declared with another type"),
        }
    }
    /// A declared number, or its default.
    pub fn number(&self, name: &str) -> f64 {
        match self.find(name) {
            (Param { otherwise: Value::Number(_), .. }, Some(value)) => {
                if value.param_type == crate::abi::PARAM_INT {
                    value.integer as f64
                } else {
                    value.number
                }
            }
            (Param { otherwise: Value::Number(value), .. }, None) => *value,
            _ => panic!("the parameter `{name}` was declared with another type"),
        }
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

/// The output of a streaming capability, part by part.
pub struct Sender<'a, R> {
    host: Host,
    request: &'a RawRequest,
    service: &'a RawStreamHost,
    part: PhantomData<R>,
}

impl<'a, R: IntoOutput> Sender<'a, R> {
    pub(crate) fn new(call: &Call<'a>) -> Result<Sender<'a, R>, Error> {
        let service = call.host.extension("lao.stream/1").cast::<RawStreamHost>();
        match unsafe { service.as_ref() } {
            Some(service) => Ok(Sender { host: call.host, request: call.request, service, part: PhantomData }),
            None => Err(Error::unsupported("this host does not stream")),
        }
    }

    /// Hands out one part, and waits while the consumer is behind. `false`: nobody wants more, return soon.
    pub fn send(&mut self, part: R) -> Result<bool, Error> {
        let mut output = part.into_output(self.host)?;
        let answer = unsafe { (self.service.push)(self.request.call, output.raw_mut(), 0) };
        if answer == STREAM_ERROR {
            return Err(Error::unsupported("this capability answers in parts: call it as a stream"));
        }
        output.raw_mut().release = None; // with CONTINUE and STOP it is the host's
        Ok(answer == STREAM_CONTINUE)
    }
}
