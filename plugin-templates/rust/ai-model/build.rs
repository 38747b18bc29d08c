//! Makes the two models that the project begins with, in `resources/`. Put your own `.onnx` files there and delete this file.

#[path = "src/onnx_writer.rs"]
mod onnx_writer;

use onnx_writer::{Graph, Tensor};
use std::path::Path;

/// Each byte of a text belongs to one class; the scores are the shares of the classes.
struct Version {
    file: &'static str,
    number: i64,
    labels: &'static [&'static str],
    class_of: fn(u8) -> usize,
}

const VERSIONS: [Version; 2] = [
    Version {
        file: "characters-1.onnx",
        number: 1,
        labels: &["letter", "digit", "space", "punctuation", "other"],
        class_of: |byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' => 0,
            b'0'..=b'9' => 1,
            b' ' | b'\t' | b'\n' | b'\r' => 2,
            0x21..=0x7e => 3,
            _ => 4,
        },
    },
    Version {
        file: "characters-2.onnx",
        number: 2,
        labels: &["upper", "lower", "digit", "space", "punctuation", "other"],
        class_of: |byte| match byte {
            b'A'..=b'Z' => 0,
            b'a'..=b'z' => 1,
            b'0'..=b'9' => 2,
            b' ' | b'\t' | b'\n' | b'\r' => 3,
            0x21..=0x7e => 4,
            _ => 5,
        },
    },
];

/// Row 256 is the padding's, of no class.
const TOKENS: usize = 257;

fn model(version: &Version) -> Vec<u8> {
    let classes = version.labels.len();
    let mut table = vec![0f32; TOKENS * classes];
    for byte in 0..=255u8 {
        table[usize::from(byte) * classes + (version.class_of)(byte)] = 1.0;
    }
    Graph::new("characters")
        .input_i64("tokens", &["batch", "length"])
        .output_f32("scores", &["batch", "classes"])
        .constant("table", Tensor::f32(&[TOKENS as i64, classes as i64], &table))
        .constant("length_axis", Tensor::i64(&[1], &[1]))
        .constant("one", Tensor::f32(&[1], &[1.0]))
        .node("Gather", &["table", "tokens"], "rows", &[])
        .node("ReduceSum", &["rows", "length_axis"], "counts", &[("keepdims", 0)])
        .node("ReduceSum", &["counts", "length_axis"], "total", &[("keepdims", 1)])
        .node("Max", &["total", "one"], "at_least_one", &[])
        .node("Div", &["counts", "at_least_one"], "scores", &[])
        .model(version.number, &[("labels", &version.labels.join(","))])
}

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/onnx_writer.rs");
    println!("cargo::rerun-if-changed=resources");
    let folder =
        Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says where the project is")).join("resources");
    std::fs::create_dir_all(&folder).expect("the folder `resources` can be made");
    for version in &VERSIONS {
        let (file, bytes) = (folder.join(version.file), model(version));
        if std::fs::read(&file).ok().as_deref() != Some(&bytes[..]) {
            std::fs::write(&file, bytes).expect("a model can be written");
        }
    }
}
