// A LAO 0.x plugin in Rust as the template of the time made it: version 1, 64 bytes, exported both as the function
// `plugin_vtable` and as the static `PLUGIN_VTABLE`, a new string from every name() call, noise on stdout.
// Its trap: the input "nul" makes an output with a NUL in it, `CString::new(..).unwrap()` panics, and a panic inside an
// `extern "C"` function aborts the process.
use std::ffi::{c_char, CStr, CString};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

#[repr(C)]
pub struct PluginInput {
    text: *mut c_char,
}

#[repr(C)]
pub struct PluginOutput {
    text: *mut c_char,
}

#[repr(C)]
pub struct PluginMetadata {
    name: *const c_char,
    version: *const c_char,
    description: *const c_char,
    author: *const c_char,
    dependencies: *const c_char,
    tags: *const c_char,
    input_schema: *const c_char,
    output_schema: *const c_char,
    capabilities: *const c_char,
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
}

const CAPABILITIES: &CStr =
    c"[{\"name\":\"shout\",\"description\":\"Upper case\",\"input_type\":\"Text\",\"output_type\":\"Text\"}]";
static NAMES: AtomicUsize = AtomicUsize::new(0);
static FREED: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn name() -> *const c_char {
    NAMES.fetch_add(1, SeqCst);
    CString::new("RustOfTheOldDays").unwrap().into_raw()
}

unsafe extern "C" fn run(input: *const PluginInput) -> PluginOutput {
    if input.is_null() {
        return PluginOutput {
            text: ptr::null_mut(),
        };
    }
    let text = CStr::from_ptr((*input).text).to_string_lossy().into_owned();
    println!("RustOfTheOldDays got {} bytes", text.len());
    let answer = match text.as_str() {
        "nul" => "cut\0here".to_string(),
        "panic" => panic!("told to panic"),
        "counts" => format!(
            "{{\"names\":{},\"freed\":{}}}",
            NAMES.load(SeqCst),
            FREED.load(SeqCst)
        ),
        "fail" => "error: told to fail".to_string(),
        other => other.to_uppercase(),
    };
    PluginOutput {
        text: CString::new(answer).unwrap().into_raw(),
    }
}

unsafe extern "C" fn free_output(output: PluginOutput) {
    if !output.text.is_null() {
        FREED.fetch_add(1, SeqCst);
        drop(CString::from_raw(output.text));
    }
}

unsafe extern "C" fn run_with_buffer(_: *const PluginInput, _: *mut c_char, _: usize) -> usize {
    panic!("the host must not call run_with_buffer");
}

unsafe extern "C" fn get_metadata() -> PluginMetadata {
    PluginMetadata {
        name: c"v0-rust".as_ptr(),
        version: c"1.0.0".as_ptr(),
        description: c"Upper case, in Rust".as_ptr(),
        author: c"LAO Team".as_ptr(),
        dependencies: ptr::null(),
        tags: c"[\"rust\"]".as_ptr(),
        input_schema: ptr::null(),
        output_schema: ptr::null(),
        capabilities: CAPABILITIES.as_ptr(),
    }
}

unsafe extern "C" fn validate_input(input: *const PluginInput) -> bool {
    !input.is_null()
        && !CStr::from_ptr((*input).text)
            .to_string_lossy()
            .trim()
            .is_empty()
}

unsafe extern "C" fn get_capabilities() -> *const c_char {
    CAPABILITIES.as_ptr()
}

#[no_mangle]
pub static PLUGIN_VTABLE: PluginVTable = PluginVTable {
    version: 1,
    name,
    run,
    free_output,
    run_with_buffer,
    get_metadata,
    validate_input,
    get_capabilities,
};

#[no_mangle]
pub extern "C" fn plugin_vtable() -> *const PluginVTable {
    &PLUGIN_VTABLE
}
