//! All inputs of a model, and all its outputs, in one block of bytes: arrays by their names, as the format safetensors
//! has them (<https://huggingface.co/docs/safetensors>).

use crate::model::{Inputs, Model, Slot};
use crate::tensors::failed;
use half::{bf16, f16};
use lao_plugin::Error;
use ort::session::SessionInputValue;
use ort::value::{DynValue, Tensor, TensorElementType};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

macro_rules! element_types {
    ($($type:ty => $dtype:ident $element:ident),* $(,)?) => {
        fn input(view: &TensorView, slot: &Slot) -> Result<SessionInputValue<'static>, Error> {
            let shape: Vec<i64> = view.shape().iter().map(|length| *length as i64).collect();
            let value = match (view.dtype(), slot.element) {
                $((Dtype::$dtype, TensorElementType::$element) => {
                    let elements = view.data().chunks_exact(size_of::<$type>()).map(|bytes| {
                        let mut one = [0; size_of::<$type>()];
                        one.copy_from_slice(bytes);
                        <$type>::from_le_bytes(one)
                    });
                    Tensor::from_array((shape, elements.collect::<Vec<$type>>())).map(SessionInputValue::from)
                })*
                (Dtype::BOOL, TensorElementType::Bool) => {
                    let elements: Vec<bool> = view.data().iter().map(|byte| *byte != 0).collect();
                    Tensor::from_array((shape, elements)).map(SessionInputValue::from)
                }
                (given, wanted) => {
                    let wanted = format!("{wanted:?}").to_lowercase();
                    return Err(Error::invalid_input(format!("`{}` takes {wanted}, not {given}", slot.name)));
                }
            };
            value.map_err(failed)
        }

        fn output(value: &DynValue) -> Option<(Dtype, Vec<usize>, Vec<u8>)> {
            $(if let Ok((shape, elements)) = value.try_extract_tensor::<$type>() {
                let bytes = elements.iter().flat_map(|element| element.to_le_bytes()).collect();
                return Some((Dtype::$dtype, lengths(shape), bytes));
            })*
            let (shape, elements) = value.try_extract_tensor::<bool>().ok()?;
            Some((Dtype::BOOL, lengths(shape), elements.iter().map(|element| u8::from(*element)).collect()))
        }
    };
}

element_types! {
    f32 => F32 Float32, f64 => F64 Float64, f16 => F16 Float16, bf16 => BF16 Bfloat16,
    i64 => I64 Int64, i32 => I32 Int32, i16 => I16 Int16, i8 => I8 Int8,
    u64 => U64 Uint64, u32 => U32 Uint32, u16 => U16 Uint16, u8 => U8 Uint8,
}

fn lengths(shape: &[i64]) -> Vec<usize> {
    shape.iter().map(|length| *length as usize).collect()
}

/// The inputs that a block has.
pub fn read<'a>(model: &'a Model, block: &[u8]) -> Result<Inputs<'a>, Error> {
    let arrays = SafeTensors::deserialize(block)
        .map_err(|error| Error::invalid_input(format!("these are no arrays in the format safetensors: {error}")))?;
    let named = arrays.iter().map(|(name, view)| {
        let slot = model.input(name)?;
        Ok((slot.name.as_str().into(), input(&view, slot)?))
    });
    named.collect()
}

/// The block that has all outputs.
pub fn write(model: &Model, outputs: &[&DynValue]) -> Result<Vec<u8>, Error> {
    let mut arrays = Vec::new();
    for (slot, value) in model.outputs.iter().zip(outputs) {
        let array = output(value)
            .ok_or_else(|| Error::unsupported(format!("`{}` has an element type that is not carried", slot.name)))?;
        arrays.push((slot, array));
    }
    let views = arrays
        .iter()
        .map(|(slot, (dtype, shape, bytes))| Ok((slot.name.as_str(), TensorView::new(*dtype, shape.clone(), bytes)?)));
    let views: Result<Vec<_>, safetensors::SafeTensorError> = views.collect();
    views.and_then(|views| safetensors::serialize(views, None)).map_err(|error| Error::failed(error.to_string()))
}
