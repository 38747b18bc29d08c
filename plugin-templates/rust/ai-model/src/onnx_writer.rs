//! Writes small ONNX models: as much of its protocol buffers as that takes (onnx.proto3, IR version 8, operators of version 13).

/// A constant.
pub struct Tensor {
    dims: Vec<i64>,
    data_type: u64,
    raw: Vec<u8>,
}

impl Tensor {
    /// Of float32.
    pub fn f32(dims: &[i64], values: &[f32]) -> Tensor {
        Tensor { dims: dims.into(), data_type: 1, raw: values.iter().flat_map(|value| value.to_le_bytes()).collect() }
    }
    /// Of int64.
    pub fn i64(dims: &[i64], values: &[i64]) -> Tensor {
        Tensor { dims: dims.into(), data_type: 7, raw: values.iter().flat_map(|value| value.to_le_bytes()).collect() }
    }
}

/// A message of protocol buffers, field by field.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
    fn number(mut self, field: u64, value: u64) -> Message {
        self.varint(field << 3);
        self.varint(value);
        self
    }
    fn bytes(mut self, field: u64, value: &[u8]) -> Message {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }
    fn text(self, field: u64, value: &str) -> Message {
        self.bytes(field, value.as_bytes())
    }
    fn message(self, field: u64, value: Message) -> Message {
        self.bytes(field, &value.0)
    }
}

/// A graph that is being made.
pub struct Graph(Message);

impl Graph {
    pub fn new(name: &str) -> Graph {
        Graph(Message::default().text(2, name))
    }
    /// An input of int64 whose axes have these names.
    pub fn input_i64(self, name: &str, axes: &[&str]) -> Graph {
        Graph(self.0.message(11, described(name, 7, axes)))
    }
    /// An output of float32.
    pub fn output_f32(self, name: &str, axes: &[&str]) -> Graph {
        Graph(self.0.message(12, described(name, 1, axes)))
    }
    pub fn constant(self, name: &str, tensor: Tensor) -> Graph {
        let dims = tensor.dims.iter().fold(Message::default(), |message, dim| message.number(1, *dim as u64));
        Graph(self.0.message(5, dims.number(2, tensor.data_type).text(8, name).bytes(9, &tensor.raw)))
    }
    /// An operator with one output; its attributes are integers.
    pub fn node(self, operator: &str, inputs: &[&str], output: &str, attributes: &[(&str, i64)]) -> Graph {
        let node = inputs.iter().fold(Message::default(), |message, input| message.text(1, input));
        let node = attributes.iter().fold(node.text(2, output).text(4, operator), |message, (name, value)| {
            message.message(5, Message::default().text(1, name).number(3, *value as u64).number(20, 2))
        });
        Graph(self.0.message(1, node))
    }
    /// The whole file.
    pub fn model(self, version: i64, metadata: &[(&str, &str)]) -> Vec<u8> {
        let model = Message::default().number(1, 8).text(2, "lao").number(5, version as u64).message(7, self.0);
        let model = model.message(8, Message::default().text(1, "").number(2, 13));
        metadata
            .iter()
            .fold(model, |model, (key, value)| model.message(14, Message::default().text(1, key).text(2, value)))
            .0
    }
}

fn described(name: &str, element: u64, axes: &[&str]) -> Message {
    let shape = axes.iter().fold(Message::default(), |shape, axis| shape.message(1, Message::default().text(2, axis)));
    let tensor = Message::default().number(1, element).message(2, shape);
    Message::default().text(1, name).message(2, Message::default().message(1, tensor))
}
