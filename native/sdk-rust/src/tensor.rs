//! Tensors, images, audio and video that are born in the host's memory.

use crate::abi::{Device, RawManagedTensor, RawTensor, RawValue, DEVICE_CPU, TENSOR_MAX_RANK};
use crate::element::Element;
use crate::error::Error;
use crate::host::Host;
use crate::value::{kind, IntoOutput, Output};
use std::ffi::c_void;
use std::marker::PhantomData;

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
