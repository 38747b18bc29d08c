//! Gaussian blur on a graphics processor, by OpenCL: its library is looked for when it is first wanted, and so is the device.
#![allow(unsafe_code)]

use crate::pixels::{Pixel, Pixels};
use libloading::Library;
use std::ffi::{c_char, c_void, CString};
use std::ptr::{null, null_mut};
use std::sync::{Mutex, OnceLock, PoisonError};

#[cfg(target_os = "macos")]
const NAMES: [&str; 1] = ["/System/Library/Frameworks/OpenCL.framework/OpenCL"];
#[cfg(windows)]
const NAMES: [&str; 1] = ["OpenCL.dll"];
#[cfg(not(any(target_os = "macos", windows)))]
const NAMES: [&str; 2] = ["libOpenCL.so.1", "libOpenCL.so"];

const KERNELS: &str = include_str!("blur.cl");
/// Elements of a row that one group of work items does. It never changes, since drivers keep what they built for it.
const GROUP: usize = 64;

// Of CL/cl.h.
const DEVICE_GPU: u64 = 1 << 2;
const DEVICE_ALL: u64 = 0xffff_ffff;
const DEVICE_NAME: u32 = 0x102b;
const BUILD_LOG: u32 = 0x1183;
const READ_WRITE: u64 = 1;
const READ_ONLY_COPY: u64 = 1 << 2 | 1 << 5;

type Object = *mut c_void;
type Release = unsafe extern "C" fn(Object) -> i32;

/// The functions that are used of it.
struct Api {
    platforms: unsafe extern "C" fn(u32, *mut Object, *mut u32) -> i32,
    devices: unsafe extern "C" fn(Object, u64, u32, *mut Object, *mut u32) -> i32,
    device_info: unsafe extern "C" fn(Object, u32, usize, *mut c_void, *mut usize) -> i32,
    context: unsafe extern "C" fn(*const isize, u32, *const Object, *const c_void, *const c_void, *mut i32) -> Object,
    queue: unsafe extern "C" fn(Object, Object, u64, *mut i32) -> Object,
    program: unsafe extern "C" fn(Object, u32, *const *const c_char, *const usize, *mut i32) -> Object,
    build: unsafe extern "C" fn(Object, u32, *const Object, *const c_char, *const c_void, *const c_void) -> i32,
    build_info: unsafe extern "C" fn(Object, Object, u32, usize, *mut c_void, *mut usize) -> i32,
    kernel: unsafe extern "C" fn(Object, *const c_char, *mut i32) -> Object,
    buffer: unsafe extern "C" fn(Object, u64, usize, *const c_void, *mut i32) -> Object,
    argument: unsafe extern "C" fn(Object, u32, usize, *const c_void) -> i32,
    run: unsafe extern "C" fn(
        Object,
        Object,
        u32,
        *const usize,
        *const usize,
        *const usize,
        u32,
        *const Object,
        *mut Object,
    ) -> i32,
    read: unsafe extern "C" fn(Object, Object, u32, usize, usize, *mut c_void, u32, *const Object, *mut Object) -> i32,
    release_buffer: Release,
    release_kernel: Release,
    release_queue: Release,
    release_program: Release,
}

/// An object of OpenCL, released when it goes.
struct Held(Object, Release);

impl Drop for Held {
    fn drop(&mut self) {
        unsafe { (self.1)(self.0) };
    }
}

/// A device, with its programs by element type.
pub struct Gpu {
    api: Api,
    device: Object,
    context: Object,
    programs: Mutex<Vec<(&'static str, Object)>>,
    pub name: String,
}

// OpenCL's functions may be called on any thread; a kernel, whose arguments may not be, belongs to one call here.
unsafe impl Send for Gpu {}
unsafe impl Sync for Gpu {}

/// The device: a graphics processor if there is one, otherwise whatever OpenCL offers. It stays until the process ends.
pub fn find() -> Result<&'static Gpu, String> {
    static FOUND: OnceLock<Result<Gpu, String>> = OnceLock::new();
    FOUND.get_or_init(|| unsafe { open() }).as_ref().map_err(Clone::clone)
}

unsafe fn load() -> Result<Api, String> {
    let library = NAMES.iter().find_map(|name| Library::new(name).ok()).ok_or("OpenCL is not installed")?;
    let library = Box::leak(Box::new(library));
    macro_rules! get {
        ($name:literal) => {
            *library.get($name).map_err(|_| format!("OpenCL has no {}", String::from_utf8_lossy($name)))?
        };
    }
    Ok(Api {
        platforms: get!(b"clGetPlatformIDs"),
        devices: get!(b"clGetDeviceIDs"),
        device_info: get!(b"clGetDeviceInfo"),
        context: get!(b"clCreateContext"),
        queue: get!(b"clCreateCommandQueue"),
        program: get!(b"clCreateProgramWithSource"),
        build: get!(b"clBuildProgram"),
        build_info: get!(b"clGetProgramBuildInfo"),
        kernel: get!(b"clCreateKernel"),
        buffer: get!(b"clCreateBuffer"),
        argument: get!(b"clSetKernelArg"),
        run: get!(b"clEnqueueNDRangeKernel"),
        read: get!(b"clEnqueueReadBuffer"),
        release_buffer: get!(b"clReleaseMemObject"),
        release_kernel: get!(b"clReleaseKernel"),
        release_queue: get!(b"clReleaseCommandQueue"),
        release_program: get!(b"clReleaseProgram"),
    })
}

unsafe fn open() -> Result<Gpu, String> {
    let api = load()?;
    let (mut platforms, mut count) = ([null_mut(); 16], 0);
    if (api.platforms)(platforms.len() as u32, platforms.as_mut_ptr(), &mut count) != 0 {
        return Err("OpenCL has no platform".into());
    }
    let platforms = &platforms[..platforms.len().min(count as usize)];
    let first = |kind: u64| {
        platforms.iter().find_map(|platform| {
            let mut device = null_mut();
            let found = (api.devices)(*platform, kind, 1, &mut device, null_mut()) == 0 && !device.is_null();
            found.then_some(device)
        })
    };
    let device = first(DEVICE_GPU).or_else(|| first(DEVICE_ALL)).ok_or("OpenCL has no device")?;
    let mut status = 0;
    let context = (api.context)(null(), 1, &device, null(), null(), &mut status);
    check(status, "the device cannot be opened")?;
    let (mut name, mut size) = ([0u8; 256], 0);
    check(
        (api.device_info)(device, DEVICE_NAME, name.len(), name.as_mut_ptr().cast(), &mut size),
        "the device has no name",
    )?;
    let name = String::from_utf8_lossy(&name[..size.clamp(1, name.len()) - 1]).trim().to_owned();
    Ok(Gpu { api, device, context, programs: Mutex::new(Vec::new()), name })
}

fn check(status: i32, what: &str) -> Result<(), String> {
    if status == 0 {
        return Ok(());
    }
    Err(format!("{what}: OpenCL's error {status}"))
}

/// OpenCL's name of an element type, and how a sum becomes one.
pub trait Kernel: Pixel {
    const TYPE: &'static str;
    const OPTIONS: &'static str;
}
impl Kernel for u8 {
    const TYPE: &'static str = "uchar";
    const OPTIONS: &'static str = "-DELEMENT=uchar -DROUNDED(x)=convert_uchar_sat((x)+0.5f)";
}
impl Kernel for u16 {
    const TYPE: &'static str = "ushort";
    const OPTIONS: &'static str = "-DELEMENT=ushort -DROUNDED(x)=convert_ushort_sat((x)+0.5f)";
}
impl Kernel for f32 {
    const TYPE: &'static str = "float";
    const OPTIONS: &'static str = "-DELEMENT=float -DROUNDED(x)=(x)";
}

impl Gpu {
    /// The program for an element type, built when it is first wanted.
    unsafe fn program<T: Kernel>(&self) -> Result<Object, String> {
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, program)) = programs.iter().find(|(name, _)| *name == T::TYPE) {
            return Ok(*program);
        }
        let (source, length, mut status) = (KERNELS.as_ptr().cast::<c_char>(), KERNELS.len(), 0);
        let program = (self.api.program)(self.context, 1, &source, &length, &mut status);
        check(status, "the kernels are not taken")?;
        let program = Held(program, self.api.release_program);
        let options = CString::new(T::OPTIONS).map_err(|error| error.to_string())?;
        if (self.api.build)(program.0, 1, &self.device, options.as_ptr(), null(), null()) != 0 {
            let (mut log, mut size) = (vec![0u8; 4096], 0);
            (self.api.build_info)(program.0, self.device, BUILD_LOG, log.len(), log.as_mut_ptr().cast(), &mut size);
            let log = String::from_utf8_lossy(&log[..size.min(log.len())]).trim_matches(['\0', '\n', ' ']).to_owned();
            return Err(format!("the kernels do not build: {log}"));
        }
        let built = program.0;
        std::mem::forget(program); // it stays, like the device
        programs.push((T::TYPE, built));
        Ok(built)
    }

    unsafe fn buffer(&self, flags: u64, bytes: usize, from: *const c_void) -> Result<Held, String> {
        let mut status = 0;
        let buffer = (self.api.buffer)(self.context, flags, bytes, from, &mut status);
        check(status, "no memory on the device")?;
        Ok(Held(buffer, self.api.release_buffer))
    }

    /// The same as on the processor, within rounding: `weights` are those of all taps.
    pub fn blur<T: Kernel>(&self, image: &Pixels<T>, to: &mut [T], weights: &[f32]) -> Result<(), String> {
        assert_eq!(to.len(), image.data.len());
        let row = image.row();
        let numbers = [row, image.height, image.channels, weights.len() / 2].map(|number| number as u32);
        unsafe {
            let program = self.program::<T>()?;
            let mut status = 0;
            let queue = (self.api.queue)(self.context, self.device, 0, &mut status);
            check(status, "no queue")?;
            let queue = Held(queue, self.api.release_queue);
            let bytes = std::mem::size_of_val(to);
            let from = self.buffer(READ_ONLY_COPY, bytes, image.data.as_ptr().cast())?;
            let between = self.buffer(READ_WRITE, to.len() * 4, null())?;
            let done = self.buffer(READ_WRITE, bytes, null())?;
            let taps = self.buffer(READ_ONLY_COPY, std::mem::size_of_val(weights), weights.as_ptr().cast())?;
            let global = [row.div_ceil(GROUP) * GROUP, image.height];
            for (name, from, to) in [(c"along", &from, &between), (c"down", &between, &done)] {
                let kernel = (self.api.kernel)(program, name.as_ptr(), &mut status);
                check(status, "no kernel")?;
                let kernel = Held(kernel, self.api.release_kernel);
                for (at, object) in [from, to, &taps].into_iter().enumerate() {
                    let address = std::ptr::from_ref(&object.0).cast();
                    check(
                        (self.api.argument)(kernel.0, at as u32, std::mem::size_of::<Object>(), address),
                        "an argument",
                    )?;
                }
                for (at, number) in (3..).zip(&numbers) {
                    check((self.api.argument)(kernel.0, at, 4, std::ptr::from_ref(number).cast()), "an argument")?;
                }
                let local = [GROUP, 1];
                let (global, local) = (global.as_ptr(), local.as_ptr());
                let status = (self.api.run)(queue.0, kernel.0, 2, null(), global, local, 0, null(), null_mut());
                check(status, "the kernel does not run")?;
            }
            let status = (self.api.read)(queue.0, done.0, 1, 0, bytes, to.as_mut_ptr().cast(), 0, null(), null_mut());
            check(status, "the kernel failed")
        }
    }
}
