//! Arrays whose element type is asked for when the plugin runs.

use crate::abi::Dtype;
use crate::element::Element;
use crate::error::Error;
use crate::host::Host;
use crate::json::Json;
use crate::tensor::{Audio, Image, Tensor, Video};
use crate::value::{kind, Input, IntoOutput, Output};
use crate::view::{AudioView, ImageView, TensorView, VideoView};

macro_rules! any_arrays {
    ($($name:ident, $out:ident, $kind:expr, $view:ident, $array:ident, $read:ident, $what:literal;)*) => {$(
        #[doc = concat!($what, " with elements of any type, to be asked for.")]
        #[derive(Clone, Copy)]
        pub struct $name<'a>(Input<'a>);

        impl<'a> $name<'a> {
            pub(crate) fn of(input: Input<'a>) -> Result<$name<'a>, Error> {
                input.expect($kind)?;
                input.dtype().map(|_| $name(input))
            }
            /// Its element type, as the ABI names it.
            pub fn dtype(&self) -> Dtype {
                self.0.dtype().unwrap_or(Dtype { code: 0, bits: 0, lanes: 0 })
            }
            /// Whether its elements are of type `T`.
            pub fn is<T: Element>(&self) -> bool {
                self.dtype() == T::DTYPE
            }
            /// It as a view; an error when its elements are of another type.
            pub fn view<T: Element>(&self) -> Result<$view<'a, T>, Error> {
                self.0.$read()
            }
            /// The value itself.
            pub fn input(&self) -> Input<'a> {
                self.0
            }
        }

        #[doc = concat!($what, " to hand out, with elements of whatever type.")]
        pub struct $out(Output);

        impl $out {
            /// Says something beside it: one JSON object.
            pub fn metadata(self, metadata: &Json) -> Result<$out, Error> {
                self.0.metadata(metadata).map($out)
            }
        }

        impl<T: Element> From<$array<T>> for $out {
            fn from(array: $array<T>) -> $out {
                $out(array.output())
            }
        }

        impl IntoOutput for $out {
            const KIND: u32 = $kind;
            fn into_output(self, _: Host) -> Result<Output, Error> {
                Ok(self.0)
            }
        }
    )*};
}

any_arrays! {
    AnyTensor, TensorOut, kind::TENSOR, TensorView, Tensor, tensor, "A tensor";
    AnyImage, ImageOut, kind::IMAGE, ImageView, Image, image, "An image";
    AnyAudio, AudioOut, kind::AUDIO, AudioView, Audio, audio, "Audio";
    AnyVideo, VideoOut, kind::VIDEO, VideoView, Video, video, "Video";
}
