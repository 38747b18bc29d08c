//! ONNX Runtime: found when the plugin runs, and asked what it can run models on.

use lao_plugin::Error;
use ort::environment::Environment;
use ort::ep::{ExecutionProvider, CUDA};
use std::sync::OnceLock;

/// The host has loaded it, or shows where it is: the manifest asks for the runtime `onnx`.
#[cfg(target_os = "linux")]
const LIBRARY: &str = "libonnxruntime.so.1";
#[cfg(target_os = "macos")]
const LIBRARY: &str = "libonnxruntime.1.dylib";
#[cfg(target_os = "windows")]
const LIBRARY: &str = "onnxruntime.dll";

/// What a model runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    Cuda,
    Cpu,
}

impl Provider {
    /// As ONNX Runtime names it.
    pub fn name(self) -> &'static str {
        match self {
            Provider::Cuda => "CUDAExecutionProvider",
            Provider::Cpu => "CPUExecutionProvider",
        }
    }
}

/// The runtime of this process.
pub fn environment() -> Result<Environment, Error> {
    static MADE: OnceLock<Result<Environment, String>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let builder = ort::init_from(LIBRARY).map_err(|error| error.to_string())?;
        builder.with_name("lao").build().map_err(|error| error.to_string())
    });
    made.clone().map_err(|reason| {
        Error::failed(format!("ONNX Runtime cannot be used: {reason}; `pip install onnxruntime` brings one"))
    })
}

/// Providers to try, the best one first.
pub fn providers(wanted: &str) -> Vec<Provider> {
    let has_cuda = CUDA::is_available().unwrap_or(false);
    match wanted {
        "cpu" => vec![Provider::Cpu],
        "cuda" => vec![Provider::Cuda],
        _ if has_cuda => vec![Provider::Cuda, Provider::Cpu],
        _ => vec![Provider::Cpu],
    }
}
