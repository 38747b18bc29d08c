//! What a plugin asks of its host: each service behind its permission, as `include/lao/ext/services.h` says.

use crate::abi::{
    RawCallsHost, RawCommandsHost, RawError, RawEventsHost, RawHttpHost, RawScratchHost, RawValue, Status,
};
use crate::value::kind;
use crate::{Call, Error, ErrorKind, Host};
use std::ffi::{c_char, CString};

/// `open_file`: for reading.
pub const FILE_READ: u32 = 1;
/// `open_file`: for writing.
pub const FILE_WRITE: u32 = 2;
/// `open_file`, with `FILE_WRITE`: it is made where it is missing.
pub const FILE_CREATE: u32 = 4;

/// The host's answer to `Host::fetch`.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    /// JSON: status, headers, url.
    pub head: String,
    /// As it was sent.
    pub body: Vec<u8>,
}

/// A value that the host fills and this side releases.
pub(crate) struct Filled(RawValue);

impl Filled {
    pub(crate) fn new() -> Filled {
        Filled(RawValue::none())
    }
    pub(crate) fn raw(&self) -> &RawValue {
        &self.0
    }
    pub(crate) fn raw_mut(&mut self) -> &mut RawValue {
        &mut self.0
    }

    fn bytes(&self) -> Vec<u8> {
        if self.0.data.is_null() || self.0.size == 0 {
            return Vec::new();
        }
        unsafe { std::slice::from_raw_parts(self.0.data.cast::<u8>(), self.0.size as usize) }.to_vec()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        if let Some(release) = self.0.release.take() {
            unsafe { release(&mut self.0) }
        }
    }
}

/// Runs `ask` with a place for the host's reason, and makes an error of what it answers.
fn checked(ask: impl FnOnce(&mut RawError) -> Status) -> Result<(), Error> {
    let mut text = [0u8; 1024];
    let mut error = RawError {
        struct_size: std::mem::size_of::<RawError>() as u32,
        text_capacity: text.len() as u32,
        text_size: 0,
        reserved: 0,
        text: text.as_mut_ptr().cast::<c_char>(),
    };
    let status = ask(&mut error);
    if status == 0 {
        return Ok(());
    }
    let size = (error.text_size as usize).min(text.len());
    let said = String::from_utf8_lossy(&text[..size]).into_owned();
    let reason = if said.is_empty() { format!("the host refused it (status {status})") } else { said };
    Err(Error::new(kind_of(status), reason))
}

fn kind_of(status: Status) -> ErrorKind {
    match status {
        2 => ErrorKind::InvalidInput,
        6 => ErrorKind::Unsupported,
        7 => ErrorKind::OutOfMemory,
        8 => ErrorKind::PermissionDenied,
        9 => ErrorKind::Cancelled,
        10 => ErrorKind::TimedOut,
        32 => ErrorKind::LimitExceeded,
        _ => ErrorKind::Failed,
    }
}

fn c_text(text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::invalid_input("a text for the host has a NUL in it"))
}

fn borrowed(value_kind: u32, bytes: &[u8]) -> RawValue {
    RawValue { kind: value_kind, data: bytes.as_ptr().cast(), size: bytes.len() as u64, ..RawValue::none() }
}

impl Host {
    fn service<T>(self, id: &str) -> Result<&'static T, Error> {
        // The ABI promises that the table lives until the process ends.
        unsafe { self.extension(id).cast::<T>().as_ref() }
            .ok_or_else(|| Error::new(ErrorKind::PermissionDenied, format!("`{id}` was not granted")))
    }

    /// What was put under `key`, or `None`.
    pub fn scratch_get(self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let service = self.service::<RawScratchHost>("lao.scratch/1")?;
        let (key, mut value) = (c_text(key)?, Filled::new());
        checked(|_| unsafe { (service.get)(self.table(), key.as_ptr(), &mut value.0) })?;
        Ok((value.0.kind != kind::NONE).then(|| value.bytes()))
    }

    /// Keeps a value that outlives the instance and its workers.
    pub fn scratch_put(self, key: &str, data: &[u8]) -> Result<(), Error> {
        let service = self.service::<RawScratchHost>("lao.scratch/1")?;
        let key = c_text(key)?;
        checked(|_| unsafe { (service.put)(self.table(), key.as_ptr(), data.as_ptr().cast(), data.len() as u64) })
    }

    /// Forgets a value.
    pub fn scratch_remove(self, key: &str) -> Result<(), Error> {
        let service = self.service::<RawScratchHost>("lao.scratch/1")?;
        let key = c_text(key)?;
        checked(|_| unsafe { (service.put)(self.table(), key.as_ptr(), std::ptr::null(), 0) })
    }

    /// Emits an event that the manifest declares; `json` is its data, a `Json` or text.
    pub fn emit(self, name: &str, json: impl AsRef<str>) -> Result<(), Error> {
        let json = json.as_ref();
        let service = self.service::<RawEventsHost>("lao.events/1")?;
        let name = c_text(name)?;
        checked(|_| unsafe { (service.emit)(self.table(), name.as_ptr(), json.as_ptr().cast(), json.len() as u64) })
    }

    /// Opens a file below a granted directory; see `FILE_READ` and its like.
    #[cfg(unix)]
    pub fn open_file(self, path: &str, mode: u32) -> Result<std::fs::File, Error> {
        use std::os::fd::FromRawFd;
        let service = self.service::<crate::abi::RawFilesHost>("lao.files/1")?;
        let (path, mut handle) = (c_text(path)?, -1i64);
        checked(|error| unsafe { (service.open)(self.table(), path.as_ptr(), mode, &mut handle, error) })?;
        // On success the descriptor is open, and this side's own.
        Ok(unsafe { std::fs::File::from_raw_fd(handle as i32) })
    }

    /// Fetches by HTTP. `request` is JSON: url, and method, headers, timeout_s, redirects, secret_headers where they matter.
    pub fn fetch(self, request: &str, body: Option<&[u8]>) -> Result<HttpResponse, Error> {
        let service = self.service::<RawHttpHost>("lao.http/1")?;
        let request = borrowed(kind::JSON, request.as_bytes());
        let sent = body.map(|bytes| borrowed(kind::BINARY, bytes));
        let sent = sent.as_ref().map_or(std::ptr::null(), |value| value as *const RawValue);
        let (mut head, mut content) = (Filled::new(), Filled::new());
        checked(|error| unsafe { (service.fetch)(self.table(), &request, sent, &mut head.0, &mut content.0, error) })?;
        Ok(HttpResponse { head: head.text(), body: content.bytes() })
    }

    /// Runs one of the manifest's commands: the program, then its arguments. The result is JSON.
    pub fn run_command(self, arguments: &[&str]) -> Result<String, Error> {
        let service = self.service::<RawCommandsHost>("lao.commands/1")?;
        let words = arguments.iter().map(|word| c_text(word)).collect::<Result<Vec<_>, _>>()?;
        let pointers: Vec<*const c_char> = words.iter().map(|word| word.as_ptr()).collect();
        let mut result = Filled::new();
        checked(|error| unsafe {
            (service.run)(self.table(), pointers.as_ptr(), pointers.len() as u32, &mut result.0, error)
        })?;
        Ok(result.text())
    }
}

impl Call<'_> {
    /// Calls another plugin, text for text, within the deadline of this call. `params` is a JSON object, or empty.
    pub fn call_plugin(&self, plugin: &str, capability: &str, text: &str, params: &str) -> Result<String, Error> {
        let service = self.host().service::<RawCallsHost>("lao.calls/1")?;
        let (plugin, capability, params) = (c_text(plugin)?, c_text(capability)?, c_text(params)?);
        let input = borrowed(kind::TEXT, text.as_bytes());
        let json = if params.is_empty() { std::ptr::null() } else { params.as_ptr() };
        let mut output = Filled::new();
        checked(|error| unsafe {
            (service.call)(self.raw_call(), plugin.as_ptr(), capability.as_ptr(), &input, json, &mut output.0, error)
        })?;
        Ok(output.text())
    }
}
