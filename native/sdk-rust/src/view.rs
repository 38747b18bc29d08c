//! Tensors, images, audio and video of somebody else, read where they lie.

use crate::abi::{RawTensor, DEVICE_CPU};
use crate::element::{dtype_name, Element};
use crate::error::Error;
use crate::memory::Memory;
use std::marker::PhantomData;

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
