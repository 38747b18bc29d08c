//! Which functions can be capabilities: their types say what they take and give.

use crate::abi::CAPABILITY_STREAMS_IN;
use crate::any::{AnyAudio, AnyImage, AnyTensor, AnyVideo};
use crate::call::Call;
use crate::element::Element;
use crate::error::Error;
use crate::stream::{Part, Receiver, Sender};
use crate::value::{kind, BinaryInput, FileInput, Input, IntoOutput, JsonText, Output};
use crate::view::{AudioView, ImageView, TensorView, VideoView};
use std::path::Path;

/// A function that can be a capability. `M` only tells the shapes of functions apart.
pub trait Handler<P, M>: Send + Sync + 'static {
    #[doc(hidden)]
    const INPUT: u32;
    #[doc(hidden)]
    const OUTPUT: u32;
    #[doc(hidden)]
    const FLAGS: u32 = 0;
    #[doc(hidden)]
    fn run(&self, plugin: &P, call: &Call<'_>) -> Result<Output, Error>;
}

/// A function that can be a streaming capability.
pub trait StreamHandler<P, M>: Send + Sync + 'static {
    #[doc(hidden)]
    const INPUT: u32;
    #[doc(hidden)]
    const OUTPUT: u32;
    #[doc(hidden)]
    const FLAGS: u32 = 0;
    #[doc(hidden)]
    fn run(&self, plugin: &P, call: &Call<'_>) -> Result<(), Error>;
}

/// A function that can be a capability which takes several requests at once.
pub trait BatchHandler<P, M>: Send + Sync + 'static {
    #[doc(hidden)]
    const INPUT: u32;
    #[doc(hidden)]
    const OUTPUT: u32;
    /// One answer for each call.
    #[doc(hidden)]
    fn run(&self, plugin: &P, calls: &[Call<'_>]) -> Vec<Result<Output, Error>>;
}

/// Tells the input types of functions apart.
#[doc(hidden)]
pub mod marker {
    use std::marker::PhantomData;
    pub struct Text;
    pub struct Document;
    pub struct Bytes;
    pub struct File;
    pub struct OpenFile;
    pub struct Binary;
    pub struct AnyTensor;
    pub struct AnyImage;
    pub struct AnyAudio;
    pub struct AnyVideo;
    pub struct Anything;
    pub struct Nothing;
    pub struct Tensor<T>(PhantomData<T>);
    pub struct Image<T>(PhantomData<T>);
    pub struct Audio<T>(PhantomData<T>);
    pub struct Video<T>(PhantomData<T>);
    pub struct Parts<V>(PhantomData<V>);
}

macro_rules! handlers {
    ($($marker:ty, $input:ty, $kind:expr, [$($generic:ident)?], $read:expr;)*) => {$(
        impl<P, R, F $(, $generic: Element)?> Handler<P, ($marker, R)> for F
        where
            R: IntoOutput,
            F: for<'a> Fn(&P, $input, &Call<'a>) -> Result<R, Error> + Send + Sync + 'static,
        {
            const INPUT: u32 = $kind;
            const OUTPUT: u32 = R::KIND;
            fn run(&self, plugin: &P, call: &Call<'_>) -> Result<Output, Error> {
                let input = call.input($kind)?;
                #[allow(clippy::redundant_closure_call)]
                self(plugin, $read(input)?, call)?.into_output(call.host())
            }
        }

        impl<P, R, F $(, $generic: Element)?> StreamHandler<P, ($marker, R)> for F
        where
            R: IntoOutput,
            F: for<'a> Fn(&P, $input, &Call<'a>, &mut Sender<'a, R>) -> Result<(), Error> + Send + Sync + 'static,
        {
            const INPUT: u32 = $kind;
            const OUTPUT: u32 = R::KIND;
            fn run(&self, plugin: &P, call: &Call<'_>) -> Result<(), Error> {
                let input = call.input($kind)?;
                #[allow(clippy::redundant_closure_call)]
                self(plugin, $read(input)?, call, &mut Sender::new(call)?)
            }
        }

        impl<P, R, F $(, $generic: Element)?> BatchHandler<P, ($marker, R)> for F
        where
            R: IntoOutput,
            F: for<'a> Fn(&P, &[$input], &[Call<'a>]) -> Result<Vec<Result<R, Error>>, Error> + Send + Sync + 'static,
        {
            const INPUT: u32 = $kind;
            const OUTPUT: u32 = R::KIND;
            fn run(&self, plugin: &P, calls: &[Call<'_>]) -> Vec<Result<Output, Error>> {
                #[allow(clippy::redundant_closure_call)]
                run_batch(calls, |call| call.input($kind).and_then($read), |inputs, calls| self(plugin, inputs, calls))
            }
        }
    )*};
}

/// Has the function answer those calls whose inputs are suitable.
fn run_batch<'a, I, R: IntoOutput>(
    calls: &[Call<'a>],
    read: impl Fn(&Call<'a>) -> Result<I, Error>,
    function: impl FnOnce(&[I], &[Call<'a>]) -> Result<Vec<Result<R, Error>>, Error>,
) -> Vec<Result<Output, Error>> {
    let (mut inputs, mut suitable, mut refusals) = (Vec::new(), Vec::new(), Vec::new());
    for call in calls {
        match read(call) {
            Ok(input) => {
                inputs.push(input);
                suitable.push(*call);
                refusals.push(None);
            }
            Err(error) => refusals.push(Some(error)),
        }
    }
    let answers = if inputs.is_empty() { Ok(Vec::new()) } else { function(&inputs, &suitable) };
    let mut answers = match answers {
        Ok(answers) if answers.len() == inputs.len() => answers,
        Ok(answers) => {
            let text = format!("the plugin gave {} answers to {} requests", answers.len(), inputs.len());
            inputs.iter().map(|_| Err(Error::failed(text.clone()))).collect()
        }
        Err(error) => inputs.iter().map(|_| Err(error.clone())).collect(),
    }
    .into_iter()
    .zip(suitable);
    let answer = |refusal: Option<Error>| match refusal {
        Some(error) => Err(error),
        None => answers.next().map_or_else(
            || Err(Error::failed("the plugin gave no answer to this request")),
            |(answer, call)| answer.and_then(|result| result.into_output(call.host())),
        ),
    };
    refusals.into_iter().map(answer).collect()
}

impl<P, V, R, F> Handler<P, (marker::Parts<V>, R)> for F
where
    V: Part,
    R: IntoOutput,
    F: for<'a> Fn(&P, &mut Receiver<'a, V>, &Call<'a>) -> Result<R, Error> + Send + Sync + 'static,
{
    const INPUT: u32 = V::KIND;
    const OUTPUT: u32 = R::KIND;
    const FLAGS: u32 = CAPABILITY_STREAMS_IN;
    fn run(&self, plugin: &P, call: &Call<'_>) -> Result<Output, Error> {
        self(plugin, &mut Receiver::new(call)?, call)?.into_output(call.host())
    }
}

impl<P, V, R, F> StreamHandler<P, (marker::Parts<V>, R)> for F
where
    V: Part,
    R: IntoOutput,
    F: for<'a> Fn(&P, &mut Receiver<'a, V>, &Call<'a>, &mut Sender<'a, R>) -> Result<(), Error> + Send + Sync + 'static,
{
    const INPUT: u32 = V::KIND;
    const OUTPUT: u32 = R::KIND;
    const FLAGS: u32 = CAPABILITY_STREAMS_IN;
    fn run(&self, plugin: &P, call: &Call<'_>) -> Result<(), Error> {
        self(plugin, &mut Receiver::new(call)?, call, &mut Sender::new(call)?)
    }
}

handlers! {
    marker::Text, &str, kind::TEXT, [], text;
    marker::Document, JsonText<'_>, kind::JSON, [], json;
    marker::Bytes, &[u8], kind::BINARY, [], bytes;
    marker::File, &Path, kind::FILE, [], file;
    marker::Anything, Input<'_>, kind::ANY, [], present;
    marker::Nothing, (), kind::NONE, [], nothing;
    marker::Tensor<T>, TensorView<'_, T>, kind::TENSOR, [T], tensor;
    marker::Image<T>, ImageView<'_, T>, kind::IMAGE, [T], image;
    marker::Audio<T>, AudioView<'_, T>, kind::AUDIO, [T], audio;
    marker::Video<T>, VideoView<'_, T>, kind::VIDEO, [T], video;
    marker::Binary, BinaryInput<'_>, kind::BINARY, [], binary;
    marker::OpenFile, FileInput<'_>, kind::FILE, [], open_file;
    marker::AnyTensor, AnyTensor<'_>, kind::TENSOR, [], any_tensor;
    marker::AnyImage, AnyImage<'_>, kind::IMAGE, [], any_image;
    marker::AnyAudio, AnyAudio<'_>, kind::AUDIO, [], any_audio;
    marker::AnyVideo, AnyVideo<'_>, kind::VIDEO, [], any_video;
}

fn present(input: Option<Input<'_>>) -> Result<Input<'_>, Error> {
    input.ok_or_else(|| Error::invalid_input("this capability takes one input"))
}
fn text(input: Option<Input<'_>>) -> Result<&str, Error> {
    present(input)?.text()
}
fn json(input: Option<Input<'_>>) -> Result<JsonText<'_>, Error> {
    present(input)?.json()
}
fn bytes(input: Option<Input<'_>>) -> Result<&[u8], Error> {
    present(input)?.expect(kind::BINARY).map(|()| input.map_or(&[][..], |input| input.bytes()))
}
fn file(input: Option<Input<'_>>) -> Result<&Path, Error> {
    present(input)?.path()
}
fn nothing(_: Option<Input<'_>>) -> Result<(), Error> {
    Ok(())
}
fn tensor<T: Element>(input: Option<Input<'_>>) -> Result<TensorView<'_, T>, Error> {
    let input = present(input)?;
    input.expect(kind::TENSOR)?;
    input.tensor()
}
fn image<T: Element>(input: Option<Input<'_>>) -> Result<ImageView<'_, T>, Error> {
    present(input)?.image()
}
fn audio<T: Element>(input: Option<Input<'_>>) -> Result<AudioView<'_, T>, Error> {
    present(input)?.audio()
}
fn video<T: Element>(input: Option<Input<'_>>) -> Result<VideoView<'_, T>, Error> {
    present(input)?.video()
}
fn open_file(input: Option<Input<'_>>) -> Result<FileInput<'_>, Error> {
    present(input)?.file()
}
fn binary(input: Option<Input<'_>>) -> Result<BinaryInput<'_>, Error> {
    present(input)?.binary()
}
fn any_tensor(input: Option<Input<'_>>) -> Result<AnyTensor<'_>, Error> {
    AnyTensor::of(present(input)?)
}
fn any_image(input: Option<Input<'_>>) -> Result<AnyImage<'_>, Error> {
    AnyImage::of(present(input)?)
}
fn any_audio(input: Option<Input<'_>>) -> Result<AnyAudio<'_>, Error> {
    AnyAudio::of(present(input)?)
}
fn any_video(input: Option<Input<'_>>) -> Result<AnyVideo<'_>, Error> {
    AnyVideo::of(present(input)?)
}
