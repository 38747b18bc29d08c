//! A plugin is driven through its C table, as a host does it.

use lao_plugin::abi::*;
use lao_plugin::*;
use std::ffi::{c_char, c_void, CStr};
use std::sync::atomic::{AtomicI64, Ordering};

struct Counter {
    start: i64,
}

fn create(config: &Config) -> Result<Counter, Error> {
    let start = config.integer("start", 5)?;
    if start < 0 {
        return Err(Error::invalid_config("`start` must not be negative"));
    }
    Ok(Counter { start })
}

fn repeat(plugin: &Counter, text: &str, call: &Call) -> Result<String, Error> {
    call.check_cancelled()?;
    Ok(format!("{}{}", text.repeat(call.integer("times") as usize), plugin.start))
}

fn doomed(_: &Counter, text: &str, _: &Call) -> Result<String, Error> {
    panic!("cannot take {text}")
}

fn doubled(_: &Counter, input: TensorView<f32>, call: &Call) -> Result<Tensor<f32>, Error> {
    let mut output = Tensor::zeros(call.host(), input.shape())?;
    for (to, from) in output.as_mut_slice().iter_mut().zip(input.to_vec()) {
        *to = from * 2.0;
    }
    Ok(output)
}

fn words(_: &Counter, text: &str, _: &Call, out: &mut Sender<String>) -> Result<(), Error> {
    for word in text.split_whitespace() {
        if !out.send(word.into())? {
            break;
        }
    }
    Ok(())
}

fn size(_: &Counter, bytes: &[u8], _: &Call) -> Result<Json, Error> {
    Ok(JsonObject::new().integer("size", bytes.len() as i64).finish())
}

fn nothing(plugin: &Counter, _: (), _: &Call) -> Result<String, Error> {
    Ok(plugin.start.to_string())
}

fn define(plugin: &mut Definition<Counter>) {
    plugin.capability("repeat", "Repeats", repeat).param(Param::integer("times", 1).range(0, 10)).idempotent();
    plugin.capability("doomed", "Panics", doomed);
    plugin.capability("doubled", "Doubles", doubled);
    plugin.stream("words", "Splits", words);
    plugin.capability("size", "Counts", size);
    plugin.capability("nothing", "Takes nothing", nothing);
}

lao_plugin::export! { plugin: Counter, create: create, define: define, manifest: TEXT b"[plugin]\nname = \"counter\"\nversion = \"1.2.3\"\n" }

extern "C" {
    fn lao_plugin_entry(host: *const RawHost) -> *const RawPlugin;
    static lao_plugin_manifest: u8;
}

static LIVE: AtomicI64 = AtomicI64::new(0);

unsafe extern "C" fn alloc(_: *const RawHost, size: u64, _: u64) -> *mut c_void {
    LIVE.fetch_add(1, Ordering::SeqCst);
    let mut block = vec![0u64; 1 + (size as usize).div_ceil(8)];
    block[0] = block.len() as u64;
    Box::into_raw(block.into_boxed_slice()).cast::<u64>().add(1).cast()
}
unsafe extern "C" fn free(_: *const RawHost, memory: *mut c_void) {
    LIVE.fetch_sub(1, Ordering::SeqCst);
    let first = memory.cast::<u64>().sub(1);
    drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(first, *first as usize)));
}
unsafe extern "C" fn log(_: *const RawHost, _: u32, _: *const c_char, _: u64) {}
unsafe extern "C" fn now_ns(_: *const RawHost) -> i64 {
    0
}
unsafe extern "C" fn push(call: *mut Opaque, part: *mut RawValue, _: u32) -> u32 {
    let parts = &mut *call.cast::<Vec<String>>();
    parts.push(text_of(&*part));
    (*part).release.unwrap()(part);
    if parts.len() == 2 {
        2
    } else {
        0
    }
}
unsafe extern "C" fn pull(_: *mut Opaque, _: *mut RawValue, _: u32) -> u32 {
    2
}
static STREAM: RawStreamHost = RawStreamHost { struct_size: 24, reserved: 0, push, pull };
unsafe extern "C" fn get_extension(_: *const RawHost, id: *const c_char) -> *const c_void {
    if CStr::from_ptr(id).to_bytes() == b"lao.stream/1" {
        return (&STREAM as *const RawStreamHost).cast();
    }
    std::ptr::null()
}

struct Table(RawHost);
unsafe impl Sync for Table {}
static HOST: Table = Table(RawHost {
    struct_size: std::mem::size_of::<RawHost>() as u32,
    abi_version: ABI_VERSION,
    lao_version: c"0.1.0".as_ptr(),
    context: std::ptr::null_mut(),
    alloc,
    free,
    log,
    now_ns,
    get_extension,
});

unsafe fn text_of(value: &RawValue) -> String {
    String::from_utf8(std::slice::from_raw_parts(value.data.cast(), value.size as usize).to_vec()).unwrap()
}

unsafe fn plugin() -> &'static RawPlugin {
    lao_plugin_entry(&HOST.0).as_ref().expect("the table")
}

unsafe fn make(json: &str) -> Result<*mut Opaque, (Status, String)> {
    let config = RawConfig {
        struct_size: std::mem::size_of::<RawConfig>() as u32,
        max_threads: 0,
        json: json.as_ptr().cast(),
        json_size: json.len() as u64,
        resource_dir: std::ptr::null(),
        data_dir: std::ptr::null(),
    };
    let mut instance = std::ptr::null_mut();
    said(|error| (plugin().create)(&HOST.0, &config, &mut instance, error)).map(|()| instance)
}

unsafe fn said(action: impl FnOnce(*mut RawError) -> Status) -> Result<(), (Status, String)> {
    let mut buffer = [0u8; 64];
    let mut error = RawError {
        struct_size: std::mem::size_of::<RawError>() as u32,
        text_capacity: 64,
        text_size: 0,
        reserved: 0,
        text: buffer.as_mut_ptr().cast(),
    };
    match action(&mut error) {
        OK => Ok(()),
        status => Err((status, String::from_utf8(buffer[..error.text_size as usize].to_vec()).unwrap())),
    }
}

fn input(kind: u32, data: &[u8]) -> RawValue {
    RawValue { kind, data: data.as_ptr().cast(), size: data.len() as u64, ..RawValue::none() }
}

unsafe fn call(
    instance: *mut Opaque,
    capability: u32,
    inputs: &[*mut RawValue],
    params: &[*const RawParam],
    token: *mut Opaque,
) -> Result<RawValue, (Status, String)> {
    let cancel = 0u32;
    let request = RawRequest {
        struct_size: std::mem::size_of::<RawRequest>() as u32,
        capability,
        input_count: inputs.len() as u32,
        param_count: params.len() as u32,
        inputs: inputs.as_ptr(),
        params: params.as_ptr(),
        params_json: std::ptr::null(),
        params_json_size: 0,
        deadline_ns: i64::MAX,
        cancel: &cancel,
        device_stream: std::ptr::null_mut(),
        call: token,
    };
    let mut output = RawValue::none();
    let slots = [&mut output as *mut RawValue];
    let mut response =
        RawResponse { struct_size: 24, output_capacity: 1, output_count: 0, reserved: 0, outputs: slots.as_ptr() };
    said(|error| (plugin().call)(instance, &request, &mut response, error)).map(|()| output)
}

fn parameter(name: &CStr, param_type: u32, integer: i64) -> RawParam {
    let struct_size = std::mem::size_of::<RawParam>() as u32;
    RawParam { struct_size, param_type, name: name.as_ptr(), integer, number: 0.0, data: std::ptr::null(), size: 0 }
}

#[test]
fn a_plugin_works_through_its_table() {
    unsafe {
        let table = plugin();
        assert_eq!(CStr::from_ptr(table.name).to_str(), Ok("counter"));
        assert_eq!(CStr::from_ptr(table.version).to_str(), Ok("1.2.3"));
        let manifest = CStr::from_ptr(raw_manifest());
        assert!(manifest.to_str().unwrap().contains("1.2.3"));
        assert_eq!(make("{\"start\": -1}").unwrap_err(), (4, "`start` must not be negative".into()));
        assert_eq!(make("{\"start\": \"x\"}").unwrap_err(), (4, "`start` must be an integer".into()));
        let instance = make("{\"start\": 7}").unwrap();

        let mut text = input(kind::TEXT, "aé".as_bytes());
        let times = parameter(c"times", PARAM_INT, 2);
        let output = call(instance, 0, &[&mut text], &[&times], std::ptr::null_mut()).unwrap();
        assert_eq!(text_of(&output), "aéaé7");

        let wrong = [
            (parameter(c"times", PARAM_INT, 11), "parameter `times` must be between 0 and 10"),
            (parameter(c"times", PARAM_BOOL, 1), "parameter `times` must be an integer"),
            (parameter(c"time", PARAM_INT, 1), "there is no parameter `time`"),
        ];
        for (param, said) in &wrong {
            let failure = call(instance, 0, &[&mut text], &[param], std::ptr::null_mut()).err();
            assert_eq!(failure, Some((3, (*said).to_string())));
        }

        let failure = call(instance, 1, &[&mut text], &[], std::ptr::null_mut()).err();
        assert_eq!(failure, Some((1, "the plugin panicked: cannot take aé".into())));
        let long = "é".repeat(100); // longer than the error's buffer: cut between characters
        let mut text = input(kind::TEXT, long.as_bytes());
        let (_, said) = call(instance, 1, &[&mut text], &[], std::ptr::null_mut()).err().unwrap();
        assert!(said.len() >= 63 && said.starts_with("the plugin panicked"));

        let mut binary = input(kind::BINARY, b"\xff\xfe");
        let failure = call(instance, 0, &[&mut binary], &[], std::ptr::null_mut()).err();
        assert_eq!(failure, Some((2, "the input is binary, not text".into())));
        let failure = call(instance, 99, &[&mut binary], &[], std::ptr::null_mut()).err();
        assert_eq!(failure.unwrap().0, 5);
        let mut json = call(instance, 4, &[&mut binary], &[], std::ptr::null_mut()).unwrap();
        assert_eq!(text_of(&json), "{\"size\":2}");
        json.release.unwrap()(&mut json);
        let mut none = call(instance, 5, &[], &[], std::ptr::null_mut()).unwrap();
        assert_eq!(text_of(&none), "7");
        none.release.unwrap()(&mut none);

        let mut elements = [1f32, 2.0, 3.0, 4.0, 5.0, 6.0];
        let (mut shape, mut strides) = ([3i64, 2], [2i64, -1]); // rows, each from right to left
        let mut tensor = RawManagedTensor {
            dlpack_major: 1,
            dlpack_minor: 0,
            manager: std::ptr::null_mut(),
            deleter: None,
            flags: 0,
            tensor: RawTensor {
                data: elements.as_mut_ptr().cast(),
                device: Device { device_type: DEVICE_CPU, device_id: 0 },
                rank: 2,
                dtype: Dtype { code: 2, bits: 32, lanes: 1 },
                shape: shape.as_mut_ptr(),
                strides: strides.as_mut_ptr(),
                byte_offset: 4,
            },
        };
        let mut value = RawValue { kind: kind::TENSOR, tensor: &mut tensor, ..RawValue::none() };
        let doubled = call(instance, 2, &[&mut value], &[], std::ptr::null_mut()).unwrap();
        let data = (*doubled.tensor).tensor.data.cast::<f32>();
        assert_eq!(std::slice::from_raw_parts(data, 6), [4.0, 2.0, 8.0, 6.0, 12.0, 10.0]);
        (*value.tensor).tensor.dtype.bits = 64;
        let failure = call(instance, 2, &[&mut value], &[], std::ptr::null_mut()).err();
        assert_eq!(failure.unwrap().1, "the input has elements of float64, not of float32");

        let mut parts: Vec<String> = Vec::new();
        let mut text = input(kind::TEXT, b"one two three");
        let token = (&mut parts as *mut Vec<String>).cast();
        call(instance, 3, &[&mut text], &[], token).unwrap();
        assert_eq!(parts, ["one", "two"]); // the consumer stopped it after two

        (table.destroy)(instance);
        // Outputs outlive their instance and are released on any thread.
        let (text, tensor) = (Foreign(output), Foreign(doubled));
        std::thread::spawn(move || {
            let (mut text, mut tensor) = (text, tensor);
            text.release();
            tensor.release();
        })
        .join()
        .unwrap();
        assert_eq!(LIVE.load(Ordering::SeqCst), 0);
    }
}

struct Foreign(RawValue);
unsafe impl Send for Foreign {}
impl Foreign {
    unsafe fn release(&mut self) {
        self.0.release.unwrap()(&mut self.0)
    }
}

fn raw_manifest() -> *const c_char {
    std::ptr::addr_of!(lao_plugin_manifest).cast()
}

#[test]
fn a_host_of_another_major_version_gets_no_table() {
    let mut other: RawHost = unsafe { std::ptr::read(&HOST.0) };
    other.abi_version = 2 << 16;
    assert!(unsafe { lao_plugin_entry(&other) }.is_null());
    assert!(unsafe { lao_plugin_entry(std::ptr::null()) }.is_null());
}
