//! What a plugin's function answers when it cannot do what was asked.

use crate::abi::{RawError, Status, FAILED};
use std::fmt;

/// The statuses that a plugin may answer, from the ABI's one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ErrorKind {
    /// It went wrong; the text says why.
    Failed = 1,
    /// The input is not acceptable.
    InvalidInput = 2,
    /// A parameter is not acceptable.
    InvalidParameter = 3,
    /// The configuration is not acceptable.
    InvalidConfig = 4,
    /// There is no such capability.
    UnknownCapability = 5,
    /// The plugin cannot do this.
    Unsupported = 6,
    /// Memory ran out.
    OutOfMemory = 7,
    /// A permission is missing.
    PermissionDenied = 8,
    /// The caller gave up.
    Cancelled = 9,
    /// The deadline passed.
    TimedOut = 10,
    /// A limit that the host sets was reached, as its services say. A plugin that answers it has failed.
    LimitExceeded = 32,
}

impl ErrorKind {
    /// What the plugin answers.
    pub(crate) fn status(self) -> Status {
        match self {
            ErrorKind::LimitExceeded => FAILED,
            other => other as Status,
        }
    }
}

/// A failure: a kind and a text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    text: String,
}

impl Error {
    /// A failure of any kind.
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Error {
        Error { kind, text: text.into() }
    }
    /// It went wrong.
    pub fn failed(text: impl Into<String>) -> Error {
        Error::new(ErrorKind::Failed, text)
    }
    /// The input is not acceptable.
    pub fn invalid_input(text: impl Into<String>) -> Error {
        Error::new(ErrorKind::InvalidInput, text)
    }
    /// A parameter is not acceptable.
    pub fn invalid_parameter(text: impl Into<String>) -> Error {
        Error::new(ErrorKind::InvalidParameter, text)
    }
    /// The configuration is not acceptable.
    pub fn invalid_config(text: impl Into<String>) -> Error {
        Error::new(ErrorKind::InvalidConfig, text)
    }
    /// The plugin cannot do this.
    pub fn unsupported(text: impl Into<String>) -> Error {
        Error::new(ErrorKind::Unsupported, text)
    }
    pub(crate) fn out_of_memory() -> Error {
        Error::new(ErrorKind::OutOfMemory, "out of memory")
    }
    /// Which kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
    /// The text for people.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

// `Error` is no `std::error::Error` itself, so that this conversion, which makes `?` work on every error, can exist.
impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Error {
        Error::failed(error.to_string())
    }
}

/// Writes `text` where the host wants it, cut at its capacity and never inside a character.
///
/// # Safety
/// `error` is null or a valid error struct of the ABI.
pub(crate) unsafe fn report(error: *mut RawError, status: Status, text: &str) -> Status {
    // Not the size of the whole: a host of another version has more or less behind it.
    let least = std::mem::offset_of!(RawError, text) + std::mem::size_of::<*mut u8>();
    let complete = !error.is_null() && (*error).struct_size as usize >= least;
    if complete && !(*error).text.is_null() {
        let mut size = text.len().min((*error).text_capacity as usize);
        while !text.is_char_boundary(size) {
            size -= 1;
        }
        std::ptr::copy_nonoverlapping(text.as_ptr(), (*error).text.cast::<u8>(), size);
        (*error).text_size = size as u32;
    }
    status
}

/// The barrier: runs `body`, and turns an error or a panic into a status with its text.
///
/// # Safety
/// `error` is null or a valid error struct of the ABI.
pub(crate) unsafe fn guard(error: *mut RawError, body: impl FnOnce() -> Result<(), Error>) -> Status {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)) {
        Ok(Ok(())) => crate::abi::OK,
        Ok(Err(failure)) => report(error, failure.kind.status(), &failure.text),
        Err(panic) => {
            let text = panic_text(panic.as_ref());
            // Dropping the payload runs code of the author; a panic in there must not get out either.
            if let Err(second) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(panic))) {
                std::mem::forget(second);
            }
            report(error, FAILED, &text)
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the plugin panicked: {}", text.unwrap_or("(no text)"))
}
