//! A plugin that reads and writes arrays through the crate ndarray.
#![deny(unsafe_code)]

use lao_plugin::*;

struct Arrays;

fn create(_: &Config) -> Result<Arrays, Error> {
    Ok(Arrays)
}

fn sums(_: &Arrays, input: TensorView<f64>, call: &Call) -> Result<Tensor<f64>, Error> {
    let array = ndarray_view!(input)?;
    let total = array.sum_axis(ndarray::Axis(0));
    let mut output = Tensor::zeros(call.host(), total.shape())?;
    ndarray_view_mut!(output).assign(&total);
    Ok(output)
}

fn borrowed(_: &Arrays, input: TensorView<f64>, _: &Call) -> Result<String, Error> {
    Ok(if ndarray_view!(input)?.is_view() { "borrowed" } else { "copied" }.into())
}

fn transposed(_: &Arrays, image: ImageView<u8>, call: &Call) -> Result<Image<u8>, Error> {
    let array = ndarray_view!(image.tensor())?;
    let mut output = Image::zeros(call.host(), image.width(), image.height(), image.channels())?;
    ndarray_view_mut!(output).assign(&array.view().permuted_axes(vec![1, 0, 2]));
    Ok(output)
}

fn define(plugin: &mut Definition<Arrays>) {
    plugin.capability("sums", "Sums over the first axis", sums);
    plugin.capability("borrowed", "Whether the memory is the caller's", borrowed);
    plugin.capability("transposed", "An image on its side", transposed);
}

lao_plugin::export! { plugin: Arrays, create: create, define: define }
