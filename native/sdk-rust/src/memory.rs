//! The memory of a view, and macros that make views of the crate `ndarray` of it. This crate does not depend on it.

/// Where the elements of a [`TensorView`] lie: an element is at the sum of its indices times the strides, where the indices
/// of reversed axes count from their ends.
pub struct Memory<'a, T> {
    /// All elements, and those that lie between them.
    pub elements: &'a [T],
    /// Elements per axis.
    pub shape: Vec<usize>,
    /// In elements.
    pub strides: Vec<usize>,
    /// Axes that run backwards.
    pub reversed: Vec<usize>,
}

/// A view as ndarray has it: `Result<ndarray::CowArray<T, IxDyn>, Error>`. It borrows the caller's memory, in whatever
/// layout; elements that are not aligned are copied. For plugins that depend on the crate `ndarray`; the argument is a
/// [`TensorView`], for an image `image.tensor()`.
#[macro_export]
macro_rules! ndarray_view {
    ($view:expr) => {{
        let view: &$crate::TensorView<_> = &$view;
        let strided = view.memory().and_then(|memory| {
            use ::ndarray::ShapeBuilder;
            let shape = ::ndarray::IxDyn(&memory.shape).strides(::ndarray::IxDyn(&memory.strides));
            let mut array = ::ndarray::ArrayView::from_shape(shape, memory.elements).ok()?;
            for axis in memory.reversed {
                array.invert_axis(::ndarray::Axis(axis));
            }
            Some(::ndarray::CowArray::from(array))
        });
        match strided {
            Some(array) => Ok::<_, $crate::Error>(array),
            None => ::ndarray::ArrayD::from_shape_vec(::ndarray::IxDyn(view.shape()), view.to_vec())
                .map(::ndarray::CowArray::from)
                .map_err($crate::Error::from),
        }
    }};
}

/// An output as ndarray has it: `ndarray::ArrayViewMutD<T>` into the host's memory. The argument is a [`Tensor`], [`Image`],
/// [`Audio`] or [`Video`].
#[macro_export]
macro_rules! ndarray_view_mut {
    ($output:expr) => {{
        let output = &mut $output;
        let shape = output.shape();
        ::ndarray::ArrayViewMutD::from_shape(::ndarray::IxDyn(&shape), output.as_mut_slice())
            .expect("an output is contiguous")
    }};
}
