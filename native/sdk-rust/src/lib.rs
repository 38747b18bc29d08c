//! Write plugins for LAO in safe Rust: ordinary functions, one macro. See `export!`.

pub mod abi;
mod call;
mod config;
mod error;
mod host;
mod json;
#[doc(hidden)]
pub mod manifest;
mod param;
mod plugin;
mod services;
mod tensor;
mod value;

pub use call::{Call, Sender};
pub use config::Config;
pub use error::{Error, ErrorKind};
pub use host::Host;
pub use json::{quote, Json, JsonObject, JsonValue};
pub use param::Param;
#[doc(hidden)]
pub use plugin::enter;
pub use plugin::{Added, Definition, Handler, State, StreamHandler, Threads};
pub use services::{HttpResponse, FILE_CREATE, FILE_READ, FILE_WRITE};
pub use tensor::{Audio, AudioView, Element, Image, ImageView, Tensor, TensorView};
pub use value::{kind, Input, IntoOutput, JsonText, Output};
