//! The host as a plugin sees it.

use crate::abi::RawHost;
use std::ffi::{c_void, CString};

/// A handle to the host: memory, log, clock. Usable on any thread until the process ends.
#[derive(Clone, Copy)]
pub struct Host {
    table: *const RawHost,
}

// The ABI promises that the table lives until the process ends and that its functions may be called on any thread.
unsafe impl Send for Host {}
unsafe impl Sync for Host {}

impl Host {
    /// # Safety
    /// `table` is the host's table.
    pub(crate) unsafe fn new(table: *const RawHost) -> Host {
        Host { table }
    }

    pub(crate) fn table(self) -> *const RawHost {
        self.table
    }

    /// Monotonic nanoseconds, the clock of deadlines.
    pub fn now_ns(self) -> i64 {
        unsafe { ((*self.table).now_ns)(self.table) }
    }
    /// Logs a line that helps who develops the plugin.
    pub fn debug(self, line: &str) {
        self.log(10, line);
    }
    /// Logs a line.
    pub fn info(self, line: &str) {
        self.log(20, line);
    }
    /// Logs a warning.
    pub fn warning(self, line: &str) {
        self.log(30, line);
    }
    /// Logs an error.
    pub fn error(self, line: &str) {
        self.log(40, line);
    }

    fn log(self, level: u32, line: &str) {
        unsafe { ((*self.table).log)(self.table, level, line.as_ptr().cast(), line.len() as u64) }
    }

    /// Memory for an output, or null.
    pub(crate) fn alloc(self, size: usize) -> *mut u8 {
        unsafe { ((*self.table).alloc)(self.table, size.max(1) as u64, 0).cast() }
    }

    /// # Safety
    /// `memory` came from `alloc` and is not used any more.
    pub(crate) unsafe fn free(self, memory: *mut c_void) {
        ((*self.table).free)(self.table, memory)
    }

    pub(crate) fn extension(self, id: &str) -> *const c_void {
        match CString::new(id) {
            Ok(id) => unsafe { ((*self.table).get_extension)(self.table, id.as_ptr()) },
            Err(_) => std::ptr::null(),
        }
    }
}
