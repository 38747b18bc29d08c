//! One model: its session, what it says of itself, and runs of it.

use crate::runtime::{environment, Provider};
use lao_plugin::{Error, JsonObject};
use ort::ep::CUDA;
use ort::logging::LogLevel;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Tensor, TensorElementType, ValueType};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// An input or an output.
#[derive(Clone, Debug)]
pub struct Slot {
    pub name: String,
    pub element: TensorElementType,
    pub shape: Vec<i64>, // -1: any length
}

/// Inputs of a run, by their names.
pub type Inputs<'a> = Vec<(Cow<'a, str>, SessionInputValue<'a>)>;

pub struct Model {
    pub name: String,
    pub path: PathBuf,
    pub sha256: String,
    pub version: i64,
    pub provider: Provider,
    pub labels: Vec<String>, // of classes, where the model has the metadata `labels`
    pub inputs: Vec<Slot>,
    pub outputs: Vec<Slot>,
    session: Mutex<Session>, // one run at a time: a run uses `threads` threads
}

impl Model {
    /// Loads a file with the first provider that takes it.
    pub fn load(name: &str, path: &Path, providers: &[Provider], threads: usize) -> Result<Model, Error> {
        let bytes = std::fs::read(path).map_err(|reason| refused(path, &reason.to_string()))?;
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        drop(bytes);
        let mut reason = String::from("there is no execution provider");
        for provider in providers {
            match open(path, *provider, threads) {
                Ok(session) => return Model::describe(name, path, sha256, *provider, session),
                Err(error) => reason = error.to_string(),
            }
        }
        Err(refused(path, &reason))
    }

    fn describe(name: &str, path: &Path, sha256: String, provider: Provider, session: Session) -> Result<Model, Error> {
        let inputs = session.inputs().iter().map(|one| slot(one.name(), one.dtype())).collect::<Result<_, _>>();
        let outputs = session.outputs().iter().map(|one| slot(one.name(), one.dtype())).collect::<Result<_, _>>();
        let (version, labels) = session.metadata().map_or((0, String::new()), |metadata| {
            (metadata.version().unwrap_or(0), metadata.custom("labels").unwrap_or_default())
        });
        Ok(Model {
            name: name.into(),
            path: path.into(),
            sha256,
            version,
            provider,
            labels: labels.split(',').filter(|label| !label.is_empty()).map(String::from).collect(),
            inputs: inputs.map_err(|reason| refused(path, &reason))?,
            outputs: outputs.map_err(|reason| refused(path, &reason))?,
            session: Mutex::new(session),
        })
    }

    /// Runs it on all its inputs; `read` gets the outputs, in the order of `self.outputs`.
    pub fn run<R>(&self, inputs: Inputs<'_>, read: impl FnOnce(&[&DynValue]) -> Result<R, Error>) -> Result<R, Error> {
        let is_given = |slot: &&Slot| inputs.iter().any(|(name, _)| *name == slot.name);
        let missing: Vec<&str> =
            self.inputs.iter().filter(|slot| !is_given(slot)).map(|slot| slot.name.as_str()).collect();
        if !missing.is_empty() {
            return Err(Error::invalid_input(format!("the model `{}` also takes {}", self.name, missing.join(", "))));
        }
        let mut session = self.session.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let found = session
            .run(inputs)
            .map_err(|error| Error::invalid_input(format!("the model `{}` does not take this: {error}", self.name)))?;
        let outputs: Vec<&DynValue> = self.outputs.iter().map(|slot| &found[slot.name.as_str()]).collect();
        read(&outputs)
    }

    /// Runs it once on zeros: the first run allocates, and may compile. Not every model takes such an input; that is no
    /// failure.
    pub fn warm_up(&self) {
        let named = self.inputs.iter().map(|slot| Ok((Cow::from(slot.name.as_str()), zeros(slot)?)));
        if let Ok(inputs) = named.collect::<Result<Vec<_>, Error>>() {
            let _ = self.run(inputs, |_| Ok(()));
        }
    }

    pub fn input(&self, name: &str) -> Result<&Slot, Error> {
        find(&self.inputs, name, "input", &self.name)
    }
    /// The place of an output.
    pub fn output(&self, name: &str) -> Result<usize, Error> {
        let slot = find(&self.outputs, name, "output", &self.name)?;
        Ok(self.outputs.iter().position(|one| one.name == slot.name).unwrap_or(0))
    }

    pub fn describe_json(&self) -> JsonObject {
        JsonObject::new()
            .text("name", &self.name)
            .integer("version", self.version)
            .text("sha256", &self.sha256)
            .text("path", &self.path.to_string_lossy())
            .text("provider", self.provider.name())
            .objects("inputs", self.inputs.iter().map(slot_json))
            .objects("outputs", self.outputs.iter().map(slot_json))
    }
}

fn open(path: &Path, provider: Provider, threads: usize) -> Result<Session, ort::Error> {
    let environment = environment().map_err(|error| ort::Error::new(error.text()))?;
    // What goes wrong is returned, and said once.
    let mut builder = Session::builder(&environment)?.with_intra_threads(threads)?.with_log_level(LogLevel::Fatal)?;
    if provider == Provider::Cuda {
        builder = builder.with_execution_providers([CUDA::default().build().error_on_failure()])?;
    }
    builder.commit_from_file(path)
}

fn refused(path: &Path, reason: &str) -> Error {
    Error::invalid_config(format!("the model {} cannot be loaded: {reason}", path.display()))
}

fn slot(name: &str, found: &ValueType) -> Result<Slot, String> {
    match found {
        ValueType::Tensor { ty, shape, .. } => Ok(Slot { name: name.into(), element: *ty, shape: shape.to_vec() }),
        _ => Err(format!("`{name}` is no tensor")),
    }
}

fn slot_json(slot: &Slot) -> JsonObject {
    let shape: Vec<String> = slot.shape.iter().map(i64::to_string).collect();
    JsonObject::new()
        .text("name", &slot.name)
        .text("type", &format!("{:?}", slot.element).to_lowercase())
        .raw("shape", &format!("[{}]", shape.join(",")))
}

/// The slot of that name; the first one where no name is given.
fn find<'a>(slots: &'a [Slot], name: &str, what: &str, model: &str) -> Result<&'a Slot, Error> {
    let found = if name.is_empty() { slots.first() } else { slots.iter().find(|slot| slot.name == name) };
    found.ok_or_else(|| {
        let names: Vec<&str> = slots.iter().map(|slot| slot.name.as_str()).collect();
        Error::invalid_parameter(format!("the model `{model}` has no {what} `{name}`; it has {}", names.join(", ")))
    })
}

fn zeros(slot: &Slot) -> Result<SessionInputValue<'static>, Error> {
    let shape: Vec<i64> = slot.shape.iter().map(|length| (*length).max(1)).collect();
    let count: i64 = shape.iter().product();
    if count > 1 << 24 {
        return Err(Error::unsupported("too large to warm up with"));
    }
    let count = count as usize;
    let made = match slot.element {
        TensorElementType::Float32 => Tensor::from_array((shape, vec![0f32; count])).map(SessionInputValue::from),
        TensorElementType::Float64 => Tensor::from_array((shape, vec![0f64; count])).map(SessionInputValue::from),
        TensorElementType::Int64 => Tensor::from_array((shape, vec![0i64; count])).map(SessionInputValue::from),
        TensorElementType::Int32 => Tensor::from_array((shape, vec![0i32; count])).map(SessionInputValue::from),
        TensorElementType::Uint8 => Tensor::from_array((shape, vec![0u8; count])).map(SessionInputValue::from),
        TensorElementType::Bool => Tensor::from_array((shape, vec![false; count])).map(SessionInputValue::from),
        _ => return Err(Error::unsupported("no zeros of this type")),
    };
    made.map_err(|error| Error::failed(error.to_string()))
}
