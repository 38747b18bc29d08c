//! The structs of the C ABI, as `include/lao/*.h` declares them. Nothing here is for authors.
#![allow(missing_docs)]

use std::ffi::{c_char, c_void};

pub const ABI_VERSION: u32 = 1 << 16;

pub type Status = u32;
pub const OK: Status = 0;
pub const FAILED: Status = 1;

pub const CAPABILITY_IDEMPOTENT: u32 = 1;
pub const CAPABILITY_STREAMS_OUT: u32 = 2;
pub const CAPABILITY_STREAMS_IN: u32 = 4;

pub const PARAM_BOOL: u32 = 1;
pub const PARAM_INT: u32 = 2;
pub const PARAM_DOUBLE: u32 = 3;
pub const PARAM_TEXT: u32 = 4;
pub const PARAM_BYTES: u32 = 5;
pub const PARAM_JSON: u32 = 6;

pub const DEVICE_CPU: i32 = 1;
pub const TENSOR_MAX_RANK: usize = 32;

pub const STREAM_CONTINUE: u32 = 0;
pub const STREAM_WAIT: u32 = 1;
pub const STREAM_STOP: u32 = 2;
pub const STREAM_NO_WAIT: u32 = 1;
pub const STREAM_ERROR: u32 = 3;

/// An opaque type of the other side.
#[repr(C)]
pub struct Opaque {
    _private: [u8; 0],
}

#[repr(C)]
pub struct RawError {
    pub struct_size: u32,
    pub text_capacity: u32,
    pub text_size: u32,
    pub reserved: u32,
    pub text: *mut c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Device {
    pub device_type: i32,
    pub device_id: i32,
}

/// Element type of a tensor.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dtype {
    pub code: u8,
    pub bits: u8,
    pub lanes: u16,
}

#[repr(C)]
pub struct RawTensor {
    pub data: *mut c_void,
    pub device: Device,
    pub rank: i32,
    pub dtype: Dtype,
    pub shape: *mut i64,
    pub strides: *mut i64,
    pub byte_offset: u64,
}

#[repr(C)]
pub struct RawManagedTensor {
    pub dlpack_major: u32,
    pub dlpack_minor: u32,
    pub manager: *mut c_void,
    pub deleter: Option<unsafe extern "C" fn(*mut RawManagedTensor)>,
    pub flags: u64,
    pub tensor: RawTensor,
}

#[repr(C)]
pub struct RawValue {
    pub struct_size: u32,
    pub kind: u32,
    pub flags: u32,
    pub sample_rate_hz: u32,
    pub color_space: u32,
    pub channel_order: u32,
    pub data: *const c_void,
    pub size: u64,
    pub tensor: *mut RawManagedTensor,
    pub media_type: *const c_char,
    pub metadata: *const c_char,
    pub metadata_size: u64,
    pub file_handle: i64,
    pub release: Option<unsafe extern "C" fn(*mut RawValue)>,
    pub owner: *mut c_void,
}

impl RawValue {
    /// A cleared value.
    pub fn none() -> RawValue {
        RawValue {
            struct_size: std::mem::size_of::<RawValue>() as u32,
            kind: 0,
            flags: 0,
            sample_rate_hz: 0,
            color_space: 0,
            channel_order: 0,
            data: std::ptr::null(),
            size: 0,
            tensor: std::ptr::null_mut(),
            media_type: std::ptr::null(),
            metadata: std::ptr::null(),
            metadata_size: 0,
            file_handle: -1,
            release: None,
            owner: std::ptr::null_mut(),
        }
    }
}

#[repr(C)]
pub struct RawParam {
    pub struct_size: u32,
    pub param_type: u32,
    pub name: *const c_char,
    pub integer: i64,
    pub number: f64,
    pub data: *const c_void,
    pub size: u64,
}

#[repr(C)]
pub struct RawHost {
    pub struct_size: u32,
    pub abi_version: u32,
    pub lao_version: *const c_char,
    pub context: *mut c_void,
    pub alloc: unsafe extern "C" fn(*const RawHost, u64, u64) -> *mut c_void,
    pub free: unsafe extern "C" fn(*const RawHost, *mut c_void),
    pub log: unsafe extern "C" fn(*const RawHost, u32, *const c_char, u64),
    pub now_ns: unsafe extern "C" fn(*const RawHost) -> i64,
    pub get_extension: unsafe extern "C" fn(*const RawHost, *const c_char) -> *const c_void,
}

#[repr(C)]
pub struct RawCapability {
    pub struct_size: u32,
    pub flags: u32,
    pub name: *const c_char,
    pub description: *const c_char,
    pub input_kind: u32,
    pub output_kind: u32,
    pub input_schema: *const c_char,
    pub output_schema: *const c_char,
    pub params_schema: *const c_char,
    pub max_batch: u32,
    pub reserved: u32,
}

#[repr(C)]
pub struct RawConfig {
    pub struct_size: u32,
    pub max_threads: u32,
    pub json: *const c_char,
    pub json_size: u64,
    pub resource_dir: *const c_char,
    pub data_dir: *const c_char,
}

#[repr(C)]
pub struct RawRequest {
    pub struct_size: u32,
    pub capability: u32,
    pub input_count: u32,
    pub param_count: u32,
    pub inputs: *const *mut RawValue,
    pub params: *const *const RawParam,
    pub params_json: *const c_char,
    pub params_json_size: u64,
    pub deadline_ns: i64,
    pub cancel: *const u32,
    pub device_stream: *mut c_void,
    pub call: *mut Opaque,
}

#[repr(C)]
pub struct RawResponse {
    pub struct_size: u32,
    pub output_capacity: u32,
    pub output_count: u32,
    pub reserved: u32,
    pub outputs: *const *mut RawValue,
}

pub type CreateFn = unsafe extern "C" fn(*const RawHost, *const RawConfig, *mut *mut Opaque, *mut RawError) -> Status;
pub type CallFn = unsafe extern "C" fn(*mut Opaque, *const RawRequest, *mut RawResponse, *mut RawError) -> Status;

#[repr(C)]
pub struct RawPlugin {
    pub struct_size: u32,
    pub abi_version: u32,
    pub name: *const c_char,
    pub version: *const c_char,
    pub description: *const c_char,
    pub thread_role: u32,
    pub capability_count: u32,
    pub capabilities: *const *const RawCapability,
    pub create: CreateFn,
    pub destroy: unsafe extern "C" fn(*mut Opaque),
    pub call: CallFn,
    pub get_extension: Option<unsafe extern "C" fn(*const c_char) -> *const c_void>,
    pub shutdown: Option<unsafe extern "C" fn()>,
    pub config_schema: *const c_char,
    pub events: *const *const RawDeclaredEvent,
    pub event_count: u32,
    pub reserved: u32,
}

#[repr(C)]
pub struct RawDeclaredEvent {
    pub struct_size: u32,
    pub reserved: u32,
    pub name: *const c_char,
    pub description: *const c_char,
    pub data_schema: *const c_char,
}

#[repr(C)]
pub struct RawBatchPlugin {
    pub struct_size: u32,
    pub reserved: u32,
    pub call_batch: unsafe extern "C" fn(
        *mut Opaque,
        u32,
        *const *const RawRequest,
        *const *mut RawResponse,
        *const *mut RawError,
        *mut Status,
    ),
}

pub type OnEventFn =
    unsafe extern "C" fn(*mut Opaque, *const c_char, *const c_char, *const c_char, u64, *mut RawError) -> Status;

#[repr(C)]
pub struct RawEventsPlugin {
    pub struct_size: u32,
    pub reserved: u32,
    pub on_event: OnEventFn,
}

#[repr(C)]
pub struct RawLifecyclePlugin {
    pub struct_size: u32,
    pub reserved: u32,
    pub configure: unsafe extern "C" fn(*mut Opaque, *const RawConfig, *mut RawError) -> Status,
    pub health: unsafe extern "C" fn(*mut Opaque, *mut RawError) -> Status,
}

#[repr(C)]
pub struct RawStreamHost {
    pub struct_size: u32,
    pub reserved: u32,
    pub push: unsafe extern "C" fn(*mut Opaque, *mut RawValue, u32) -> u32,
    pub pull: unsafe extern "C" fn(*mut Opaque, *mut RawValue, u32) -> u32,
}

#[repr(C)]
pub struct RawStatePlugin {
    pub struct_size: u32,
    pub state_version: u32,
    pub save: unsafe extern "C" fn(*mut Opaque, *mut RawValue, *mut RawError) -> Status,
    pub load: unsafe extern "C" fn(*mut Opaque, *const c_void, u64, u32, *mut RawError) -> Status,
}

#[repr(C)]
pub struct RawProgressHost {
    pub struct_size: u32,
    pub reserved: u32,
    pub report: unsafe extern "C" fn(*mut Opaque, f64, *const c_char),
}

#[repr(C)]
pub struct RawScratchHost {
    pub struct_size: u32,
    pub reserved: u32,
    pub get: unsafe extern "C" fn(*const RawHost, *const c_char, *mut RawValue) -> Status,
    pub put: unsafe extern "C" fn(*const RawHost, *const c_char, *const c_void, u64) -> Status,
}

#[repr(C)]
pub struct RawFilesHost {
    pub struct_size: u32,
    pub reserved: u32,
    pub open: unsafe extern "C" fn(*const RawHost, *const c_char, u32, *mut i64, *mut RawError) -> Status,
}

#[repr(C)]
pub struct RawHttpHost {
    pub struct_size: u32,
    pub reserved: u32,
    pub fetch: unsafe extern "C" fn(
        *const RawHost,
        *const RawValue,
        *const RawValue,
        *mut RawValue,
        *mut RawValue,
        *mut RawError,
    ) -> Status,
}

#[repr(C)]
pub struct RawCommandsHost {
    pub struct_size: u32,
    pub reserved: u32,
    pub run: unsafe extern "C" fn(*const RawHost, *const *const c_char, u32, *mut RawValue, *mut RawError) -> Status,
}

#[repr(C)]
pub struct RawCallsHost {
    pub struct_size: u32,
    pub reserved: u32,
    pub call: unsafe extern "C" fn(
        *mut Opaque,
        *const c_char,
        *const c_char,
        *const RawValue,
        *const c_char,
        *mut RawValue,
        *mut RawError,
    ) -> Status,
}

#[repr(C)]
pub struct RawEventsHost {
    pub struct_size: u32,
    pub reserved: u32,
    pub emit: unsafe extern "C" fn(*const RawHost, *const c_char, *const c_char, u64) -> Status,
}
