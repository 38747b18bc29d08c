// A LAO 0.x plugin in Rust of the last generation: version 2, 80 bytes, with run_structured and free_result.
// Its trap: the lazily made `static mut` of the scaffold, which two calls at the same time would race on. The plugin
// notices a second call inside and aborts, as the race may.
use std::ffi::{c_char, CStr, CString};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

#[repr(C)]
pub struct PluginInput {
    text: *mut c_char,
}

#[repr(C)]
pub struct PluginOutput {
    text: *mut c_char,
}

#[repr(C)]
pub struct PluginResult {
    status: u32,
    text: *mut c_char,
}

#[repr(C)]
pub struct PluginMetadata {
    strings: [*const c_char; 9],
}

#[repr(C)]
pub struct PluginVTable {
    version: u32,
    name: unsafe extern "C" fn() -> *const c_char,
    run: unsafe extern "C" fn(*const PluginInput) -> PluginOutput,
    free_output: unsafe extern "C" fn(PluginOutput),
    run_with_buffer: unsafe extern "C" fn(*const PluginInput, *mut c_char, usize) -> usize,
    get_metadata: unsafe extern "C" fn() -> PluginMetadata,
    validate_input: unsafe extern "C" fn(*const PluginInput) -> bool,
    get_capabilities: unsafe extern "C" fn() -> *const c_char,
    run_structured: unsafe extern "C" fn(*const PluginInput) -> PluginResult,
    free_result: unsafe extern "C" fn(PluginResult),
}

const CAPABILITIES: &CStr =
    c"[{\"name\":\"reverse\",\"description\":\"Reverses\",\"input_type\":\"Text\",\"output_type\":\"Text\"}]";
static INSIDE: AtomicBool = AtomicBool::new(false);
static FREED: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn name() -> *const c_char {
    c"RustOfTheLastDays".as_ptr()
}

unsafe extern "C" fn run(_: *const PluginInput) -> PluginOutput {
    panic!("the host must not call run where run_structured is there");
}

unsafe extern "C" fn free_output(_: PluginOutput) {
    panic!("there is no output of run to free");
}

unsafe extern "C" fn run_with_buffer(_: *const PluginInput, _: *mut c_char, _: usize) -> usize {
    panic!("the host must not call run_with_buffer");
}

unsafe extern "C" fn get_metadata() -> PluginMetadata {
    let mut strings = [ptr::null(); 9];
    strings[0] = c"v0-rust-structured".as_ptr();
    strings[1] = c"2.1.0".as_ptr();
    strings[2] = c"Reverses text, in Rust".as_ptr();
    strings[8] = CAPABILITIES.as_ptr();
    PluginMetadata { strings }
}

unsafe extern "C" fn validate_input(input: *const PluginInput) -> bool {
    !input.is_null() && *(*input).text != 0
}

unsafe extern "C" fn get_capabilities() -> *const c_char {
    CAPABILITIES.as_ptr()
}

unsafe extern "C" fn run_structured(input: *const PluginInput) -> PluginResult {
    if INSIDE.swap(true, SeqCst) {
        panic!("two calls at the same time");
    }
    let text = CStr::from_ptr((*input).text).to_string_lossy().into_owned();
    let (status, answer) = match text.as_str() {
        "invalid" => (1, "not valid".to_string()),
        "fail" => (2, "told to fail".to_string()),
        "freed" => (0, FREED.load(SeqCst).to_string()),
        "slow" => {
            std::thread::sleep(Duration::from_millis(20));
            (0, "wols".to_string())
        }
        other => (0, other.chars().rev().collect()),
    };
    INSIDE.store(false, SeqCst);
    PluginResult {
        status,
        text: CString::new(answer).unwrap().into_raw(),
    }
}

unsafe extern "C" fn free_result(result: PluginResult) {
    if !result.text.is_null() {
        FREED.fetch_add(1, SeqCst);
        drop(CString::from_raw(result.text));
    }
}

#[no_mangle]
pub static PLUGIN_VTABLE: PluginVTable = PluginVTable {
    version: 2,
    name,
    run,
    free_output,
    run_with_buffer,
    get_metadata,
    validate_input,
    get_capabilities,
    run_structured,
    free_result,
};

#[no_mangle]
pub extern "C" fn plugin_vtable() -> *const PluginVTable {
    &PLUGIN_VTABLE
}
