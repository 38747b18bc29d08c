//! Other sizes: sixteen rows at a time are summed down the columns, turned, summed along the rows, and turned back, so that
//! both sums run over whole registers.

use crate::pixels::{elements, lanes, Carried, Pixel, Pixels};
use crate::wide::{halve_one, halve_three, turn, turn_back, weigh, weigh_turned, Along, Lane, TURNED};
use crate::work::Work;
use lao_plugin::Error;

pub const FILTERS: [&str; 4] = ["area", "bilinear", "bicubic", "lanczos"];
/// More taps than this are summed as floats: with as many roundings, fixed point would show.
const FIXED_TAPS: usize = 20;
/// Elements of a row that go through the first sum together: their rows stay in the cache.
const STRIP: usize = 1024;

/// The size that is meant: of 0 the one that keeps the proportions.
pub fn size_of(width: usize, height: usize, image: (usize, usize)) -> Result<(usize, usize), Error> {
    let scaled =
        |other: usize, mine: usize, theirs: usize| ((mine * other) as f64 / theirs as f64).round().max(1.0) as usize;
    match (width, height) {
        (0, 0) => Err(Error::invalid_parameter("give `width`, `height` or both")),
        (0, height) => Ok((scaled(height, image.0, image.1), height)),
        (width, 0) => Ok((width, scaled(width, image.1, image.0))),
        both => Ok(both),
    }
}

/// Which samples an output sample is made of.
pub struct Taps {
    first: usize,
    weights: Vec<f32>,
}

/// The taps of every output sample. When it gets smaller, filters are as wide as an output pixel; the border pixels go on
/// outside of the image.
fn taps(from: usize, to: usize, filter: &str) -> Vec<Taps> {
    let scale = from as f64 / to as f64;
    if filter == "area" {
        return (0..to).map(|at| overlaps(at as f64 * scale, (at + 1) as f64 * scale, from)).collect();
    }
    let (reach, shape): (f64, fn(f64) -> f64) = match filter {
        "bilinear" => (1.0, |x| 1.0 - x),
        "bicubic" => (2.0, cubic),
        _ => (3.0, lanczos),
    };
    let wide = scale.max(1.0);
    let one = |at: usize| {
        let center = (at as f64 + 0.5) * scale;
        let (start, end) = ((center - reach * wide).floor() as isize, (center + reach * wide).ceil() as isize);
        let inside = |place: isize| place.clamp(0, from as isize - 1) as usize;
        let first = inside(start);
        let mut weights = vec![0.0; inside(end - 1) + 1 - first];
        for place in start..end {
            let x = ((place as f64 + 0.5 - center) / wide).abs();
            weights[inside(place) - first] += if x < reach { shape(x) } else { 0.0 };
        }
        Taps::normal(first, weights)
    };
    (0..to).map(one).collect()
}

impl Taps {
    /// Sums to 1; without zeros at the ends.
    fn normal(first: usize, raw: Vec<f64>) -> Taps {
        let sum: f64 = raw.iter().sum();
        let least = sum.abs() * 1e-6;
        let skipped = raw.iter().take_while(|weight| weight.abs() <= least).count().min(raw.len() - 1);
        let kept = raw.iter().rposition(|weight| weight.abs() > least).map_or(skipped + 1, |last| last + 1);
        Taps {
            first: first + skipped,
            weights: raw[skipped..kept].iter().map(|weight| (weight / sum) as f32).collect(),
        }
    }
}

/// How much of each sample lies between two places.
fn overlaps(from: f64, to: f64, length: usize) -> Taps {
    let first = (from as usize).min(length - 1);
    let end = (to.ceil() as usize).clamp(first + 1, length);
    let part = |at: usize| (to.min((at + 1) as f64) - from.max(at as f64)).max(0.0);
    Taps::normal(first, (first..end).map(part).collect())
}

/// Keys' cubic with a = -0.5, for x in 0..2.
fn cubic(x: f64) -> f64 {
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    }
}

/// sinc(x) sinc(x / 3), for x in 0..3.
fn lanczos(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let third = std::f64::consts::PI / 3.0 * x;
    let sine = third.sin();
    (3.0 - 4.0 * sine * sine) * sine * sine / (3.0 * third * third) // sin(3a) = 3 sin(a) - 4 sin(a)^3
}

/// An element type that can be resized.
pub trait Scaled: Pixel {
    /// Does it in another way, if there is a better one; says whether it did.
    fn short_cut(_: &Pixels<Self>, _: &mut [Self], _: (usize, usize), _: &str, _: Work) -> Result<bool, Error> {
        Ok(false)
    }
    fn sums(image: &Pixels<Self>, to: &mut [Self], down: &[Taps], along: &[Taps], work: Work) -> Result<(), Error> {
        filter::<Self, f32>(image, to, down, along, work)
    }
}
impl Scaled for u16 {}
impl Scaled for f32 {}
impl Scaled for u8 {
    fn short_cut(
        image: &Pixels<u8>,
        to: &mut [u8],
        size: (usize, usize),
        filter: &str,
        work: Work,
    ) -> Result<bool, Error> {
        if filter != "area" || (size.0 * 2, size.1 * 2) != (image.width, image.height) || image.channels == 4 {
            return Ok(false);
        }
        halve(image, to, work).map(|()| true)
    }
    fn sums(image: &Pixels<u8>, to: &mut [u8], down: &[Taps], along: &[Taps], work: Work) -> Result<(), Error> {
        let fixed =
            |taps: &Taps| taps.weights.len() <= FIXED_TAPS && taps.weights.iter().all(|weight| weight.abs() <= 1.0);
        if image.channels != 4 && down.iter().chain(along).all(fixed) {
            filter::<u8, i16>(image, to, down, along, work)
        } else {
            filter::<u8, f32>(image, to, down, along, work)
        }
    }
}

/// Resizes to `size`, width and height. Colours count as much as they cover: what is transparent has none.
pub fn resize<T: Scaled>(
    image: &Pixels<T>,
    to: &mut [T],
    size: (usize, usize),
    filter: &str,
    work: Work,
) -> Result<(), Error> {
    if T::short_cut(image, to, size, filter, work)? {
        return Ok(());
    }
    T::sums(image, to, &taps(image.height, size.1, filter), &taps(image.width, size.0, filter), work)
}

fn halve(image: &Pixels<u8>, to: &mut [u8], work: Work) -> Result<(), Error> {
    const ROWS: usize = 64;
    let (row, small) = (image.row(), image.row() / 2);
    work.bands(
        to,
        ROWS * small,
        || (),
        |band, to, ()| {
            for (place, to) in to.chunks_exact_mut(small).enumerate() {
                let (upper, lower) = image.data[(band * ROWS + place) * 2 * row..][..2 * row].split_at(row);
                if image.channels == 1 {
                    halve_one(to, upper, lower);
                } else {
                    halve_three(to, upper, lower);
                }
            }
        },
    )
}

fn filter<T: Carried<L>, L: Lane>(
    image: &Pixels<T>,
    to: &mut [T],
    down: &[Taps],
    along: &[Taps],
    work: Work,
) -> Result<(), Error> {
    let (channels, row, out) = (image.channels, image.width * image.channels, along.len() * image.channels);
    let across: Vec<Along<L>> =
        along.iter().map(|taps| Along { first: taps.first, weights: L::weights(&taps.weights) }).collect();
    let heights: Vec<Vec<L>> = down.iter().map(|taps| L::weights(&taps.weights)).collect();
    struct Scratch<L> {
        rows: Vec<L>,
        sums: Vec<L>,
        turned: Vec<L>,
        found: Vec<L>,
        done: Vec<L>,
        starts: Vec<usize>,
    }
    let scratch = || Scratch {
        rows: Vec::new(),
        sums: vec![L::default(); TURNED * STRIP],
        turned: vec![L::default(); TURNED * row],
        found: vec![L::default(); TURNED * out],
        done: vec![L::default(); TURNED * out],
        starts: Vec::new(),
    };
    let alpha = channels == 4;
    work.bands(to, TURNED * out, scratch, |band, to, own| {
        let rows = &down[band * TURNED..down.len().min((band + 1) * TURNED)];
        let first = rows.iter().map(|taps| taps.first).min().unwrap_or(0);
        let end = rows.iter().map(|taps| taps.first + taps.weights.len()).max().unwrap_or(0);
        for left in (0..row).step_by(STRIP) {
            let width = STRIP.min(row - left);
            own.rows.resize((end - first) * width, L::default());
            for (to, y) in own.rows.chunks_exact_mut(width).zip(first..end) {
                let from = &image.data[y * row + left..y * row + left + width];
                if alpha {
                    T::covered(to, from);
                } else {
                    lanes(to, from);
                }
            }
            let sums = own.sums.chunks_exact_mut(STRIP);
            for ((sums, taps), weights) in sums.zip(rows).zip(&heights[band * TURNED..]) {
                own.starts.clear();
                own.starts.extend((0..taps.weights.len()).map(|tap| (taps.first - first + tap) * width));
                weigh(&mut sums[..width], &own.rows, &own.starts, weights);
            }
            turn(&mut own.turned[left * TURNED..], &own.sums, STRIP, width);
        }
        weigh_turned(&mut own.found, &own.turned, channels, &across);
        turn_back(&mut own.done, &own.found, out, out);
        for (to, done) in to.chunks_exact_mut(out).zip(own.done.chunks_exact(out)) {
            if alpha {
                T::uncovered(to, done);
            } else {
                elements(to, done);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::Threads;

    #[test]
    fn proportions_are_kept() {
        assert_eq!(size_of(0, 50, (200, 100)).unwrap(), (100, 50));
        assert_eq!(size_of(10, 0, (200, 100)).unwrap(), (10, 5));
        assert_eq!(size_of(1, 0, (10, 1)).unwrap(), (1, 1));
        assert_eq!(size_of(3, 4, (200, 100)).unwrap(), (3, 4));
        assert!(size_of(0, 0, (200, 100)).is_err());
    }

    #[test]
    fn weights_sum_to_one_within_the_image() {
        for filter in FILTERS {
            for (from, to) in [(1, 1), (1, 7), (7, 1), (100, 33), (33, 100), (5, 5)] {
                for taps in taps(from, to, filter) {
                    assert!(taps.first + taps.weights.len() <= from, "{filter} {from} {to}");
                    assert!((taps.weights.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{filter} {from} {to}");
                }
            }
        }
    }

    #[test]
    fn a_flat_image_stays_flat() {
        let threads = Threads::new(2).unwrap();
        let work = Work { threads: &threads, go_on: &|| Ok(()) };
        for channels in [1, 3, 4] {
            let image = Pixels::owned(vec![201u8; 40 * 30 * channels], 40, 30, channels);
            for (filter, size) in [
                ("area", (15, 20)),
                ("area", (7, 9)),
                ("lanczos", (15, 20)),
                ("bicubic", (61, 83)),
                ("bilinear", (30, 40)),
            ] {
                let mut to = vec![0; size.0 * size.1 * channels];
                resize(&image, &mut to, size, filter, work).unwrap();
                let other = to.iter().position(|value| *value != 201);
                assert_eq!(other.map(|at| (at, to[at])), None, "{filter} {size:?} {channels}");
            }
        }
    }
}
