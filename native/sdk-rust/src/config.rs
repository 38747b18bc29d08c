//! The settings and directories of an instance.

use crate::abi::RawConfig;
use crate::error::Error;
use crate::host::Host;
use crate::json::JsonValue;
use std::ffi::{c_char, CStr};
use std::path::PathBuf;

/// What an instance is made with. A setting of another type than the one asked for is an error; one that is not there
/// gives the default.
pub struct Config {
    host: Host,
    settings: JsonValue,
    resource_dir: Option<PathBuf>,
    data_dir: Option<PathBuf>,
}

impl Config {
    /// # Safety
    /// `raw` is a valid configuration of the ABI.
    pub(crate) unsafe fn new(host: Host, raw: &RawConfig) -> Result<Config, Error> {
        let bytes = std::slice::from_raw_parts(raw.json.cast::<u8>(), raw.json_size as usize);
        let settings = std::str::from_utf8(bytes).ok().and_then(|text| JsonValue::parse(text).ok());
        match settings {
            Some(settings @ JsonValue::Object(_)) => {
                Ok(Config { host, settings, resource_dir: path(raw.resource_dir), data_dir: path(raw.data_dir) })
            }
            _ => Err(Error::invalid_config("the configuration is not a JSON object")),
        }
    }

    /// The host.
    pub fn host(&self) -> Host {
        self.host
    }
    /// All settings.
    pub fn settings(&self) -> &JsonValue {
        &self.settings
    }
    /// The plugin's package, read-only.
    pub fn resource_dir(&self) -> Option<&PathBuf> {
        self.resource_dir.as_ref()
    }
    /// The plugin's own data directory.
    pub fn data_dir(&self) -> Option<&PathBuf> {
        self.data_dir.as_ref()
    }
    /// A text.
    pub fn text(&self, name: &str, otherwise: &str) -> Result<String, Error> {
        match self.settings.get(name) {
            None => Ok(otherwise.into()),
            Some(JsonValue::Text(text)) => Ok(text.clone()),
            Some(_) => Err(wrong(name, "a text")),
        }
    }
    /// An integer.
    pub fn integer(&self, name: &str, otherwise: i64) -> Result<i64, Error> {
        match self.settings.get(name) {
            None => Ok(otherwise),
            Some(JsonValue::Integer(integer)) => Ok(*integer),
            Some(_) => Err(wrong(name, "an integer")),
        }
    }
    /// A number.
    pub fn number(&self, name: &str, otherwise: f64) -> Result<f64, Error> {
        match self.settings.get(name) {
            None => Ok(otherwise),
            Some(JsonValue::Integer(integer)) => Ok(*integer as f64),
            Some(JsonValue::Number(number)) => Ok(*number),
            Some(_) => Err(wrong(name, "a number")),
        }
    }
    /// A truth value.
    pub fn boolean(&self, name: &str, otherwise: bool) -> Result<bool, Error> {
        match self.settings.get(name) {
            None => Ok(otherwise),
            Some(JsonValue::Bool(value)) => Ok(*value),
            Some(_) => Err(wrong(name, "true or false")),
        }
    }
}

fn wrong(name: &str, wanted: &str) -> Error {
    Error::invalid_config(format!("`{name}` must be {wanted}"))
}

unsafe fn path(text: *const c_char) -> Option<PathBuf> {
    if text.is_null() {
        return None;
    }
    CStr::from_ptr(text).to_str().ok().map(PathBuf::from)
}
