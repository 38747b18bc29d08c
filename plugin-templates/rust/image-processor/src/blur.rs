//! Gaussian blur, cut off at three sigma; the border pixels go on outside. Down the columns first, then along the rows,
//! in bands whose rows stay in the cache.

use crate::pixels::{elements, lanes, Carried, Pixel, Pixels};
use crate::wide::{weigh, Lane};
use crate::work::Work;
use lao_plugin::Error;

const BAND: usize = 270;
/// Elements of a row that are worked on together: their rows stay in the cache.
const STRIP: usize = 768;
/// More taps than this are summed as floats: with as many roundings, fixed point would show.
const FIXED_TAPS: usize = 20;

pub fn weights(sigma: f32) -> Vec<f32> {
    let radius = (3.0 * sigma).ceil().max(1.0) as i32;
    let raw: Vec<f32> = (-radius..=radius).map(|at| (-((at * at) as f32) / (2.0 * sigma * sigma)).exp()).collect();
    let sum: f32 = raw.iter().sum();
    raw.iter().map(|weight| weight / sum).collect()
}

/// An element type that can be blurred.
pub trait Blurred: Pixel {
    fn blur(image: &Pixels<Self>, to: &mut [Self], sigma: f32, work: Work) -> Result<(), Error> {
        filter::<Self, f32>(image, to, &weights(sigma), work)
    }
}
impl Blurred for u16 {}
impl Blurred for f32 {}
impl Blurred for u8 {
    fn blur(image: &Pixels<u8>, to: &mut [u8], sigma: f32, work: Work) -> Result<(), Error> {
        let weights = weights(sigma);
        if weights.len() <= FIXED_TAPS {
            filter::<u8, i16>(image, to, &weights, work)
        } else {
            filter::<u8, f32>(image, to, &weights, work)
        }
    }
}

/// What a thread works in.
struct Scratch<L> {
    /// A strip of the rows that a row is made of, in turns.
    ring: Vec<L>,
    starts: Vec<usize>,
    /// A strip of a row, with what is at its sides, and the finished one.
    wide: Vec<L>,
    done: Vec<L>,
}

fn filter<T: Carried<L>, L: Lane>(image: &Pixels<T>, to: &mut [T], weights: &[f32], work: Work) -> Result<(), Error> {
    let (height, row, channels) = (image.height, image.width * image.channels, image.channels);
    let (taps, radius) = (weights.len(), weights.len() / 2);
    let side = radius * channels;
    let weights = L::weights(weights);
    let along: Vec<usize> = (0..taps).map(|tap| tap * channels).collect();
    // Wide enough that the sides, which neighbours compute too, cost little.
    let strip = row.min((8 * side).max(STRIP) / channels * channels);
    let scratch = || Scratch {
        ring: vec![L::default(); taps * (strip + 2 * side)],
        starts: vec![0; taps],
        wide: vec![L::default(); strip + 2 * side],
        done: vec![L::default(); strip],
    };
    work.bands(to, BAND * row, scratch, |band, to, own| {
        for left in (0..row).step_by(strip) {
            let width = strip.min(row - left);
            // What there is of the sides; the rest of them repeats the border pixel.
            let (from, end) = (left.saturating_sub(side), (left + width + side).min(row));
            let (lacking, known) = (side - (left - from), end - from);
            let mut next = (band * BAND).saturating_sub(radius);
            for (place, to) in to.chunks_exact_mut(row).enumerate() {
                let y = band * BAND + place;
                while next <= (y + radius).min(height - 1) {
                    let slot = next % taps * known;
                    lanes(&mut own.ring[slot..slot + known], &image.data[next * row + from..next * row + end]);
                    next += 1;
                }
                for (tap, start) in own.starts.iter_mut().enumerate() {
                    *start = (y + tap).saturating_sub(radius).min(height - 1) % taps * known;
                }
                weigh(&mut own.wide[lacking..lacking + known], &own.ring, &own.starts, &weights);
                repeat(&mut own.wide[..width + 2 * side], lacking, known, channels);
                weigh(&mut own.done[..width], &own.wide, &along, &weights);
                elements(&mut to[left..left + width], &own.done[..width]);
            }
        }
    })
}

/// Repeats the first and the last pixel of what is known to the ends.
fn repeat<L: Lane>(row: &mut [L], before: usize, known: usize, channels: usize) {
    for at in (0..before).step_by(channels) {
        row.copy_within(before..before + channels, at);
    }
    let end = before + known;
    for at in (end..row.len()).step_by(channels) {
        row.copy_within(end - channels..end, at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::Threads;

    #[test]
    fn a_flat_image_stays_flat() {
        let threads = Threads::new(2).unwrap();
        let work = Work { threads: &threads, go_on: &|| Ok(()) };
        for sigma in [0.3, 2.0, 4.0, 9.0, 30.0] {
            let image = Pixels::owned(vec![200u8; 90 * 50 * 3], 90, 50, 3);
            let mut to = vec![0; image.data.len()];
            u8::blur(&image, &mut to, sigma, work).unwrap();
            assert!(to.iter().all(|value| *value == 200), "sigma {sigma}");
        }
    }
}
