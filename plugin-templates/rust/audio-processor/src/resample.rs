//! Another sample rate, all at once or part by part: blocks of sound are filtered and cut to the new rate as spectra.
//!
//! Two channels are one complex signal, so stereo goes through the transform as it lies in memory. Blocks overlap by the length
//! of the filter, which passes 91 % of the lower rate's band within 0.001 dB, and stops what does not fit by 130 dB.

use lao_plugin::Error;
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};
use std::f64::consts::PI;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

const PASSES: f64 = 0.9125;
const STOPS: f64 = 1.0;
const STOPPED_DB: f64 = 130.0;
const LIKELY_BLOCK: usize = 6144;
const LARGEST_BLOCK: usize = 1 << 24;

fn common(a: usize, b: usize) -> usize {
    if b == 0 {
        a
    } else {
        common(b, a % b)
    }
}

/// The modified Bessel function I0, by its power series.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for step in 1..200 {
        term *= (x / 2.0 / f64::from(step)).powi(2);
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum
}

/// How blocks of one rate become blocks of another.
pub struct Rates {
    forward: Arc<dyn Fft<f32>>,
    back: Arc<dyn Fft<f32>>,
    response: Vec<f32>,     // of the frequencies from 0 on, with what the two transforms multiply by
    block: (usize, usize),  // frames of a block, before and after
    margin: (usize, usize), // of those, at each end, what belongs to its neighbours
    ratio: (usize, usize),
}

/// The memory that a thread works in.
struct Desk {
    before: Vec<Complex<f32>>,
    after: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl Rates {
    pub fn new(from: u32, to: u32) -> Result<Rates, Error> {
        let shared = common(from as usize, to as usize);
        let (p, q) = (from as usize / shared, to as usize / shared);
        // The filter is made at the higher rate.
        let (low, high) = (p.min(q) as f64, p.max(q) as f64);
        let width = (STOPS - PASSES) / 2.0 * low / high;
        let half = ((STOPPED_DB - 7.95) / (2.285 * 2.0 * PI * width) / 2.0).ceil();
        let pieces = (half / high).ceil() as usize; // of p frames before, q after
        let wanted = (4 * pieces).max(LIKELY_BLOCK.div_ceil(p.max(q)));
        // A product of small primes, where p and q are.
        let count = wanted.next_power_of_two();
        let block = (p * count, q * count);
        if block.0.max(block.1) > LARGEST_BLOCK {
            return Err(Error::unsupported(format!("{from} Hz and {to} Hz are too far apart")));
        }
        let mut planner = FftPlanner::new();
        let (forward, back) = (planner.plan_fft_forward(block.0), planner.plan_fft_inverse(block.1));
        let larger = if p > q { &forward } else { &back }; // the filter is symmetric: both ways are one
        let response = response(larger.as_ref(), half, (PASSES + STOPS) / 2.0 * low / high, block.0);
        let kept = response[..block.0.min(block.1) / 2].to_vec();
        Ok(Rates { forward, back, response: kept, block, margin: (p * pieces, q * pieces), ratio: (p, q) })
    }

    /// How many frames `frames` become.
    pub fn frames(&self, frames: usize) -> usize {
        (frames as u128 * self.ratio.1 as u128).div_ceil(self.ratio.0 as u128) as usize
    }

    fn step(&self) -> (usize, usize) {
        (self.block.0 - 2 * self.margin.0, self.block.1 - 2 * self.margin.1)
    }

    fn desk(&self) -> Desk {
        let none = Complex::new(0.0, 0.0);
        let scratch = self.forward.get_inplace_scratch_len().max(self.back.get_inplace_scratch_len());
        Desk { before: vec![none; self.block.0], after: vec![none; self.block.1], scratch: vec![none; scratch] }
    }

    /// Changes what lies before in the desk to what lies after.
    fn change(&self, desk: &mut Desk) {
        self.forward.process_with_scratch(&mut desk.before, &mut desk.scratch);
        let (kept, none) = (self.response.len(), Complex::new(0.0, 0.0));
        let (before, after) = (self.block.0, self.block.1);
        for (place, share) in self.response.iter().enumerate() {
            desk.after[place] = desk.before[place] * *share;
        }
        desk.after[kept..=after - kept].fill(none);
        for (place, share) in self.response.iter().enumerate().skip(1) {
            desk.after[after - place] = desk.before[before - place] * *share;
        }
        self.back.process_with_scratch(&mut desk.after, &mut desk.scratch);
    }

    /// The block whose own frames begin at `start`: fills `out`, of the same channels.
    fn block(&self, input: &[f32], start: usize, channels: usize, out: &mut [f32], desk: &mut Desk) {
        let frames = input.len() / channels;
        let none = Complex::new(0.0, 0.0);
        // Before the sound and behind it is silence.
        let ahead = self.margin.0.saturating_sub(start);
        let begin = start.saturating_sub(self.margin.0).min(frames);
        let count = (self.block.0 - ahead).min(frames - begin);
        let heard = &input[begin * channels..(begin + count) * channels];
        for first in (0..channels).step_by(2) {
            desk.before[..ahead].fill(none);
            desk.before[ahead + count..].fill(none);
            let places = desk.before[ahead..ahead + count].iter_mut().zip(heard.chunks_exact(channels));
            if first + 1 < channels {
                places.for_each(|(place, frame)| *place = Complex::new(frame[first], frame[first + 1]));
            } else {
                places.for_each(|(place, frame)| *place = Complex::new(frame[first], 0.0));
            }
            self.change(desk);
            let made = out.chunks_exact_mut(channels).zip(&desk.after[self.margin.1..]);
            if first + 1 < channels {
                made.for_each(|(frame, sample)| (frame[first], frame[first + 1]) = (sample.re, sample.im));
            } else {
                made.for_each(|(frame, sample)| frame[first] = sample.re);
            }
        }
    }

    /// All of a sound, into `out`, which has `frames` frames. `go_on` is asked between blocks.
    pub fn all(
        &self,
        input: &[f32],
        channels: usize,
        out: &mut [f32],
        threads: usize,
        go_on: impl Fn() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let step = self.step();
        let blocks = out.len().div_ceil(step.1 * channels);
        let threads = threads.min(blocks / 4).max(1);
        let share = blocks.div_ceil(threads).max(1);
        let stopped = AtomicBool::new(false);
        let work = |first: usize, band: &mut [f32], go_on: &dyn Fn() -> Result<(), Error>| {
            let mut desk = self.desk();
            for (at, out) in band.chunks_mut(step.1 * channels).enumerate() {
                go_on().inspect_err(|_| stopped.store(true, Ordering::Relaxed))?;
                self.block(input, (first + at) * step.0, channels, out, &mut desk);
            }
            Ok(())
        };
        let mut bands = out.chunks_mut(share * step.1 * channels).enumerate();
        let own = bands.next();
        std::thread::scope(|scope| {
            for (at, band) in bands {
                let (work, stopped) = (&work, &stopped);
                // What is left undone after a stop is not looked at: the caller gets the error.
                let wanted = || if stopped.load(Ordering::Relaxed) { Err(Error::failed("stopped")) } else { Ok(()) };
                scope.spawn(move || work(at * share, band, &wanted));
            }
            own.map_or(Ok(()), |(_, band)| work(0, band, &go_on))
        })
    }
}

/// The filter's response at the frequencies of a block, up to the half of it.
fn response(fft: &dyn Fft<f32>, half: f64, cut: f64, scale: usize) -> Vec<f32> {
    let size = fft.len();
    let beta = 0.1102 * (STOPPED_DB - 8.7);
    let mut kernel = vec![Complex::new(0.0, 0.0); size];
    for place in 0..=half as usize {
        let at = place as f64;
        let sinc = if place == 0 { cut } else { (PI * cut * at).sin() / (PI * at) };
        let window = bessel(beta * (1.0 - (at / half).powi(2)).max(0.0).sqrt()) / bessel(beta);
        let value = Complex::new((sinc * window) as f32, 0.0);
        kernel[place] = value;
        kernel[(size - place) % size] = value;
    }
    fft.process(&mut kernel);
    let whole = kernel[0].re * scale as f32;
    kernel[..size / 2].iter().map(|value| value.re / whole).collect()
}

/// Takes samples of one channel as they come, and gives them in another rate without the delay of its filter.
pub struct Converter {
    rates: Rates,
    desk: Desk,
    waiting: Vec<f32>,
    taken: usize,
    given: usize,
}

impl Converter {
    pub fn new(from: u32, to: u32) -> Result<Converter, Error> {
        let rates = Rates::new(from, to)?;
        Ok(Converter { desk: rates.desk(), waiting: vec![0.0; rates.margin.0], rates, taken: 0, given: 0 })
    }

    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        self.taken += samples.len();
        self.waiting.extend_from_slice(samples);
        let (step, block) = (self.rates.step(), self.rates.block.0);
        let mut begin = 0;
        while self.waiting.len() - begin >= block {
            let start = out.len();
            out.resize(start + step.1, 0.0);
            let heard = &self.waiting[begin..begin + block];
            self.rates.block(heard, self.rates.margin.0, 1, &mut out[start..], &mut self.desk);
            self.given += step.1;
            begin += step.0;
        }
        self.waiting.drain(..begin);
    }

    /// What is still in the filter.
    pub fn finish(&mut self, out: &mut Vec<f32>) {
        let (taken, all) = (self.taken, self.rates.frames(self.taken));
        let silence = vec![0.0; self.rates.block.0];
        while self.given < all {
            self.push(&silence, out);
        }
        out.truncate(out.len() - (self.given - all));
        (self.taken, self.given) = (taken, all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: u32, hertz: f64, frames: usize) -> Vec<f32> {
        (0..frames).map(|at| (at as f64 * hertz / f64::from(rate) * 2.0 * PI).sin() as f32).collect()
    }

    #[test]
    fn parts_give_what_the_whole_gives() {
        for (from, to) in [(48_000, 16_000), (44_100, 16_000), (8000, 16_000), (11_025, 48_000), (7, 8)] {
            let rates = Rates::new(from, to).unwrap();
            let input = tone(from, f64::from(from.min(to)) / 9.0, 30_000);
            let mut whole = vec![0.0; rates.frames(input.len())];
            rates.all(&input, 1, &mut whole, 1, || Ok(())).unwrap();
            let (mut converter, mut parts) = (Converter::new(from, to).unwrap(), Vec::new());
            input.chunks(777).for_each(|part| converter.push(part, &mut parts));
            converter.finish(&mut parts);
            assert_eq!(parts.len(), whole.len(), "{from} to {to}");
            let apart = parts.iter().zip(&whole).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart < 2e-6, "{from} to {to}: {apart}");
        }
    }

    #[test]
    fn threads_and_channels_change_nothing() {
        let rates = Rates::new(44_100, 32_000).unwrap();
        let (left, right, back) =
            (tone(44_100, 500.0, 90_000), tone(44_100, 900.0, 90_000), tone(44_100, 70.0, 90_000));
        let input: Vec<f32> = (0..left.len()).flat_map(|at| [left[at], right[at], back[at]]).collect();
        let frames = rates.frames(left.len());
        let (mut one, mut many) = (vec![0.0; frames * 3], vec![0.0; frames * 3]);
        rates.all(&input, 3, &mut one, 1, || Ok(())).unwrap();
        rates.all(&input, 3, &mut many, 4, || Ok(())).unwrap();
        assert_eq!(one, many);
        let mut alone = vec![0.0; frames];
        rates.all(&back, 1, &mut alone, 1, || Ok(())).unwrap();
        assert!(one.iter().skip(2).step_by(3).zip(&alone).all(|(a, b)| (a - b).abs() < 1e-6));
    }

    #[test]
    fn what_fits_stays_and_what_does_not_goes() {
        let rates = Rates::new(48_000, 16_000).unwrap();
        for (hertz, least, most) in [(100.0, 0.9999, 1.0001), (7250.0, 0.9999, 1.0001), (8010.0, 0.0, 1e-6)] {
            let mut out = vec![0.0; 16_000];
            rates.all(&tone(48_000, hertz, 48_000), 1, &mut out, 1, || Ok(())).unwrap();
            let middle = &out[4000..12_000];
            let power = middle.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / 8000.0 * 2.0;
            assert!((least..=most).contains(&power.sqrt()), "{hertz} Hz: {}", power.sqrt());
        }
    }
}
