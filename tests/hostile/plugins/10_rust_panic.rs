// Panics in a C function, which Rust turns into an abort: a LAO 0.x plugin, whose table fits into a few lines.
use std::ffi::{c_char, CStr, CString};

#[repr(C)]
pub struct Input {
    text: *mut c_char,
}

#[repr(C)]
pub struct Output {
    text: *mut c_char,
}

#[repr(C)]
pub struct Table {
    version: u32,
    name: unsafe extern "C" fn() -> *const c_char,
    run: unsafe extern "C" fn(*const Input) -> Output,
    free_output: unsafe extern "C" fn(Output),
}

unsafe extern "C" fn name() -> *const c_char {
    c"rust-panic".as_ptr()
}

unsafe extern "C" fn run(input: *const Input) -> Output {
    let text = CStr::from_ptr((*input).text).to_string_lossy().into_owned();
    if text == "panic" {
        panic!("a panic for the host");
    }
    Output {
        text: CString::new(text).unwrap().into_raw(),
    }
}

unsafe extern "C" fn free_output(output: Output) {
    if !output.text.is_null() {
        drop(CString::from_raw(output.text));
    }
}

static TABLE: Table = Table {
    version: 1,
    name,
    run,
    free_output,
};

#[no_mangle]
pub extern "C" fn plugin_vtable() -> *const Table {
    &TABLE
}
