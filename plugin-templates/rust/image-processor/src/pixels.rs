//! Images as LAO carries them, of whatever element type, and how their elements are computed with.

use crate::wide::Lane;
use lao_plugin::{Element, Error, Host, Image, ImageOut, ImageView};
use std::borrow::Cow;

/// Channel orders of the ABI; 0 is another one.
pub const GRAY: u32 = 1;
pub const RGB: u32 = 2;
pub const BGR: u32 = 3;
pub const RGBA: u32 = 4;
pub const BGRA: u32 = 5;
/// Colour spaces of the ABI.
pub const SRGB: u32 = 1;
pub const GRAY_SPACE: u32 = 3;

/// An element that can be computed with.
pub trait Pixel: Element + Carried<f32> {
    /// The value of white: 255, 65535, or 1.
    const WHITE: f32;
    fn get(self) -> f32;
    /// Rounded and kept within the type.
    fn of(value: f32) -> Self;
}

/// How an element becomes a lane, and a lane an element.
pub trait Carried<L: Lane>: Element {
    fn lane(self) -> L;
    fn back(lane: L) -> Self;
    /// Pixels of four channels, with the colours times the alpha.
    fn covered(to: &mut [L], from: &[Self]) {
        lanes(to, from);
    }
    /// The other way round.
    fn uncovered(to: &mut [Self], from: &[L]) {
        elements(to, from);
    }
}

impl Pixel for u8 {
    const WHITE: f32 = 255.0;
    #[inline(always)]
    fn get(self) -> f32 {
        f32::from(self)
    }
    #[inline(always)]
    fn of(value: f32) -> u8 {
        (value + 0.5) as u8
    }
}
impl Pixel for u16 {
    const WHITE: f32 = 65535.0;
    #[inline(always)]
    fn get(self) -> f32 {
        f32::from(self)
    }
    #[inline(always)]
    fn of(value: f32) -> u16 {
        (value + 0.5) as u16
    }
}
impl Pixel for f32 {
    const WHITE: f32 = 1.0;
    #[inline(always)]
    fn get(self) -> f32 {
        self
    }
    #[inline(always)]
    fn of(value: f32) -> f32 {
        value
    }
}

impl<T: Pixel> Carried<f32> for T {
    #[inline(always)]
    fn lane(self) -> f32 {
        self.get()
    }
    #[inline(always)]
    fn back(lane: f32) -> T {
        T::of(lane)
    }
    fn covered(to: &mut [f32], from: &[T]) {
        cover(to, from);
    }
    fn uncovered(to: &mut [T], from: &[f32]) {
        uncover(to, from);
    }
}
impl Carried<i16> for u8 {
    #[inline(always)]
    fn lane(self) -> i16 {
        i16::from(self) << 7
    }
    #[inline(always)]
    fn back(lane: i16) -> u8 {
        ((lane + 16) >> 5).clamp(0, 255) as u8
    }
}

crate::wide! {
    fn lanes[T: Carried<L>, L: Lane][T, L](to: &mut [L], from: &[T]) {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = from.lane());
    }
}
crate::wide! {
    fn elements[T: Carried<L>, L: Lane][T, L](to: &mut [T], from: &[L]) {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = T::back(*from));
    }
}

crate::wide! {
    fn cover[T: Pixel][T](to: &mut [f32], from: &[T]) {
        for (to, from) in to.chunks_exact_mut(4).zip(from.chunks_exact(4)) {
            let alpha = from[3].get() / T::WHITE;
            (to[0], to[1], to[2]) = (from[0].get() * alpha, from[1].get() * alpha, from[2].get() * alpha);
            to[3] = from[3].get();
        }
    }
}
crate::wide! {
    fn uncover[T: Pixel][T](to: &mut [T], from: &[f32]) {
        for (to, from) in to.chunks_exact_mut(4).zip(from.chunks_exact(4)) {
            let scale = if from[3] > 0.0 { T::WHITE / from[3] } else { 0.0 };
            for channel in 0..3 {
                to[channel] = T::of((from[channel] * scale).clamp(0.0, T::WHITE));
            }
            to[3] = T::of(from[3].clamp(0.0, T::WHITE));
        }
    }
}

/// An image whose elements lie one after the other: the caller's memory, where they do so there.
pub struct Pixels<'a, T: Clone> {
    pub data: Cow<'a, [T]>,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub order: u32,
    pub space: u32,
}

impl<'a, T: Pixel> Pixels<'a, T> {
    pub fn of(view: &ImageView<'a, T>) -> Result<Pixels<'a, T>, Error> {
        let (height, width, channels) = (view.height(), view.width(), view.channels());
        if height == 0 || width == 0 {
            return Err(Error::invalid_input("the image has no pixels"));
        }
        if !matches!(channels, 1 | 3 | 4) {
            return Err(Error::invalid_input(format!("an image has 1, 3 or 4 channels, not {channels}")));
        }
        let data = view.tensor().as_slice().map_or_else(|| Cow::Owned(view.tensor().to_vec()), Cow::Borrowed);
        let order = if view.channel_order() == 0 { usual_order(channels) } else { view.channel_order() };
        Ok(Pixels { data, height, width, channels, order, space: view.color_space() })
    }
}

impl<T: Pixel> Pixels<'_, T> {
    pub fn owned(data: Vec<T>, height: usize, width: usize, channels: usize) -> Pixels<'static, T> {
        Pixels { data: Cow::Owned(data), height, width, channels, order: usual_order(channels), space: 0 }
    }

    /// Elements of a row.
    pub fn row(&self) -> usize {
        self.width * self.channels
    }

    /// Room for another one of this kind, in the host's memory. Every element of it has to be written.
    pub fn room(&self, host: Host, height: usize, width: usize) -> Result<Image<T>, Error> {
        Image::unfilled(host, height, width, self.channels)
    }

    /// The answer, of the same colours as this one.
    pub fn answer(&self, image: Image<T>) -> ImageOut {
        image.describe(self.order, self.colors()).into()
    }

    fn colors(&self) -> u32 {
        match (self.space, self.channels) {
            (0, 1) => GRAY_SPACE,
            (0, _) => SRGB,
            (known, _) => known,
        }
    }

    /// Where red and blue are.
    pub fn red_blue(&self) -> (usize, usize) {
        if matches!(self.order, BGR | BGRA) {
            (2, 0)
        } else {
            (0, 2)
        }
    }
}

pub fn usual_order(channels: usize) -> u32 {
    [GRAY, 0, RGB, RGBA][channels - 1]
}

pub fn crop<T: Pixel>(image: &Pixels<T>, [x, y, width, height]: [usize; 4], host: Host) -> Result<Image<T>, Error> {
    if width == 0 || height == 0 || x + width > image.width || y + height > image.height {
        return Err(Error::invalid_parameter(format!(
            "a part of {width} x {height} at {x}, {y} does not lie in an image of {} x {}",
            image.width, image.height
        )));
    }
    let mut part = image.room(host, height, width)?;
    let (from, length) = (x * image.channels, width * image.channels);
    let rows = image.data.chunks_exact(image.row()).skip(y);
    for (to, row) in part.as_mut_slice().chunks_exact_mut(length).zip(rows) {
        to.copy_from_slice(&row[from..from + length]);
    }
    Ok(part)
}

/// How the pixels of a turned or mirrored image are found: where the first one is, and the steps along and across.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// Rows become columns.
    pub swapped: bool,
    /// From the last row, or column, of the source to its first.
    pub up: bool,
    pub left: bool,
}

impl Turn {
    /// By quarters of a turn, clockwise.
    pub fn quarters(quarters: usize) -> Turn {
        match quarters % 4 {
            0 => Turn { swapped: false, up: false, left: false },
            1 => Turn { swapped: true, up: true, left: false },
            2 => Turn { swapped: false, up: true, left: true },
            _ => Turn { swapped: true, up: false, left: true },
        }
    }

    pub fn is_none(self) -> bool {
        !(self.swapped || self.up || self.left)
    }

    pub fn size(self, height: usize, width: usize) -> (usize, usize) {
        if self.swapped {
            (width, height)
        } else {
            (height, width)
        }
    }

    /// Fills `to`, tile by tile: a column of the source is met in as many cache lines as a tile has rows.
    pub fn run<T: Copy>(self, to: &mut [T], from: &[T], height: usize, width: usize, channels: usize) {
        const TILE: usize = 32;
        let (rows, columns) = self.size(height, width);
        for top in (0..rows).step_by(TILE) {
            for side in (0..columns).step_by(TILE) {
                for row in top..rows.min(top + TILE) {
                    for column in side..columns.min(side + TILE) {
                        let (y, x) = if self.swapped { (column, row) } else { (row, column) };
                        let y = if self.up { height - 1 - y } else { y };
                        let x = if self.left { width - 1 - x } else { x };
                        let (at, source) = ((row * columns + column) * channels, (y * width + x) * channels);
                        to[at..at + channels].copy_from_slice(&from[source..source + channels]);
                    }
                }
            }
        }
    }
}

/// Runs a function on an image of any of the three element types.
#[macro_export]
macro_rules! with_pixels {
    ($image:expr, |$pixels:ident| $body:expr) => {
        if $image.is::<u8>() {
            let $pixels = $crate::pixels::Pixels::<u8>::of(&$image.view()?)?;
            $body
        } else if $image.is::<u16>() {
            let $pixels = $crate::pixels::Pixels::<u16>::of(&$image.view()?)?;
            $body
        } else if $image.is::<f32>() {
            let $pixels = $crate::pixels::Pixels::<f32>::of(&$image.view()?)?;
            $body
        } else {
            Err(Error::invalid_input("an image has elements of uint8, uint16 or float32"))
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns() {
        let turned = |quarters| {
            let mut to = [0u8; 6];
            Turn::quarters(quarters).run(&mut to, &[1, 2, 3, 4, 5, 6], 2, 3, 1);
            to
        };
        assert_eq!(turned(1), [4, 1, 5, 2, 6, 3]);
        assert_eq!(turned(2), [6, 5, 4, 3, 2, 1]);
        assert_eq!(turned(3), [3, 6, 2, 5, 1, 4]);
        assert_eq!(turned(4), [1, 2, 3, 4, 5, 6]);
    }
}
