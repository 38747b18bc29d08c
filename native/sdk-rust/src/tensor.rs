//! Tensors, images and audio: views of the host's memory, and outputs that are born in it.

use crate::abi::{Device, Dtype, RawManagedTensor, RawTensor, RawValue, DEVICE_CPU, TENSOR_MAX_RANK};
use crate::error::Error;
use crate::host::Host;
use crate::memory::Memory;
use crate::value::{kind, IntoOutput, Output};
use std::ffi::c_void;
use std::marker::PhantomData;

mod sealed {
    pub trait Sealed {}
}

/// A type that tensors can be made of.
pub trait Element: Copy + Default + Send + Sync + sealed::Sealed + 'static {
    /// The ABI's name of it.
    const DTYPE: Dtype;
    /// # Safety
    /// `at` points to the bytes of one element; they need not be aligned.
    #[doc(hidden)]
    unsafe fn from_memory(at: *const u8) -> Self;
}

macro_rules! elements {
    ($($element:ty: $code:expr, $bits:expr;)*) => {$(
        impl sealed::Sealed for $element {}
        impl Element for $element {
            const DTYPE: Dtype = Dtype { code: $code, bits: $bits, lanes: 1 };
            unsafe fn from_memory(at: *const u8) -> Self {
                at.cast::<$element>().read_unaligned()
            }
        }
    )*};
}

elements! {
    i8: 0, 8; i16: 0, 16; i32: 0, 32; i64: 0, 64;
    u8: 1, 8; u16: 1, 16; u32: 1, 32; u64: 1, 64;
    f32: 2, 32; f64: 2, 64;
}

/// The bits of a 16-bit float, of which Rust has no type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Float16(pub u16);

/// The bits of a bfloat16.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct BFloat16(pub u16);

/// A complex number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Complex<T> {
    /// The real part.
    pub re: T,
    /// The imaginary part.
    pub im: T,
}

elements! {
    Float16: 2, 16; BFloat16: 4, 16;
    Complex<f32>: 5, 64; Complex<f64>: 5, 128;
}

impl sealed::Sealed for bool {}
impl Element for bool {
    const DTYPE: Dtype = Dtype { code: 6, bits: 8, lanes: 1 };
    unsafe fn from_memory(at: *const u8) -> bool {
        *at != 0 // another byte than 0 and 1 would be no bool of Rust
    }
}

/// "float32", "uint8", ...
fn dtype_name(dtype: Dtype) -> String {
    let name = ["int", "uint", "float", "?", "bfloat", "complex"];
    match dtype.code {
        6 => "bool".into(),
        code => format!("{}{}", name.get(usize::from(code)).copied().unwrap_or("dtype"), dtype.bits),
    }
}

/// A tensor of known element type in any layout: strided, reversed, and perhaps not aligned.
#[derive(Clone)]
pub struct TensorView<'a, T> {
    first: *const u8,
    shape: Vec<usize>,
    strides: Vec<isize>,
    life: PhantomData<&'a T>,
}

impl<'a, T: Element> TensorView<'a, T> {
    /// # Safety
    /// `tensor` is a valid tensor of the ABI that lives for `'a`.
    pub(crate) unsafe fn new(tensor: &'a RawTensor) -> Result<TensorView<'a, T>, Error> {
        if tensor.device.device_type != DEVICE_CPU {
            return Err(Error::unsupported("the input lies in device memory; this plugin reads main memory"));
        }
        if tensor.dtype != T::DTYPE {
            return Err(Error::invalid_input(format!(
                "the input has elements of {}, not of {}",
                dtype_name(tensor.dtype),
                dtype_name(T::DTYPE)
            )));
        }
        let rank = tensor.rank as usize;
        let shape: Vec<usize> = (0..rank).map(|axis| *tensor.shape.add(axis) as usize).collect();
        let mut strides = vec![0isize; rank];
        let mut expected = 1isize;
        for axis in (0..rank).rev() {
            strides[axis] = if tensor.strides.is_null() { expected } else { *tensor.strides.add(axis) as isize };
            expected = expected.wrapping_mul(shape[axis] as isize);
        }
        let first = tensor.data.cast::<u8>().cast_const().wrapping_add(tensor.byte_offset as usize);
        Ok(TensorView { first, shape, strides, life: PhantomData })
    }

    /// Elements per axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One element. Panics when the index has another rank or lies outside of the shape.
    pub fn at(&self, index: &[usize]) -> T {
        assert_eq!(index.len(), self.shape.len(), "the index has another rank than the tensor");
        let mut offset = 0isize;
        for (axis, &position) in index.iter().enumerate() {
            assert!(position < self.shape[axis], "index {position} is outside of axis {axis}");
            offset += position as isize * self.strides[axis];
        }
        unsafe { T::from_memory(self.first.wrapping_offset(offset * std::mem::size_of::<T>() as isize)) }
    }

    /// The piece of memory that the elements lie in, for libraries with strided views of their own, such as
    /// [`ndarray_view!`](crate::ndarray_view); `None` when it is not aligned.
    pub fn memory(&self) -> Option<Memory<'a, T>> {
        let (mut lowest, mut highest) = (0isize, 0isize);
        let mut memory = Memory { elements: &[], shape: self.shape.clone(), strides: Vec::new(), reversed: Vec::new() };
        for (axis, (&length, &stride)) in self.shape.iter().zip(&self.strides).enumerate() {
            let reach = length.saturating_sub(1) as isize * stride;
            lowest += reach.min(0);
            highest += reach.max(0);
            memory.strides.push(if length > 1 { stride.unsigned_abs() } else { 0 });
            if length > 1 && stride < 0 {
                memory.reversed.push(axis);
            }
        }
        if self.is_empty() {
            return Some(memory);
        }
        let first = self.first.cast::<T>().wrapping_offset(lowest);
        let is_bool = T::DTYPE.code == 6; // its bytes are not checked
        if is_bool || first as usize % std::mem::align_of::<T>() != 0 {
            return None;
        }
        // From the first to the last element: the host has checked that all between lies in one array.
        memory.elements = unsafe { std::slice::from_raw_parts(first, (highest - lowest) as usize + 1) };
        Some(memory)
    }

    /// The elements as a slice, when they lie in memory that way (C order, aligned).
    pub fn as_slice(&self) -> Option<&'a [T]> {
        if self.is_empty() {
            return Some(&[]);
        }
        let mut expected = 1isize;
        for (length, stride) in self.shape.iter().zip(&self.strides).rev() {
            if *length != 1 && *stride != expected {
                return None;
            }
            expected *= *length as isize;
        }
        let first = self.first.cast::<T>();
        let is_bool = T::DTYPE.code == 6; // its bytes are not checked
        if is_bool || first as usize % std::mem::align_of::<T>() != 0 {
            return None;
        }
        Some(unsafe { std::slice::from_raw_parts(first, self.len()) })
    }

    /// All elements in C order.
    pub fn to_vec(&self) -> Vec<T> {
        if let Some(slice) = self.as_slice() {
            return slice.to_vec();
        }
        let mut elements = Vec::with_capacity(self.len());
        self.copy_axis(0, self.first, &mut elements);
        elements
    }

    fn copy_axis(&self, axis: usize, from: *const u8, to: &mut Vec<T>) {
        if axis == self.shape.len() {
            to.push(unsafe { T::from_memory(from) });
            return;
        }
        let step = self.strides[axis] * std::mem::size_of::<T>() as isize;
        for position in 0..self.shape[axis] {
            self.copy_axis(axis + 1, from.wrapping_offset(position as isize * step), to);
        }
    }
}

/// height x width x channels.
pub struct ImageView<'a, T> {
    pub(crate) tensor: TensorView<'a, T>,
    pub(crate) channel_order: u32,
    pub(crate) color_space: u32,
}

impl<'a, T: Element> ImageView<'a, T> {
    /// The elements.
    pub fn tensor(&self) -> &TensorView<'a, T> {
        &self.tensor
    }
    /// Rows.
    pub fn height(&self) -> usize {
        self.tensor.shape[0]
    }
    /// Columns.
    pub fn width(&self) -> usize {
        self.tensor.shape[1]
    }
    /// Channels; 1 for an image of two axes.
    pub fn channels(&self) -> usize {
        self.tensor.shape.get(2).copied().unwrap_or(1)
    }
    /// `LAO_CHANNELS_*` of the C headers; 0 = not said.
    pub fn channel_order(&self) -> u32 {
        self.channel_order
    }
    /// `LAO_COLOR_*` of the C headers; 0 = not said.
    pub fn color_space(&self) -> u32 {
        self.color_space
    }
    /// One sample. Panics outside of the image.
    pub fn at(&self, row: usize, column: usize, channel: usize) -> T {
        if self.tensor.shape.len() == 2 {
            assert_eq!(channel, 0, "the image has one channel");
            return self.tensor.at(&[row, column]);
        }
        self.tensor.at(&[row, column, channel])
    }
}

/// frames x height x width x channels.
#[derive(Clone)]
pub struct VideoView<'a, T> {
    pub(crate) tensor: TensorView<'a, T>,
    pub(crate) channel_order: u32,
    pub(crate) color_space: u32,
}

impl<'a, T: Element> VideoView<'a, T> {
    /// The elements.
    pub fn tensor(&self) -> &TensorView<'a, T> {
        &self.tensor
    }
    /// Frames.
    pub fn frames(&self) -> usize {
        self.tensor.shape[0]
    }
    /// Rows.
    pub fn height(&self) -> usize {
        self.tensor.shape[1]
    }
    /// Columns.
    pub fn width(&self) -> usize {
        self.tensor.shape[2]
    }
    /// Channels; 1 for video of three axes.
    pub fn channels(&self) -> usize {
        self.tensor.shape.get(3).copied().unwrap_or(1)
    }
    /// `LAO_CHANNELS_*` of the C headers; 0 = not said.
    pub fn channel_order(&self) -> u32 {
        self.channel_order
    }
    /// `LAO_COLOR_*` of the C headers; 0 = not said.
    pub fn color_space(&self) -> u32 {
        self.color_space
    }
}

/// frames x channels.
pub struct AudioView<'a, T> {
    pub(crate) tensor: TensorView<'a, T>,
    pub(crate) sample_rate_hz: u32,
}

impl<'a, T: Element> AudioView<'a, T> {
    /// The elements.
    pub fn tensor(&self) -> &TensorView<'a, T> {
        &self.tensor
    }
    /// Frames.
    pub fn frames(&self) -> usize {
        self.tensor.shape[0]
    }
    /// Channels; 1 for audio of one axis.
    pub fn channels(&self) -> usize {
        self.tensor.shape.get(1).copied().unwrap_or(1)
    }
    /// Hz; 0 = unknown.
    pub fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }
}

#[repr(C)]
struct Given {
    managed: RawManagedTensor,
    shape: [i64; TENSOR_MAX_RANK],
    host: Host,
}

unsafe extern "C" fn release_given(value: *mut RawValue) {
    let given = Box::from_raw((*value).owner.cast::<Given>());
    given.host.free(given.managed.tensor.data);
}

/// A tensor in C order in the host's memory: it is handed out without a copy.
pub struct Tensor<T> {
    output: Output,
    len: usize,
    element: PhantomData<T>,
}

impl<T: Element> Tensor<T> {
    /// All elements zero. At most 32 axes.
    pub fn zeros(host: Host, shape: &[usize]) -> Result<Tensor<T>, Error> {
        Tensor::of_kind(host, shape, kind::TENSOR)
    }

    fn of_kind(host: Host, shape: &[usize], kind: u32) -> Result<Tensor<T>, Error> {
        let mut tensor = Tensor::<T>::room(host, shape, kind)?;
        let bytes = std::mem::size_of_val(tensor.as_mut_slice());
        unsafe { tensor.as_mut_slice().as_mut_ptr().cast::<u8>().write_bytes(0, bytes) };
        Ok(tensor)
    }

    /// The elements are any values: for who writes every one of them. Saves the time that zeros take.
    pub fn unfilled(host: Host, shape: &[usize]) -> Result<Tensor<T>, Error> {
        Tensor::unfilled_of_kind(host, shape, kind::TENSOR)
    }

    fn unfilled_of_kind(host: Host, shape: &[usize], kind: u32) -> Result<Tensor<T>, Error> {
        let is_bool = T::DTYPE.code == 6; // not every byte is one
        if is_bool {
            Tensor::of_kind(host, shape, kind)
        } else {
            Tensor::room(host, shape, kind)
        }
    }

    /// Its elements are what the host's memory had in it: old bytes of this process, which are values of `T` whatever they
    /// are, except for `bool`, whose callers clear them.
    fn room(host: Host, shape: &[usize], kind: u32) -> Result<Tensor<T>, Error> {
        let len = shape.iter().try_fold(1usize, |total, &length| total.checked_mul(length));
        let bytes = len.and_then(|len| len.checked_mul(std::mem::size_of::<T>()));
        let (Some(len), Some(bytes)) = (len, bytes.filter(|&bytes| bytes <= isize::MAX as usize)) else {
            return Err(Error::out_of_memory());
        };
        if shape.len() > TENSOR_MAX_RANK {
            return Err(Error::failed(format!("a tensor has at most {TENSOR_MAX_RANK} axes")));
        }
        let data = host.alloc(bytes);
        if data.is_null() {
            return Err(Error::out_of_memory());
        }
        let mut given = Box::new(Given {
            managed: RawManagedTensor {
                dlpack_major: 1,
                dlpack_minor: 0,
                manager: std::ptr::null_mut(),
                deleter: None,
                flags: 0,
                tensor: RawTensor {
                    data: data.cast(),
                    device: Device { device_type: DEVICE_CPU, device_id: 0 },
                    rank: shape.len() as i32,
                    dtype: T::DTYPE,
                    shape: std::ptr::null_mut(),
                    strides: std::ptr::null_mut(),
                    byte_offset: 0,
                },
            },
            shape: [0; TENSOR_MAX_RANK],
            host,
        });
        for (to, &from) in given.shape.iter_mut().zip(shape) {
            *to = from as i64;
        }
        let given = Box::into_raw(given);
        let mut raw = RawValue::none();
        unsafe {
            (*given).managed.tensor.shape = std::ptr::addr_of_mut!((*given).shape).cast();
            raw.tensor = std::ptr::addr_of_mut!((*given).managed);
        }
        raw.kind = kind;
        raw.owner = given.cast::<c_void>();
        raw.release = Some(release_given);
        Ok(Tensor { output: Output::from_raw(raw), len, element: PhantomData })
    }

    pub(crate) fn output(self) -> Output {
        self.output
    }

    /// Elements per axis.
    pub fn shape(&self) -> Vec<usize> {
        let tensor = unsafe { &(*self.output.raw().tensor).tensor };
        (0..tensor.rank as usize).map(|axis| unsafe { *tensor.shape.add(axis) } as usize).collect()
    }

    /// The elements in C order.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        unsafe {
            let data = (*self.output.raw().tensor).tensor.data.cast::<T>();
            std::slice::from_raw_parts_mut(data, self.len)
        }
    }
}

impl<T: Element> IntoOutput for Tensor<T> {
    const KIND: u32 = kind::TENSOR;
    fn into_output(self, _: Host) -> Result<Output, Error> {
        Ok(self.output)
    }
}

/// An image in the host's memory.
pub struct Image<T>(Tensor<T>);

impl<T: Element> Image<T> {
    /// All samples zero.
    pub fn zeros(host: Host, height: usize, width: usize, channels: usize) -> Result<Image<T>, Error> {
        Tensor::of_kind(host, &[height, width, channels], kind::IMAGE).map(Image)
    }
    /// The samples are any values: for who writes every one of them. Saves the time that zeros take.
    pub fn unfilled(host: Host, height: usize, width: usize, channels: usize) -> Result<Image<T>, Error> {
        Tensor::unfilled_of_kind(host, &[height, width, channels], kind::IMAGE).map(Image)
    }
    /// Says what the channels are: `LAO_CHANNELS_*` and `LAO_COLOR_*` of the C headers.
    pub fn describe(mut self, channel_order: u32, color_space: u32) -> Image<T> {
        self.0.output.raw_mut().channel_order = channel_order;
        self.0.output.raw_mut().color_space = color_space;
        self
    }
    /// Elements per axis.
    pub fn shape(&self) -> Vec<usize> {
        self.0.shape()
    }
    /// The samples, row by row.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        self.0.as_mut_slice()
    }
}

impl<T: Element> Image<T> {
    pub(crate) fn output(self) -> Output {
        self.0.output
    }
}

impl<T: Element> IntoOutput for Image<T> {
    const KIND: u32 = kind::IMAGE;
    fn into_output(self, _: Host) -> Result<Output, Error> {
        Ok(self.0.output)
    }
}

/// Audio in the host's memory.
pub struct Audio<T>(Tensor<T>);

impl<T: Element> Audio<T> {
    /// Silence.
    pub fn zeros(host: Host, frames: usize, channels: usize, sample_rate_hz: u32) -> Result<Audio<T>, Error> {
        Tensor::of_kind(host, &[frames, channels], kind::AUDIO).map(|tensor| Audio::at(tensor, sample_rate_hz))
    }
    /// The samples are any values: for who writes every one of them. Saves the time that silence takes.
    pub fn unfilled(host: Host, frames: usize, channels: usize, sample_rate_hz: u32) -> Result<Audio<T>, Error> {
        let tensor = Tensor::unfilled_of_kind(host, &[frames, channels], kind::AUDIO)?;
        Ok(Audio::at(tensor, sample_rate_hz))
    }
    fn at(mut tensor: Tensor<T>, sample_rate_hz: u32) -> Audio<T> {
        tensor.output.raw_mut().sample_rate_hz = sample_rate_hz;
        Audio(tensor)
    }
    /// Elements per axis.
    pub fn shape(&self) -> Vec<usize> {
        self.0.shape()
    }
    /// The samples, frame by frame.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        self.0.as_mut_slice()
    }
}

impl<T: Element> Audio<T> {
    pub(crate) fn output(self) -> Output {
        self.0.output
    }
}

impl<T: Element> IntoOutput for Audio<T> {
    const KIND: u32 = kind::AUDIO;
    fn into_output(self, _: Host) -> Result<Output, Error> {
        Ok(self.0.output)
    }
}

/// Video in the host's memory.
pub struct Video<T>(Tensor<T>);

impl<T: Element> Video<T> {
    /// All samples zero; the shape is frames, height, width, channels.
    pub fn zeros(host: Host, shape: [usize; 4]) -> Result<Video<T>, Error> {
        Tensor::of_kind(host, &shape, kind::VIDEO).map(Video)
    }
    /// The samples are any values: for who writes every one of them. Saves the time that zeros take.
    pub fn unfilled(host: Host, shape: [usize; 4]) -> Result<Video<T>, Error> {
        Tensor::unfilled_of_kind(host, &shape, kind::VIDEO).map(Video)
    }
    /// Says what the channels are: `LAO_CHANNELS_*` and `LAO_COLOR_*` of the C headers.
    pub fn describe(mut self, channel_order: u32, color_space: u32) -> Video<T> {
        self.0.output.raw_mut().channel_order = channel_order;
        self.0.output.raw_mut().color_space = color_space;
        self
    }
    /// Elements per axis.
    pub fn shape(&self) -> Vec<usize> {
        self.0.shape()
    }
    /// The samples, frame by frame.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        self.0.as_mut_slice()
    }
    pub(crate) fn output(self) -> Output {
        self.0.output
    }
}

impl<T: Element> IntoOutput for Video<T> {
    const KIND: u32 = kind::VIDEO;
    fn into_output(self, _: Host) -> Result<Output, Error> {
        Ok(self.output())
    }
}
