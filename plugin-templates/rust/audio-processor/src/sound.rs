//! Samples, and what is done to them.

use lao_plugin::{AnyAudio, Audio, Element, Error, Host};

/// Interleaved samples, of which 1 is the loudest that a file keeps.
pub struct Sound {
    pub samples: Vec<f32>,
    pub channels: usize,
    pub rate: u32,
}

pub const MOST_CHANNELS: usize = 64;
pub const MOST_HZ: u32 = 768_000;

/// Refuses what is no sound: no channels, or a rate that no device has.
pub fn check_shape(channels: usize, rate: u32) -> Result<(), Error> {
    if channels == 0 || channels > MOST_CHANNELS {
        return Err(Error::invalid_input(format!("it has {channels} channels; 1 to {MOST_CHANNELS} can be")));
    }
    if rate == 0 || rate > MOST_HZ {
        return Err(Error::invalid_input(format!("its rate is {rate} Hz; 1 to {MOST_HZ} can be")));
    }
    Ok(())
}

/// Refuses samples that are no numbers.
pub fn check_samples(samples: &[f32], channels: usize) -> Result<(), Error> {
    const EXPONENT: u32 = 0x7f80_0000; // all of it set: infinite, or no number
    let strange = |part: &[f32]| part.iter().fold(false, |so, sample| so | (sample.to_bits() & EXPONENT == EXPONENT));
    if !samples.chunks(4096).any(strange) {
        return Ok(());
    }
    match samples.iter().position(|sample| !sample.is_finite()) {
        Some(place) => Err(Error::invalid_input(format!(
            "a sample is {}: frame {}, channel {}",
            samples[place],
            place / channels,
            place % channels
        ))),
        None => Ok(()),
    }
}

impl Sound {
    /// An input of any depth.
    pub fn of(input: &AnyAudio) -> Result<Sound, Error> {
        if input.is::<f32>() {
            return Sound::scaled(input, |sample: f32| sample);
        }
        if input.is::<f64>() {
            return Sound::scaled(input, |sample: f64| sample as f32);
        }
        if input.is::<i16>() {
            return Sound::scaled(input, |sample: i16| f32::from(sample) / 32_768.0);
        }
        if input.is::<i32>() {
            return Sound::scaled(input, |sample: i32| (f64::from(sample) / 2_147_483_648.0) as f32);
        }
        if input.is::<u8>() {
            return Sound::scaled(input, |sample: u8| (f32::from(sample) - 128.0) / 128.0);
        }
        Err(Error::unsupported("samples are float32, float64, int16, int32 or uint8"))
    }

    fn scaled<T: Element>(input: &AnyAudio, as_float: fn(T) -> f32) -> Result<Sound, Error> {
        let view = input.view::<T>()?;
        check_shape(view.channels(), view.sample_rate_hz())?;
        let samples = match view.tensor().as_slice() {
            Some(samples) => samples.iter().map(|sample| as_float(*sample)).collect(),
            None => view.tensor().to_vec().into_iter().map(as_float).collect(),
        };
        Sound { samples, channels: view.channels(), rate: view.sample_rate_hz() }.checked()
    }

    /// The same, if all of its samples are numbers.
    pub fn checked(self) -> Result<Sound, Error> {
        check_samples(&self.samples, self.channels)?;
        Ok(self)
    }

    pub fn frames(&self) -> usize {
        self.samples.len() / self.channels
    }

    pub fn seconds(&self) -> f64 {
        self.frames() as f64 / f64::from(self.rate)
    }

    pub fn into_audio(self, host: Host) -> Result<Audio<f32>, Error> {
        let mut output = Audio::unfilled(host, self.frames(), self.channels, self.rate)?;
        output.as_mut_slice().copy_from_slice(&self.samples);
        Ok(output)
    }

    pub fn peak(&self) -> f64 {
        self.samples.iter().fold(0f32, |peak, sample| peak.max(sample.abs())).into()
    }

    pub fn rms(&self) -> f64 {
        let sum: f64 = self.samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        (sum / self.samples.len().max(1) as f64).sqrt()
    }

    /// The mean of all channels.
    pub fn mono(&self) -> Vec<f32> {
        let share = 1.0 / self.channels as f32;
        self.samples.chunks_exact(self.channels).map(|frame| frame.iter().sum::<f32>() * share).collect()
    }

    /// To another number of channels: fewer are means of those that fall together, more are repeated.
    pub fn mixed(&self, channels: usize) -> Sound {
        let mut samples = Vec::with_capacity(self.frames() * channels);
        for frame in self.samples.chunks_exact(self.channels) {
            for to in 0..channels {
                if channels >= self.channels {
                    samples.push(frame[to % self.channels]);
                } else {
                    let (sum, count) =
                        frame.iter().skip(to).step_by(channels).fold((0.0, 0.0), |(s, n), x| (s + x, n + 1.0));
                    samples.push(sum / count);
                }
            }
        }
        Sound { samples, channels, rate: self.rate }
    }
}

pub fn decibel(amplitude: f64) -> f64 {
    20.0 * amplitude.max(1e-10).log10()
}

pub fn amplitude(decibel: f64) -> f64 {
    10f64.powf(decibel / 20.0)
}
