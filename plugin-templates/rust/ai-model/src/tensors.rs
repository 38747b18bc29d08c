//! Arrays of the caller's to ONNX Runtime and back, without a look at their elements.

use crate::model::{Inputs, Model, Slot};
use lao_plugin::{AnyTensor, Element, Error, Host, JsonValue, Tensor, TensorOut};
use ort::session::SessionInputValue;
use ort::value::{DynValue, Tensor as OrtTensor, TensorElementType, TensorRef};

pub fn failed(error: ort::Error) -> Error {
    Error::failed(error.to_string())
}

/// An array as an input, in place where its elements lie one after the other.
fn borrowed<'a, T>(array: &AnyTensor<'a>) -> Result<SessionInputValue<'a>, Error>
where
    T: Element + ort::value::PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static,
{
    let view = array.view::<T>()?;
    let shape: Vec<i64> = view.shape().iter().map(|length| *length as i64).collect();
    match view.as_slice() {
        Some(elements) if !elements.is_empty() => {
            TensorRef::from_array_view((shape, elements)).map(SessionInputValue::from).map_err(failed)
        }
        _ => OrtTensor::from_array((shape, view.to_vec())).map(SessionInputValue::from).map_err(failed),
    }
}

macro_rules! element_types {
    ($($type:ty => $name:ident),* $(,)?) => {
        /// An array as an input of a model.
        pub fn input<'a>(array: &AnyTensor<'a>, slot: &Slot) -> Result<SessionInputValue<'a>, Error> {
            $(if array.is::<$type>() {
                if slot.element != TensorElementType::$name {
                    return Err(mismatch(slot, stringify!($name)));
                }
                return borrowed::<$type>(array);
            })*
            Err(Error::invalid_input("arrays of this element type are not taken"))
        }

        /// An output of a model as an array.
        pub fn output(value: &DynValue, host: Host) -> Result<TensorOut, Error> {
            $(if let Ok((shape, elements)) = value.try_extract_tensor::<$type>() {
                let shape: Vec<usize> = shape.iter().map(|length| *length as usize).collect();
                let mut array = Tensor::<$type>::unfilled(host, &shape)?;
                array.as_mut_slice().copy_from_slice(elements);
                return Ok(array.into());
            })*
            Err(Error::unsupported("the output has an element type that is not carried"))
        }

        /// An input from JSON: a number, or lists of numbers.
        fn feed(value: &JsonValue, slot: &Slot) -> Result<SessionInputValue<'static>, Error> {
            let (mut shape, mut numbers) = (Vec::new(), Vec::new());
            flatten(value, 0, &mut shape, &mut numbers)
                .ok_or_else(|| Error::invalid_parameter(format!("`{}` must be numbers in lists of one length", slot.name)))?;
            match slot.element {
                $(TensorElementType::$name => {
                    OrtTensor::from_array((shape, numbers.iter().map(|number| *number as $type).collect::<Vec<$type>>()))
                        .map(SessionInputValue::from)
                        .map_err(failed)
                })*
                _ => Err(Error::unsupported(format!("`{}` has an element type that cannot be given as JSON", slot.name))),
            }
        }
    };
}

element_types! {
    f32 => Float32, f64 => Float64, i64 => Int64, i32 => Int32, i16 => Int16, i8 => Int8,
    u64 => Uint64, u32 => Uint32, u16 => Uint16, u8 => Uint8,
}

fn mismatch(slot: &Slot, given: &str) -> Error {
    Error::invalid_input(format!(
        "`{}` takes {}, not {}",
        slot.name,
        format!("{:?}", slot.element).to_lowercase(),
        given.to_lowercase()
    ))
}

/// All numbers in C order, and the lengths of the axes; None where lists of one axis differ.
fn flatten(value: &JsonValue, axis: usize, shape: &mut Vec<i64>, numbers: &mut Vec<f64>) -> Option<()> {
    match value {
        JsonValue::List(items) => {
            let length = items.len() as i64;
            match shape.get(axis) {
                Some(known) if *known != length => return None,
                Some(_) => {}
                None if numbers.is_empty() && axis == shape.len() => shape.push(length),
                None => return None,
            }
            items.iter().try_for_each(|item| flatten(item, axis + 1, shape, numbers))
        }
        _ if axis == shape.len() => {
            numbers.push(value.as_number()?);
            Some(())
        }
        _ => None,
    }
}

/// The array as one input, the others from `feeds`.
pub fn inputs<'a>(model: &'a Model, array: &AnyTensor<'a>, name: &str, feeds: &JsonValue) -> Result<Inputs<'a>, Error> {
    let main = model.input(name)?;
    let mut all: Inputs = vec![(main.name.as_str().into(), input(array, main)?)];
    let members = match feeds {
        JsonValue::Object(members) => &members[..],
        JsonValue::Null => &[],
        _ => return Err(Error::invalid_parameter("`feeds` is an object: inputs by their names")),
    };
    for (name, value) in members {
        let slot = model.input(name)?;
        if slot.name == main.name {
            return Err(Error::invalid_parameter(format!("`{}` is the array, and in `feeds` too", slot.name)));
        }
        all.push((slot.name.as_str().into(), feed(value, slot)?));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(text: &str) -> Option<(Vec<i64>, Vec<f64>)> {
        let (mut shape, mut numbers) = (Vec::new(), Vec::new());
        flatten(&JsonValue::parse(text).unwrap(), 0, &mut shape, &mut numbers).map(|()| (shape, numbers))
    }

    #[test]
    fn lists_become_arrays() {
        assert_eq!(flat("7"), Some((vec![], vec![7.0])));
        assert_eq!(flat("[[1,2,3],[4,5,6]]"), Some((vec![2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])));
        for wrong in ["[[1],[2,3]]", "[1,[2]]", "[[1],2]", "\"x\"", "[true]"] {
            assert_eq!(flat(wrong), None, "{wrong}");
        }
    }
}
