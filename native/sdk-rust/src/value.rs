//! Inputs as they are read, and outputs as they are handed out.

use crate::abi::{Dtype, RawValue};
use crate::element::Element;
use crate::error::Error;
use crate::host::Host;
use crate::json::{Json, JsonObject, JsonValue};
use crate::view::{AudioView, ImageView, TensorView, VideoView};
use std::ffi::{c_void, CStr, CString};
use std::path::{Path, PathBuf};

/// Kinds of value, as numbers of the ABI.
pub mod kind {
    #![allow(missing_docs)]
    pub const NONE: u32 = 0;
    pub const TEXT: u32 = 1;
    pub const JSON: u32 = 2;
    pub const BINARY: u32 = 3;
    pub const FILE: u32 = 4;
    pub const AUDIO: u32 = 5;
    pub const IMAGE: u32 = 6;
    pub const VIDEO: u32 = 7;
    pub const ANY: u32 = 8;
    pub const TENSOR: u32 = 9;
}

pub(crate) fn kind_name(kind: u32) -> &'static str {
    let names = ["none", "text", "json", "binary", "file", "audio", "image", "video", "any", "tensor"];
    names.get(kind as usize).copied().unwrap_or("unknown")
}

/// A value of any kind, borrowed from the host for the call.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    raw: &'a RawValue,
}

/// One JSON document, unparsed.
#[derive(Clone, Copy, Debug)]
pub struct JsonText<'a>(pub &'a str);

impl<'a> Input<'a> {
    /// # Safety
    /// `raw` is a valid value of the ABI for `'a`.
    pub(crate) unsafe fn new(raw: &'a RawValue) -> Input<'a> {
        Input { raw }
    }

    /// One of the numbers in [`kind`].
    pub fn kind(&self) -> u32 {
        self.raw.kind
    }

    /// The data of text, json, binary and encoded media, or the path of a file.
    pub fn bytes(&self) -> &'a [u8] {
        if self.raw.size == 0 || self.raw.data.is_null() {
            return &[];
        }
        unsafe { std::slice::from_raw_parts(self.raw.data.cast::<u8>(), self.raw.size as usize) }
    }

    /// The media type of the data; empty when it is not known.
    pub fn media_type(&self) -> &'a str {
        if self.raw.media_type.is_null() {
            return "";
        }
        unsafe { CStr::from_ptr(self.raw.media_type) }.to_str().unwrap_or("")
    }

    /// What is said beside the value: one JSON object, or null.
    pub fn metadata(&self) -> JsonValue {
        if self.raw.metadata.is_null() || self.raw.metadata_size == 0 {
            return JsonValue::Null;
        }
        let size = self.raw.metadata_size as usize;
        let bytes = unsafe { std::slice::from_raw_parts(self.raw.metadata.cast::<u8>(), size) };
        std::str::from_utf8(bytes).ok().and_then(|text| JsonValue::parse(text).ok()).unwrap_or(JsonValue::Null)
    }

    /// Text.
    pub fn text(&self) -> Result<&'a str, Error> {
        self.expect(kind::TEXT)?;
        self.utf8()
    }
    /// A JSON document.
    pub fn json(&self) -> Result<JsonText<'a>, Error> {
        self.expect(kind::JSON)?;
        self.utf8().map(JsonText)
    }
    /// The path of a file.
    pub fn path(&self) -> Result<&'a Path, Error> {
        self.expect(kind::FILE)?;
        self.utf8().map(Path::new)
    }
    /// A tensor with elements of type `T`.
    pub fn tensor<T: Element>(&self) -> Result<TensorView<'a, T>, Error> {
        match unsafe { self.raw.tensor.as_ref() } {
            Some(managed) => unsafe { TensorView::new(&managed.tensor) },
            None if self.raw.kind == kind::TENSOR => Err(Error::invalid_input("the input carries no tensor")),
            None => Err(Error::invalid_input("the input is encoded; this plugin takes it decoded")),
        }
    }
    /// An image with samples of type `T`.
    pub fn image<T: Element>(&self) -> Result<ImageView<'a, T>, Error> {
        self.expect(kind::IMAGE)?;
        let tensor = self.tensor()?;
        if !(2..=3).contains(&tensor.shape().len()) {
            return Err(Error::invalid_input("an image has two or three axes"));
        }
        Ok(ImageView { tensor, channel_order: self.raw.channel_order, color_space: self.raw.color_space })
    }
    /// Audio with samples of type `T`.
    pub fn audio<T: Element>(&self) -> Result<AudioView<'a, T>, Error> {
        self.expect(kind::AUDIO)?;
        let tensor = self.tensor()?;
        if !(1..=2).contains(&tensor.shape().len()) {
            return Err(Error::invalid_input("audio has one or two axes"));
        }
        Ok(AudioView { tensor, sample_rate_hz: self.raw.sample_rate_hz })
    }

    /// Video with samples of type `T`.
    pub fn video<T: Element>(&self) -> Result<VideoView<'a, T>, Error> {
        self.expect(kind::VIDEO)?;
        let tensor = self.tensor()?;
        if !(3..=4).contains(&tensor.shape().len()) {
            return Err(Error::invalid_input("video has three or four axes"));
        }
        Ok(VideoView { tensor, channel_order: self.raw.channel_order, color_space: self.raw.color_space })
    }
    /// A file, by its path and, where the host opened it, by its descriptor.
    pub fn file(&self) -> Result<FileInput<'a>, Error> {
        self.path().map(|path| FileInput { path, handle: self.raw.file_handle })
    }
    /// Bytes with their media type.
    pub fn binary(&self) -> Result<BinaryInput<'a>, Error> {
        self.expect(kind::BINARY)?;
        Ok(BinaryInput { bytes: self.bytes(), media_type: self.media_type() })
    }
    /// The element type of an array; an error when it is none.
    pub fn dtype(&self) -> Result<Dtype, Error> {
        match unsafe { self.raw.tensor.as_ref() } {
            Some(managed) => Ok(managed.tensor.dtype),
            None => Err(Error::invalid_input("the input is encoded; this plugin takes it decoded")),
        }
    }

    pub(crate) fn expect(&self, wanted: u32) -> Result<(), Error> {
        if self.raw.kind == wanted {
            return Ok(());
        }
        let (is, not) = (kind_name(self.raw.kind), kind_name(wanted));
        Err(Error::invalid_input(format!("the input is {is}, not {not}")))
    }

    fn utf8(&self) -> Result<&'a str, Error> {
        std::str::from_utf8(self.bytes()).map_err(|_| Error::invalid_input("the input is not UTF-8"))
    }
}

/// Bytes with what is known of them.
#[derive(Clone, Copy, Debug)]
pub struct BinaryInput<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Such as `image/png`; empty when it is not known.
    pub media_type: &'a str,
}

/// A file that the caller named. In a worker its path alone opens nothing: use [`FileInput::open`].
#[derive(Clone, Copy, Debug)]
pub struct FileInput<'a> {
    /// Its path.
    pub path: &'a Path,
    handle: i64,
}

impl FileInput<'_> {
    /// The file for reading, from its beginning: the one that the host opened, otherwise by its path.
    pub fn open(&self) -> Result<std::fs::File, Error> {
        #[cfg(unix)]
        if self.handle >= 0 {
            use std::io::{Seek, SeekFrom};
            use std::os::fd::BorrowedFd;
            // The host keeps its descriptor open during the call.
            let borrowed = unsafe { BorrowedFd::borrow_raw(self.handle as i32) };
            let mut file = std::fs::File::from(borrowed.try_clone_to_owned()?);
            let _ = file.seek(SeekFrom::Start(0)); // what cannot be sought, such as a pipe, is read from where it is
            return Ok(file);
        }
        let _ = self.handle;
        std::fs::File::open(self.path)
            .map_err(|error| Error::invalid_input(format!("cannot open `{}`: {error}", self.path.display())))
    }
}

/// An output: it owns its memory until the host takes it over.
pub struct Output {
    raw: RawValue,
}

// What is behind the pointers belongs to this value alone, and its release may run on any thread.
unsafe impl Send for Output {}

unsafe extern "C" fn release_data(value: *mut RawValue) {
    let host = Host::new((*value).owner.cast());
    host.free((*value).data.cast_mut());
}

/// The texts of a labelled output, and how it was released before.
struct Label {
    media_type: Option<CString>,
    metadata: Option<CString>,
    release: Option<unsafe extern "C" fn(*mut RawValue)>,
    owner: *mut c_void,
}

unsafe extern "C" fn release_label(value: *mut RawValue) {
    let label = Box::from_raw((*value).owner.cast::<Label>());
    (*value).owner = label.owner;
    (*value).release = label.release;
    if let Some(release) = label.release {
        release(value);
    }
}

impl Output {
    /// `kind` with a copy of `bytes` in the host's memory.
    pub fn copy(host: Host, kind: u32, bytes: &[u8]) -> Result<Output, Error> {
        let mut output = Output::room(host, kind, bytes.len())?;
        let data = output.raw.data.cast_mut().cast::<u8>();
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), data, bytes.len()) };
        output.raw.size = bytes.len() as u64;
        Ok(output)
    }

    /// `kind` with no bytes so far, and room for `capacity`.
    pub(crate) fn room(host: Host, kind: u32, capacity: usize) -> Result<Output, Error> {
        let data = host.alloc(capacity);
        if data.is_null() {
            return Err(Error::out_of_memory());
        }
        let mut raw = RawValue::none();
        raw.kind = kind;
        raw.data = data.cast::<c_void>();
        raw.owner = host.table().cast_mut().cast();
        raw.release = Some(release_data);
        Ok(Output { raw })
    }

    /// Gives it a media type, such as `image/png`.
    pub fn media_type(self, media_type: &str) -> Result<Output, Error> {
        self.label(Some(media_type), None)
    }
    /// Says something beside it: one JSON object.
    pub fn metadata(self, metadata: &Json) -> Result<Output, Error> {
        self.label(None, Some(&metadata.0))
    }

    fn label(mut self, media_type: Option<&str>, metadata: Option<&str>) -> Result<Output, Error> {
        let text = |text: Option<&str>| {
            text.map(CString::new).transpose().map_err(|_| Error::failed("a label of the output has a NUL in it"))
        };
        let label = Box::new(Label {
            media_type: text(media_type)?,
            metadata: text(metadata)?,
            release: self.raw.release,
            owner: self.raw.owner,
        });
        if let Some(media_type) = &label.media_type {
            self.raw.media_type = media_type.as_ptr();
        }
        if let Some(metadata) = &label.metadata {
            self.raw.metadata = metadata.as_ptr();
            self.raw.metadata_size = metadata.as_bytes().len() as u64;
        }
        self.raw.owner = Box::into_raw(label).cast();
        self.raw.release = Some(release_label);
        Ok(self)
    }

    pub(crate) fn from_raw(raw: RawValue) -> Output {
        Output { raw }
    }
    pub(crate) fn raw(&self) -> &RawValue {
        &self.raw
    }
    pub(crate) fn raw_mut(&mut self) -> &mut RawValue {
        &mut self.raw
    }

    /// Fills `slot`, which owns the memory from then on.
    ///
    /// # Safety
    /// `slot` is a cleared value of the ABI.
    pub(crate) unsafe fn give(self, slot: *mut RawValue) {
        let own = std::mem::ManuallyDrop::new(self);
        let room = ((*slot).struct_size as usize).min(std::mem::size_of::<RawValue>());
        let size = (*slot).struct_size;
        std::ptr::copy_nonoverlapping(std::ptr::addr_of!(own.raw).cast::<u8>(), slot.cast::<u8>(), room);
        (*slot).struct_size = size;
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some(release) = self.raw.release.take() {
            unsafe { release(&mut self.raw) };
        }
    }
}

/// What a function may answer.
pub trait IntoOutput {
    /// The kind that the capability declares.
    const KIND: u32;
    /// Puts it into the host's memory.
    fn into_output(self, host: Host) -> Result<Output, Error>;
}

impl IntoOutput for Output {
    const KIND: u32 = kind::ANY;
    fn into_output(self, _: Host) -> Result<Output, Error> {
        Ok(self)
    }
}
impl IntoOutput for String {
    const KIND: u32 = kind::TEXT;
    fn into_output(self, host: Host) -> Result<Output, Error> {
        Output::copy(host, kind::TEXT, self.as_bytes())
    }
}
impl IntoOutput for Json {
    const KIND: u32 = kind::JSON;
    fn into_output(self, host: Host) -> Result<Output, Error> {
        Output::copy(host, kind::JSON, self.0.as_bytes())
    }
}
impl IntoOutput for Vec<u8> {
    const KIND: u32 = kind::BINARY;
    fn into_output(self, host: Host) -> Result<Output, Error> {
        Output::copy(host, kind::BINARY, &self)
    }
}
/// An encoded medium, or any bytes that have a media type.
#[derive(Clone, Debug)]
pub struct Media {
    /// Such as `image/png`.
    pub media_type: String,
    /// The encoded medium.
    pub bytes: Vec<u8>,
}

impl IntoOutput for Media {
    const KIND: u32 = kind::BINARY;
    fn into_output(self, host: Host) -> Result<Output, Error> {
        Output::copy(host, kind::BINARY, &self.bytes)?.media_type(&self.media_type)
    }
}
impl IntoOutput for JsonObject {
    const KIND: u32 = kind::JSON;
    fn into_output(self, host: Host) -> Result<Output, Error> {
        self.finish().into_output(host)
    }
}
impl IntoOutput for JsonValue {
    const KIND: u32 = kind::JSON;
    fn into_output(self, host: Host) -> Result<Output, Error> {
        self.to_json().into_output(host)
    }
}
impl IntoOutput for PathBuf {
    const KIND: u32 = kind::FILE;
    fn into_output(self, host: Host) -> Result<Output, Error> {
        let path = self.to_str().ok_or_else(|| Error::failed("the path of the output is not UTF-8"))?;
        Output::copy(host, kind::FILE, path.as_bytes())
    }
}
