//! Colours: gray, other orders of the channels, other colour models.

use crate::pixels::{usual_order, Pixel, Pixels, BGR, BGRA, GRAY, GRAY_SPACE, RGB, RGBA, SRGB};
use crate::work::Work;
use lao_plugin::{Error, Host, Image, ImageOut};

/// What `color` makes.
pub const MODELS: [&str; 7] = ["gray", "rgb", "bgr", "rgba", "bgra", "ycbcr", "hsv"];
const ROWS: usize = 64;

/// An element type whose luma is known: that of sRGB values, ITU-R BT.601, as JPEG has it.
pub trait Luma: Pixel {
    fn luma(to: &mut [Self], from: &[Self], channels: usize, red: usize, blue: usize) {
        luma(to, from, channels, red, blue);
    }
}
impl Luma for u16 {}
impl Luma for f32 {}
impl Luma for u8 {
    fn luma(to: &mut [u8], from: &[u8], channels: usize, red: usize, blue: usize) {
        let [mut first, mut last] = [4899, 1868];
        if red > blue {
            std::mem::swap(&mut first, &mut last);
        }
        if channels == 4 {
            luma_of_four(to, from, first, last);
        } else {
            luma_of_three(to, from, first, last);
        }
    }
}

fn luma<T: Pixel>(to: &mut [T], from: &[T], channels: usize, red: usize, blue: usize) {
    for (to, pixel) in to.iter_mut().zip(from.chunks_exact(channels)) {
        *to = T::of(0.299 * pixel[red].get() + 0.587 * pixel[1].get() + 0.114 * pixel[blue].get());
    }
}

// The weights have 14 bits behind the point and sum to 1.
crate::wide! {
    fn luma_of_three(to: &mut [u8], from: &[u8], first: u32, last: u32) {
        for (to, pixel) in to.iter_mut().zip(from.chunks_exact(3)) {
            *to = ((first * u32::from(pixel[0]) + 9617 * u32::from(pixel[1]) + last * u32::from(pixel[2]) + 8192) >> 14) as u8;
        }
    }
}
crate::wide! {
    fn luma_of_four(to: &mut [u8], from: &[u8], first: u32, last: u32) {
        for (to, pixel) in to.iter_mut().zip(from.chunks_exact(4)) {
            *to = ((first * u32::from(pixel[0]) + 9617 * u32::from(pixel[1]) + last * u32::from(pixel[2]) + 8192) >> 14) as u8;
        }
    }
}

/// Fills `to`, one channel.
pub fn gray<T: Luma>(image: &Pixels<T>, to: &mut [T], work: Work) -> Result<(), Error> {
    let (row, channels, (red, blue)) = (image.row(), image.channels, image.red_blue());
    work.bands(
        to,
        ROWS * image.width,
        || (),
        |band, to, ()| {
            let from = &image.data[band * ROWS * row..][..to.len() * channels];
            if channels == 1 {
                to.copy_from_slice(from);
            } else {
                T::luma(to, from, channels, red, blue);
            }
        },
    )
}

/// The image in another colour model.
pub fn convert<T: Luma>(image: &Pixels<T>, model: &str, host: Host, work: Work) -> Result<ImageOut, Error> {
    let channels = match model {
        "gray" => 1,
        "rgba" | "bgra" => 4,
        _ => 3,
    };
    let mut made = Image::unfilled(host, image.height, image.width, channels)?;
    if model == "gray" {
        gray(image, made.as_mut_slice(), work)?;
        return Ok(made.describe(GRAY, GRAY_SPACE).into());
    }
    let from = image.channels;
    let (red, blue) = if from == 1 { (0, 0) } else { image.red_blue() };
    let green = if from == 1 { 0 } else { 1 };
    work.bands(
        made.as_mut_slice(),
        ROWS * image.width * channels,
        || (),
        |band, to, ()| {
            let pixels = image.data[band * ROWS * image.row()..].chunks_exact(from);
            for (to, pixel) in to.chunks_exact_mut(channels).zip(pixels) {
                let rgb = [pixel[red], pixel[green], pixel[blue]];
                match model {
                    "bgr" | "bgra" => [to[2], to[1], to[0]] = rgb,
                    "ycbcr" => [to[0], to[1], to[2]] = ycbcr(rgb),
                    "hsv" => [to[0], to[1], to[2]] = hsv(rgb),
                    _ => [to[0], to[1], to[2]] = rgb,
                }
                if channels == 4 {
                    to[3] = if from == 4 { pixel[3] } else { T::of(T::WHITE) };
                }
            }
        },
    )?;
    let order = match model {
        "rgb" => RGB,
        "bgr" => BGR,
        "rgba" => RGBA,
        "bgra" => BGRA,
        _ => return Ok(made.describe(0, 0).into()),
    };
    debug_assert!(order == BGR || order == BGRA || order == usual_order(channels));
    Ok(made.describe(order, if image.space == 0 || from == 1 { SRGB } else { image.space }).into())
}

/// As JPEG has it: all of the range; the middle of the two differences is half of white.
fn ycbcr<T: Pixel>(rgb: [T; 3]) -> [T; 3] {
    let [red, green, blue] = rgb.map(T::get);
    let luma = 0.299 * red + 0.587 * green + 0.114 * blue;
    let middle = if T::WHITE > 1.0 { (T::WHITE + 1.0) / 2.0 } else { 0.5 };
    let kept = |value: f32| T::of(value.clamp(0.0, T::WHITE));
    [kept(luma), kept((blue - luma) * 0.564_334 + middle), kept((red - luma) * 0.713_267 + middle)]
}

/// Hue, saturation and value, each from 0 to white; the hue of red is 0.
fn hsv<T: Pixel>(rgb: [T; 3]) -> [T; 3] {
    let [red, green, blue] = rgb.map(T::get);
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    let reach = most - least;
    let sixths = if reach <= 0.0 {
        0.0
    } else if most == red {
        ((green - blue) / reach).rem_euclid(6.0)
    } else if most == green {
        (blue - red) / reach + 2.0
    } else {
        (red - green) / reach + 4.0
    };
    let saturation = if most > 0.0 { reach / most } else { 0.0 };
    [T::of(sixths / 6.0 * T::WHITE), T::of(saturation * T::WHITE), T::of(most)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models() {
        assert_eq!(ycbcr([255u8, 255, 255]), [255, 128, 128]);
        assert_eq!(ycbcr([255u8, 0, 0]), [76, 85, 255]);
        assert_eq!(hsv([255u8, 0, 0]), [0, 255, 255]);
        assert_eq!(hsv([0f32, 0.5, 0.0]), [1.0 / 3.0, 1.0, 0.5]);
        assert_eq!(hsv([7u16, 7, 7]), [0, 0, 7]);
    }
}
