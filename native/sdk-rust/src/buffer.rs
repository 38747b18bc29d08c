//! Bytes that are written in the host's memory: no copy when they are handed out.

use crate::abi::RawValue;
use crate::error::Error;
use crate::host::Host;
use crate::json::Json;
use crate::value::{kind, IntoOutput, Output};
use std::io::Write;

/// Bytes to hand out, which grow as they are written ([`std::io::Write`]).
pub struct Binary {
    host: Host,
    output: Output,
    capacity: usize,
}

impl Binary {
    /// No bytes so far, with room for `capacity`.
    pub fn new(host: Host, capacity: usize) -> Result<Binary, Error> {
        Ok(Binary { host, output: Output::room(host, kind::BINARY, capacity)?, capacity })
    }
    /// What `fill` writes into room for `capacity` bytes, whose content is any; it answers how many they are. For libraries
    /// that write into memory they are given.
    pub fn filled(
        host: Host,
        capacity: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, Error>,
    ) -> Result<Binary, Error> {
        let mut binary = Binary::new(host, capacity)?;
        let data = binary.output.raw().data.cast_mut().cast::<u8>();
        let size = fill(unsafe { std::slice::from_raw_parts_mut(data, capacity) })?;
        assert!(size <= capacity, "more bytes than there is room for");
        binary.output.raw_mut().size = size as u64;
        Ok(binary)
    }
    /// The bytes so far.
    pub fn as_slice(&self) -> &[u8] {
        let RawValue { data, size, .. } = self.output.raw();
        unsafe { std::slice::from_raw_parts(data.cast::<u8>(), *size as usize) }
    }
    /// Gives them a media type, such as `image/png`, once they are complete.
    pub fn media_type(mut self, media_type: &str) -> Result<Binary, Error> {
        self.output = self.output.media_type(media_type)?;
        self.capacity = self.as_slice().len(); // labelled memory does not move any more
        Ok(self)
    }
    /// Says something beside them, once they are complete: one JSON object.
    pub fn metadata(mut self, metadata: &Json) -> Result<Binary, Error> {
        self.output = self.output.metadata(metadata)?;
        self.capacity = self.as_slice().len();
        Ok(self)
    }

    fn reserve(&mut self, wanted: usize) -> std::io::Result<()> {
        if wanted <= self.capacity {
            return Ok(());
        }
        let out_of_memory = |_| std::io::Error::from(std::io::ErrorKind::OutOfMemory);
        if !self.output.raw().media_type.is_null() || !self.output.raw().metadata.is_null() {
            return Err(std::io::Error::other("labelled bytes are complete"));
        }
        let capacity = wanted.max(self.capacity.saturating_mul(2));
        let mut larger = Output::room(self.host, kind::BINARY, capacity).map_err(out_of_memory)?;
        let size = self.as_slice().len();
        unsafe {
            std::ptr::copy_nonoverlapping(self.as_slice().as_ptr(), larger.raw().data.cast_mut().cast::<u8>(), size);
        }
        larger.raw_mut().size = size as u64;
        self.output = larger;
        self.capacity = capacity;
        Ok(())
    }
}

impl Write for Binary {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let size = self.as_slice().len();
        self.reserve(size + bytes.len())?;
        unsafe {
            let end = self.output.raw().data.cast_mut().cast::<u8>().add(size);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), end, bytes.len());
        }
        self.output.raw_mut().size = (size + bytes.len()) as u64;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl IntoOutput for Binary {
    const KIND: u32 = kind::BINARY;
    fn into_output(self, _: Host) -> Result<Output, Error> {
        Ok(self.output)
    }
}
