//! Write plugins for LAO in safe Rust: ordinary functions, one macro. See `export!`.

pub mod abi;
mod any;
mod buffer;
mod call;
mod config;
mod element;
mod error;
mod export;
mod handler;
mod host;
mod json;
#[doc(hidden)]
pub mod manifest;
mod memory;
mod param;
mod plugin;
mod services;
mod stream;
mod table;
mod tensor;
mod value;
mod view;

pub use abi::Dtype;
pub use any::{AnyAudio, AnyImage, AnyTensor, AnyVideo, AudioOut, ImageOut, TensorOut, VideoOut};
pub use buffer::Binary;
pub use call::Call;
pub use config::{Config, Setting};
pub use element::{BFloat16, Complex, Element, Float16};
pub use error::{Error, ErrorKind};
pub use handler::{BatchHandler, Handler, StreamHandler};
pub use host::Host;
pub use json::{quote, Json, JsonObject, JsonValue};
pub use memory::Memory;
pub use param::{Field, Param};
pub use plugin::{Added, AddedEvent, Definition, Event, State, Threads};
pub use services::{HttpResponse, FILE_CREATE, FILE_READ, FILE_WRITE};
pub use stream::{Part, Receiver, Sender};
#[doc(hidden)]
pub use table::enter;
pub use tensor::{Audio, Image, Tensor, Video};
pub use value::{kind, BinaryInput, FileInput, Input, IntoOutput, JsonText, Media, Output};
pub use view::{AudioView, ImageView, TensorView, VideoView};
