//! The plugin: its models, its settings, and its capabilities.
#![deny(unsafe_code)]

mod model;
mod named_tensors;
mod runtime;
mod tensors;
mod text;

use lao_plugin::{AnyTensor, Call, Config, Definition, Error, Field, JsonObject, JsonValue, Param, TensorOut};
use model::Model;
use ort::value::{TensorElementType, TensorRef};
use std::path::{Path, PathBuf};

/// One instance: its models, the first of which answers where none is named.
struct Ai {
    models: Vec<Model>,
    max_tokens: usize,
}

/// Every `.onnx` of the package, in the order of their names; their names say which is which.
fn packaged(config: &Config) -> Vec<PathBuf> {
    let folder = config.resource_dir().map(|folder| folder.join("resources")).unwrap_or_default();
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .map(|entries| entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect())
        .unwrap_or_default();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "onnx"));
    files.sort();
    files
}

fn create(config: &Config) -> Result<Ai, Error> {
    let model_path = config.get::<String>("model_path");
    let files = if model_path.is_empty() { packaged(config) } else { vec![PathBuf::from(model_path)] };
    if files.is_empty() {
        return Err(Error::invalid_config("there is no model: set `model_path`, or put one into `resources`"));
    }
    runtime::environment()?;
    let providers = runtime::providers(&config.get::<String>("provider"));
    let threads = config.get::<i64>("threads") as usize;
    let name = |file: &Path| file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let models =
        files.iter().map(|file| Model::load(&name(file), file, &providers, threads)).collect::<Result<Vec<_>, _>>()?;
    if config.get::<bool>("warm_up") {
        models.iter().for_each(Model::warm_up);
    }
    Ok(Ai { models, max_tokens: config.get::<i64>("max_tokens") as usize })
}

impl Ai {
    fn model(&self, call: &Call) -> Result<&Model, Error> {
        let name = call.text("model");
        let found =
            if name.is_empty() { self.models.first() } else { self.models.iter().find(|model| model.name == name) };
        found.ok_or_else(|| {
            let names: Vec<&str> = self.models.iter().map(|model| model.name.as_str()).collect();
            Error::invalid_parameter(format!("there is no model `{name}`; there are {}", names.join(", ")))
        })
    }
}

/// Texts that came together, which one run of the model answers. All of a batch have the same parameters.
fn process(plugin: &Ai, texts: &[&str], calls: &[Call]) -> Result<Vec<Result<JsonObject, Error>>, Error> {
    let model = plugin.model(&calls[0])?;
    let [input] = &model.inputs[..] else {
        return Err(Error::unsupported(format!("the model `{}` takes more than tokens; use `predict`", model.name)));
    };
    if input.element != TensorElementType::Int64 || input.shape.len() != 2 {
        return Err(Error::unsupported(format!("the model `{}` does not take tokens; use `predict`", model.name)));
    }
    let rows: Vec<(Vec<i64>, usize)> = texts.iter().map(|text| text::tokens(text, plugin.max_tokens)).collect();
    let tokens: Vec<Vec<i64>> = rows.iter().map(|(tokens, _)| tokens.clone()).collect();
    let (all, shape) = text::padded(&tokens);
    let array = TensorRef::from_array_view((shape, &all[..])).map_err(|error| Error::failed(error.to_string()))?;
    model.run(vec![(input.name.as_str().into(), array.into())], |outputs| {
        let (shape, scores) =
            outputs[0].try_extract_tensor::<f32>().map_err(|error| Error::unsupported(error.to_string()))?;
        let classes = *shape.last().unwrap_or(&0) as usize;
        if shape.len() != 2 || scores.len() != texts.len() * classes {
            return Err(Error::unsupported("the model does not give one row of scores for each text"));
        }
        let answers = scores.chunks(classes.max(1)).zip(&rows).map(|(scores, (tokens, in_all))| {
            Ok(text::answer(scores, &model.labels)
                .integer("tokens", tokens.len() as i64)
                .boolean("cut", tokens.len() < *in_all)
                .text("model", &model.name)
                .integer("version", model.version)
                .text("sha256", &model.sha256)
                .text("provider", model.provider.name()))
        });
        Ok(answers.collect())
    })
}

fn predict(plugin: &Ai, array: AnyTensor, call: &Call) -> Result<TensorOut, Error> {
    let model = plugin.model(call)?;
    let output = model.output(call.text("output"))?;
    let feeds = if call.has("feeds") { call.json("feeds")? } else { JsonValue::Null };
    model.run(tensors::inputs(model, &array, call.text("input"), &feeds)?, |outputs| {
        tensors::output(outputs[output], call.host())
    })
}

fn run(plugin: &Ai, block: &[u8], call: &Call) -> Result<Vec<u8>, Error> {
    let model = plugin.model(call)?;
    model.run(named_tensors::read(model, block)?, |outputs| named_tensors::write(model, outputs))
}

fn models(plugin: &Ai, _: (), _: &Call) -> Result<JsonObject, Error> {
    Ok(JsonObject::new().objects("models", plugin.models.iter().map(Model::describe_json)))
}

fn define(plugin: &mut Definition<Ai>) {
    plugin.setting(
        Param::text("model_path", "").format("path").help("An ONNX model to use instead of those of the package"),
    );
    plugin.setting(Param::integer("max_tokens", 512).range(1, 1_000_000).help("Tokens of a text that the model sees"));
    plugin.setting(
        Param::text("provider", "auto")
            .one_of(&["auto", "cuda", "cpu"])
            .help("What models run on; auto: CUDA, then the CPU"),
    );
    plugin.setting(Param::integer("threads", 1).range(1, 256).help("Threads of one run on the CPU"));
    plugin.setting(Param::boolean("warm_up", true).help("Run each model once when it is loaded"));
    let model = || Param::text("model", "").help("Name of a model; empty: the first");
    plugin
        .batch("process", "Classifies a text: its label, and the score of each", 32, process)
        .param(model())
        .idempotent();
    plugin
        .capability("predict", "Runs a model on an array", predict)
        .param(model())
        .param(Param::text("input", "").help("The input that the array is for; empty: the first"))
        .param(Param::text("output", "").help("The output to answer with; empty: the first"))
        .param(Field::json("feeds").help("Its other inputs by their names: numbers, or lists of them").optional())
        .idempotent();
    plugin
        .capability(
            "run",
            "Runs a model on all its inputs, gives all its outputs: arrays in the format safetensors",
            run,
        )
        .param(model())
        .idempotent();
    plugin
        .capability("models", "The models: version, hash, inputs, outputs, and what they run on", models)
        .idempotent();
}

// Name and version come from plugin.toml, which is embedded in the library.
lao_plugin::export! { plugin: Ai, create: create, define: define }
