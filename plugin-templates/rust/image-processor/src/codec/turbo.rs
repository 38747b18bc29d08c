//! libjpeg-turbo through its API TurboJPEG 2, which version 3 has too: found when the first JPEG comes, never needed.
//! Debian and Ubuntu have it in `libturbojpeg0`, Fedora in `turbojpeg`, Homebrew in `jpeg-turbo`.
#![allow(unsafe_code)]

use super::Head;
use crate::pixels::Pixels;
use libloading::Library;
use std::ffi::{c_char, c_int, c_uchar, c_ulong, c_void, CStr};
use std::ops::Range;
use std::sync::OnceLock;

#[cfg(target_os = "macos")]
const NAMES: [&str; 2] =
    ["/opt/homebrew/opt/jpeg-turbo/lib/libturbojpeg.dylib", "/usr/local/opt/jpeg-turbo/lib/libturbojpeg.dylib"];
#[cfg(windows)]
const NAMES: [&str; 2] = ["turbojpeg.dll", "libturbojpeg.dll"];
#[cfg(not(any(target_os = "macos", windows)))]
const NAMES: [&str; 2] = ["libturbojpeg.so.0", "libturbojpeg.so"];

// Of turbojpeg.h.
const GRAY: c_int = 6;
const HALVED_COLORS: c_int = 2;
const NO_COLORS: c_int = 3;
const NO_REALLOC: c_int = 1024;
const WARNING: c_int = 0;

type Handle = *mut c_void;
type Decompress =
    unsafe extern "C" fn(Handle, *const c_uchar, c_ulong, *mut c_uchar, c_int, c_int, c_int, c_int, c_int) -> c_int;
type Compress = unsafe extern "C" fn(
    Handle,
    *const c_uchar,
    c_int,
    c_int,
    c_int,
    c_int,
    *mut *mut c_uchar,
    *mut c_ulong,
    c_int,
    c_int,
    c_int,
) -> c_int;

pub struct Turbo {
    open_reader: unsafe extern "C" fn() -> Handle,
    open_writer: unsafe extern "C" fn() -> Handle,
    close: unsafe extern "C" fn(Handle) -> c_int,
    decompress: Decompress,
    compress: Compress,
    most: unsafe extern "C" fn(c_int, c_int, c_int) -> c_ulong,
    error: unsafe extern "C" fn(Handle) -> *mut c_char,
    error_code: unsafe extern "C" fn(Handle) -> c_int,
}

/// The library, if there is one. It stays loaded.
pub fn find() -> Option<&'static Turbo> {
    static FOUND: OnceLock<Option<Turbo>> = OnceLock::new();
    FOUND.get_or_init(|| NAMES.iter().find_map(|name| unsafe { load(name) })).as_ref()
}

unsafe fn load(name: &str) -> Option<Turbo> {
    let library = Box::leak(Box::new(Library::new(name).ok()?));
    Some(Turbo {
        open_reader: *library.get(b"tjInitDecompress").ok()?,
        open_writer: *library.get(b"tjInitCompress").ok()?,
        close: *library.get(b"tjDestroy").ok()?,
        decompress: *library.get(b"tjDecompress2").ok()?,
        compress: *library.get(b"tjCompress2").ok()?,
        most: *library.get(b"tjBufSize").ok()?,
        error: *library.get(b"tjGetErrorStr2").ok()?,
        error_code: *library.get(b"tjGetErrorCode").ok()?,
    })
}

/// One reader or writer, closed when it goes.
struct Open<'a>(&'a Turbo, Handle);

impl Open<'_> {
    fn error(&self) -> String {
        unsafe { CStr::from_ptr((self.0.error)(self.1)) }.to_string_lossy().into_owned()
    }
}
impl Drop for Open<'_> {
    fn drop(&mut self) {
        unsafe { (self.0.close)(self.1) };
    }
}

/// TurboJPEG's number of a layout.
fn layout(channels: usize, blue_first: bool) -> c_int {
    match (channels, blue_first) {
        (1, _) => GRAY,
        (3, false) => 0,
        (3, true) => 1,
        (_, false) => 7,
        (_, true) => 8,
    }
}

/// Its number of how colours are kept: one for four pixels.
fn colors(channels: usize) -> c_int {
    if channels == 1 {
        NO_COLORS
    } else {
        HALVED_COLORS
    }
}

impl Turbo {
    fn open(&self, handle: Handle) -> Result<Open<'_>, String> {
        if handle.is_null() {
            return Err("out of memory".into());
        }
        Ok(Open(self, handle))
    }

    /// `to` has as many elements as the head says; a file that says otherwise now is refused by the library.
    pub fn decode(&self, bytes: &[u8], head: &Head, to: &mut [u8]) -> Result<(), String> {
        assert_eq!(to.len(), head.elements());
        let (width, height) = (head.width as c_int, head.height as c_int);
        let open = self.open(unsafe { (self.open_reader)() })?;
        let (layout, pitch) = (layout(head.channels, false), width * head.channels as c_int);
        let size = bytes.len() as c_ulong;
        let status = unsafe {
            (self.decompress)(open.1, bytes.as_ptr(), size, to.as_mut_ptr(), width, pitch, height, layout, 0)
        };
        if status == 0 {
            return Ok(());
        }
        let text = open.error();
        // Warnings are of what every reader forgives, except where pixels are missing.
        if unsafe { (self.error_code)(open.1) } == WARNING && !text.contains("remature end") {
            return Ok(());
        }
        Err(text)
    }

    /// The bytes that a file of such an image has at most.
    pub fn most(&self, width: usize, height: usize, channels: usize) -> usize {
        (unsafe { (self.most)(width as c_int, height as c_int, colors(channels)) }) as usize
    }

    /// Writes a file of the rows of an image, which `most` bytes have room for; answers its size.
    pub fn encode(&self, image: &Pixels<u8>, rows: Range<usize>, quality: u8, to: &mut [u8]) -> Result<usize, String> {
        let (width, height, channels) = (image.width, rows.len(), image.channels);
        assert!(to.len() >= self.most(width, height, channels));
        let from = &image.data[rows.start * image.row()..rows.end * image.row()];
        let open = self.open(unsafe { (self.open_writer)() })?;
        let (mut at, mut size) = (to.as_mut_ptr(), to.len() as c_ulong);
        let (width, height, pitch) = (width as c_int, height as c_int, image.row() as c_int);
        let (layout, colors) = (layout(channels, image.red_blue() == (2, 0)), colors(channels));
        let (from, quality) = (from.as_ptr(), c_int::from(quality));
        let status = unsafe {
            (self.compress)(open.1, from, width, pitch, height, layout, &mut at, &mut size, colors, quality, NO_REALLOC)
        };
        if status != 0 {
            return Err(open.error());
        }
        Ok(size as usize)
    }
}
