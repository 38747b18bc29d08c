//! Gaussian blur, cut off at three sigma; the border pixels go on outside. Down the columns first, then along the rows,
//! in bands whose rows stay in the cache.

use crate::pixels::{elements, lanes, Carried, Pixel, Pixels};
use crate::wide::{weigh, Lane};
use crate::work::Work;
use lao_plugin::Error;

const BAND: usize = 64;
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

fn filter<T: Carried<L>, L: Lane>(image: &Pixels<T>, to: &mut [T], weights: &[f32], work: Work) -> Result<(), Error> {
    let (height, row, channels) = (image.height, image.width * image.channels, image.channels);
    let (taps, radius) = (weights.len(), weights.len() / 2);
    let side = radius * channels;
    let weights = L::weights(weights);
    let along: Vec<usize> = (0..taps).map(|tap| tap * channels).collect();
    struct Scratch<L> {
        /// The rows that a row is made of, in turns, and whose they are.
        ring: Vec<L>,
        held: Vec<usize>,
        /// A row with room at its sides, and the finished one.
        wide: Vec<L>,
        done: Vec<L>,
        starts: Vec<usize>,
    }
    let scratch = || Scratch {
        ring: vec![L::default(); taps * row],
        held: vec![usize::MAX; taps],
        wide: vec![L::default(); row + 2 * side],
        done: vec![L::default(); row],
        starts: vec![0; taps],
    };
    work.bands(to, BAND * row, scratch, |band, to, own| {
        for (place, to) in to.chunks_exact_mut(row).enumerate() {
            let y = band * BAND + place;
            for tap in 0..taps {
                let from = (y + tap).saturating_sub(radius).min(height - 1);
                let slot = from % taps;
                own.starts[tap] = slot * row;
                if own.held[slot] != from {
                    lanes(&mut own.ring[slot * row..(slot + 1) * row], &image.data[from * row..(from + 1) * row]);
                    own.held[slot] = from;
                }
            }
            weigh(&mut own.wide[side..side + row], &own.ring, &own.starts, &weights);
            for at in 0..radius {
                own.wide.copy_within(side..side + channels, at * channels);
                own.wide.copy_within(side + row - channels..side + row, side + row + at * channels);
            }
            weigh(&mut own.done, &own.wide, &along, &weights);
            elements(to, &own.done);
        }
    })
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
