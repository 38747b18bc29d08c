//! What tensors are made of.

use crate::abi::Dtype;

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
pub(crate) fn dtype_name(dtype: Dtype) -> String {
    let name = ["int", "uint", "float", "?", "bfloat", "complex"];
    match dtype.code {
        6 => "bool".into(),
        code => format!("{}{}", name.get(usize::from(code)).copied().unwrap_or("dtype"), dtype.bits),
    }
}
