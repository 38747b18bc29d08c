//! Calls that take their input, or give their output, in parts.

use crate::abi::{RawRequest, RawStreamHost, STREAM_CONTINUE, STREAM_ERROR, STREAM_NO_WAIT, STREAM_STOP, STREAM_WAIT};
use crate::call::Call;
use crate::element::Element;
use crate::error::Error;
use crate::host::Host;
use crate::json::Json;
use crate::services::Filled;
use crate::tensor::{Audio, Image, Tensor};
use crate::value::{kind, Input, IntoOutput, JsonText, Output};
use crate::view::{AudioView, ImageView, TensorView};
use std::marker::PhantomData;

fn service<'a>(call: &Call<'a>) -> Result<&'a RawStreamHost, Error> {
    // The ABI promises that the table lives until the process ends.
    unsafe { call.host().extension("lao.stream/1").cast::<RawStreamHost>().as_ref() }
        .ok_or_else(|| Error::unsupported("this host does not stream"))
}

/// The output of a streaming capability, part by part.
pub struct Sender<'a, R> {
    host: Host,
    request: &'a RawRequest,
    service: &'a RawStreamHost,
    part: PhantomData<R>,
}

impl<'a, R: IntoOutput> Sender<'a, R> {
    pub(crate) fn new(call: &Call<'a>) -> Result<Sender<'a, R>, Error> {
        Ok(Sender { host: call.host(), request: call.request(), service: service(call)?, part: PhantomData })
    }

    /// Hands out one part, and waits while the consumer is behind. `false`: nobody wants more, return soon.
    pub fn send(&mut self, part: R) -> Result<bool, Error> {
        Ok(self.push(part, 0)? == STREAM_CONTINUE)
    }

    /// The same without waiting. `None`: the consumer is behind, and the part is gone; send one later.
    pub fn try_send(&mut self, part: R) -> Result<Option<bool>, Error> {
        let answer = self.push(part, STREAM_NO_WAIT)?;
        Ok((answer != STREAM_WAIT).then_some(answer == STREAM_CONTINUE))
    }

    fn push(&mut self, part: R, flags: u32) -> Result<u32, Error> {
        let mut output = part.into_output(self.host)?;
        let answer = unsafe { (self.service.push)(self.request.call, output.raw_mut(), flags) };
        if answer == STREAM_ERROR {
            let text = "this part was refused: it is not of the declared type, or the call is no stream";
            return Err(Error::unsupported(text));
        }
        if answer != STREAM_WAIT {
            output.raw_mut().release = None; // with CONTINUE and STOP it is the host's
        }
        Ok(answer)
    }
}

/// What a part of an input is read as; named by the type that a part of an output would have: `Receiver<String>` gives
/// `&str`, `Receiver<Audio<f32>>` gives `AudioView<f32>`, and so on.
pub trait Part: 'static {
    #[doc(hidden)]
    const KIND: u32;
    /// The part as it is read.
    type View<'p>;
    #[doc(hidden)]
    fn read(input: Input<'_>) -> Result<Self::View<'_>, Error>;
}

macro_rules! parts {
    ($($name:ty, $kind:expr, $view:ty, [$($generic:ident)?], $input:ident => $read:expr;)*) => {$(
        impl<$($generic: Element)?> Part for $name {
            const KIND: u32 = $kind;
            type View<'p> = $view;
            fn read($input: Input<'_>) -> Result<Self::View<'_>, Error> {
                $read
            }
        }
    )*};
}

parts! {
    String, kind::TEXT, &'p str, [], input => input.text();
    Json, kind::JSON, JsonText<'p>, [], input => input.json();
    Vec<u8>, kind::BINARY, &'p [u8], [], input => input.expect(kind::BINARY).map(|()| input.bytes());
    Tensor<T>, kind::TENSOR, TensorView<'p, T>, [T], input => input.expect(kind::TENSOR).and_then(|()| input.tensor());
    Image<T>, kind::IMAGE, ImageView<'p, T>, [T], input => input.image();
    Audio<T>, kind::AUDIO, AudioView<'p, T>, [T], input => input.audio();
    Output, kind::ANY, Input<'p>, [], input => Ok(input);
}

/// The input of a capability that takes it in parts. An input that came whole is the first part.
pub struct Receiver<'a, V> {
    call: Call<'a>,
    service: &'a RawStreamHost,
    whole: usize,
    part: Filled,
    kind: PhantomData<V>,
}

impl<'a, V: Part> Receiver<'a, V> {
    pub(crate) fn new(call: &Call<'a>) -> Result<Receiver<'a, V>, Error> {
        Ok(Receiver { call: *call, service: service(call)?, whole: 0, part: Filled::new(), kind: PhantomData })
    }

    /// The next part, which lives until the following `next`; `None` at the end. Waits for the caller. An error when the
    /// call was cancelled meanwhile, and when the part is of another type.
    #[allow(clippy::should_implement_trait)] // a part borrows the receiver
    pub fn next(&mut self) -> Result<Option<V::View<'_>>, Error> {
        if let Some(input) = self.call.given_input(self.whole) {
            self.whole += 1;
            return V::read(input).map(Some);
        }
        self.part = Filled::new();
        let answer = unsafe { (self.service.pull)(self.call.raw_call(), self.part.raw_mut(), 0) };
        if answer != STREAM_CONTINUE {
            self.call.check_cancelled()?;
            return if answer == STREAM_STOP {
                Ok(None)
            } else {
                Err(Error::invalid_input("the stream of the input broke off"))
            };
        }
        V::read(unsafe { Input::new(self.part.raw()) }).map(Some)
    }
}
