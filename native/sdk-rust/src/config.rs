//! The settings and directories of an instance.

use crate::abi::RawConfig;
use crate::error::Error;
use crate::host::Host;
use crate::json::JsonValue;
use crate::param::Param;
use std::ffi::{c_char, CStr};
use std::path::PathBuf;

/// What an instance is made with. Declared settings were checked already: [`Config::get`] gives the setting or its declared
/// default. The other functions take the default with them; a setting of another type than the one asked for is an error.
pub struct Config {
    host: Host,
    settings: JsonValue,
    declared: &'static [Param],
    max_threads: usize,
    resource_dir: Option<PathBuf>,
    data_dir: Option<PathBuf>,
}

impl Config {
    /// # Safety
    /// `raw` is a valid configuration of the ABI.
    pub(crate) unsafe fn new(host: Host, raw: &RawConfig, declared: &'static [Param]) -> Result<Config, Error> {
        let bytes = std::slice::from_raw_parts(raw.json.cast::<u8>(), raw.json_size as usize);
        let settings = std::str::from_utf8(bytes).ok().and_then(|text| JsonValue::parse(text).ok());
        match settings {
            Some(settings @ JsonValue::Object(_)) => {
                check(declared, &settings)?;
                let (resource_dir, data_dir) = (path(raw.resource_dir), path(raw.data_dir));
                let max_threads = raw.max_threads as usize;
                Ok(Config { host, settings, declared, max_threads, resource_dir, data_dir })
            }
            _ => Err(Error::invalid_config("the configuration is not a JSON object")),
        }
    }

    /// The host.
    pub fn host(&self) -> Host {
        self.host
    }
    /// How many threads are worth having: as many as there are processors, within what the plugin may have.
    pub fn threads(&self) -> usize {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        if self.max_threads > 0 {
            processors.min(self.max_threads)
        } else {
            processors
        }
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
    /// A declared setting, or its default; empty, false or zero where it has none. Panics when no setting of that name and
    /// type was declared.
    pub fn get<T: Setting>(&self, name: &str) -> T {
        let declared = self.declared.iter().find(|setting| setting.name == name);
        let declared = declared.unwrap_or_else(|| panic!("the setting `{name}` was not declared"));
        let fallback = declared.fallback();
        T::of(self.settings.get(name).unwrap_or(&fallback))
            .unwrap_or_else(|| panic!("the setting `{name}` was declared with another type"))
    }
    /// Whether it was set.
    pub fn has(&self, name: &str) -> bool {
        self.settings.get(name).is_some()
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

/// What a declared setting can be read as.
pub trait Setting: Sized {
    #[doc(hidden)]
    fn of(value: &JsonValue) -> Option<Self>;
}
impl Setting for String {
    fn of(value: &JsonValue) -> Option<String> {
        value.as_text().map(String::from)
    }
}
impl Setting for i64 {
    fn of(value: &JsonValue) -> Option<i64> {
        value.as_integer()
    }
}
impl Setting for f64 {
    fn of(value: &JsonValue) -> Option<f64> {
        value.as_number()
    }
}
impl Setting for bool {
    fn of(value: &JsonValue) -> Option<bool> {
        value.as_bool()
    }
}
impl Setting for JsonValue {
    fn of(value: &JsonValue) -> Option<JsonValue> {
        Some(value.clone())
    }
}

fn check(declared: &[Param], settings: &JsonValue) -> Result<(), Error> {
    for setting in declared {
        match settings.get(&setting.name) {
            Some(value) => {
                if let Some(wanted) = setting.wrong(value) {
                    return Err(wrong(&setting.name, &wanted));
                }
            }
            None if setting.is_required() => {
                return Err(Error::invalid_config(format!("the setting `{}` is missing", setting.name)));
            }
            None => {}
        }
    }
    Ok(())
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
