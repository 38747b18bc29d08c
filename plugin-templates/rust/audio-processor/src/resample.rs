//! Another sample rate, all at once or part by part.

use lao_plugin::Error;
use rubato::{FftFixedIn, Resampler};

fn fault(fault: impl std::fmt::Display) -> Error {
    Error::failed(format!("resampling: {fault}"))
}

fn common(a: u32, b: u32) -> u32 {
    if b == 0 {
        a
    } else {
        common(b, a % b)
    }
}

/// Takes interleaved frames as they come, and gives them in another rate without the delay of its filter.
pub struct Converter {
    filter: FftFixedIn<f32>,
    channels: usize,
    rates: (u32, u32),
    waiting: Vec<Vec<f32>>,
    room: Vec<Vec<f32>>,
    skip: usize,
    taken: u64,
    given: u64,
}

impl Converter {
    pub fn new(from: u32, to: u32, channels: usize) -> Result<Converter, Error> {
        // An even number of the shortest pieces that both rates have, so that the delay is of whole frames.
        let shortest = from / common(from, to);
        let pieces = (1024 / shortest).next_power_of_two().max(2);
        let filter =
            FftFixedIn::new(from as usize, to as usize, (shortest * pieces) as usize, 1, channels).map_err(fault)?;
        let (room, skip) = (filter.output_buffer_allocate(true), filter.output_delay());
        let waiting = vec![Vec::new(); channels];
        Ok(Converter { filter, channels, rates: (from, to), waiting, room, skip, taken: 0, given: 0 })
    }

    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) -> Result<(), Error> {
        self.taken += (samples.len() / self.channels) as u64;
        self.feed(samples, out, u64::MAX)
    }

    /// What is still in the filter.
    pub fn finish(&mut self, out: &mut Vec<f32>) -> Result<(), Error> {
        let (from, to) = (u128::from(self.rates.0), u128::from(self.rates.1));
        let all = (u128::from(self.taken) * to).div_ceil(from) as u64;
        while self.given < all {
            let silence = vec![0.0; self.filter.input_frames_next() * self.channels];
            self.feed(&silence, out, all)?;
        }
        Ok(())
    }

    fn feed(&mut self, samples: &[f32], out: &mut Vec<f32>, most: u64) -> Result<(), Error> {
        let mut rest = samples;
        while !rest.is_empty() {
            let wanted = self.filter.input_frames_next() - self.waiting[0].len();
            let now = (wanted * self.channels).min(rest.len());
            for (channel, waiting) in self.waiting.iter_mut().enumerate() {
                waiting.extend(rest[..now].iter().skip(channel).step_by(self.channels));
            }
            rest = &rest[now..];
            if self.waiting[0].len() < self.filter.input_frames_next() {
                break;
            }
            let (_, made) = self.filter.process_into_buffer(&self.waiting, &mut self.room, None).map_err(fault)?;
            self.waiting.iter_mut().for_each(Vec::clear);
            let begin = self.skip.min(made);
            self.skip -= begin;
            let end = begin + ((made - begin) as u64).min(most.saturating_sub(self.given)) as usize;
            self.given += (end - begin) as u64;
            if end == begin {
                continue;
            }
            let start = out.len();
            out.resize(start + (end - begin) * self.channels, 0.0);
            for (channel, made) in self.room.iter().enumerate() {
                let places = out[start + channel..].iter_mut().step_by(self.channels);
                places.zip(&made[begin..end]).for_each(|(place, sample)| *place = *sample);
            }
        }
        Ok(())
    }
}
