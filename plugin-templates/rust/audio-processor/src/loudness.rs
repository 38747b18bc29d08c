//! Loudness as ITU-R BS.1770-4 measures it, in LUFS: what is heard, weighted as an ear weights it, without the pauses.

use crate::sound::Sound;

/// Below this, in LUFS, a block is silence.
const SILENCE: f64 = -70.0;
/// A block so much below the mean of all is a pause.
const PAUSE: f64 = -10.0;

/// A filter of second order: b0, b1, b2, a1, a2.
#[derive(Clone, Copy)]
struct Biquad([f64; 5]);

/// What a filter remembers.
#[derive(Clone, Copy, Default)]
struct Memory([f64; 2]);

impl Biquad {
    /// The head, which lifts what is above 1.5 kHz: BS.1770-4, table 1, for any rate.
    fn shelf(rate: f64) -> Biquad {
        let (hertz, gain, quality) = (1_681.974_450_955_533, 3.999_843_853_973_347, 0.707_175_236_955_419_6);
        let k = (std::f64::consts::PI * hertz / rate).tan();
        let high = 10f64.powf(gain / 20.0);
        let band = high.powf(0.499_666_774_154_541_6);
        let scale = 1.0 + k / quality + k * k;
        Biquad([
            (high + band * k / quality + k * k) / scale,
            2.0 * (k * k - high) / scale,
            (high - band * k / quality + k * k) / scale,
            2.0 * (k * k - 1.0) / scale,
            (1.0 - k / quality + k * k) / scale,
        ])
    }

    /// What is too low to be heard: BS.1770-4, table 2, for any rate.
    fn high_pass(rate: f64) -> Biquad {
        let (hertz, quality) = (38.135_470_876_024_44, 0.500_327_037_323_877_3);
        let k = (std::f64::consts::PI * hertz / rate).tan();
        let scale = 1.0 + k / quality + k * k;
        Biquad([1.0, -2.0, 1.0, 2.0 * (k * k - 1.0) / scale, (1.0 - k / quality + k * k) / scale])
    }

    fn run(&self, memory: &mut Memory, sample: f64) -> f64 {
        let [b0, b1, b2, a1, a2] = self.0;
        let made = b0 * sample + memory.0[0];
        memory.0 = [b1 * sample - a1 * made + memory.0[1], b2 * sample - a2 * made];
        made
    }
}

/// Of the fourth and fifth channel of five, and the fifth and sixth of six, which are behind the listener. The fourth of six
/// is for low effects, and does not count.
fn weight(channel: usize, channels: usize) -> f64 {
    match (channels, channel) {
        (6, 3) => 0.0,
        (5, 3 | 4) | (6, 4 | 5) => 1.41,
        _ => 1.0,
    }
}

fn lufs(power: f64) -> f64 {
    -0.691 + 10.0 * power.max(1e-30).log10()
}

/// The loudness in LUFS. `None`: there is nothing to be heard, or less than 0.4 s.
pub fn loudness(sound: &Sound) -> Option<f64> {
    let rate = f64::from(sound.rate);
    let (shelf, high_pass) = (Biquad::shelf(rate), Biquad::high_pass(rate));
    // Powers of steps of 0.1 s; four of them are a block.
    let step = (sound.rate as usize / 10).max(1);
    let mut powers = vec![0.0; sound.frames() / step];
    for channel in 0..sound.channels {
        let (mut first, mut second) = (Memory::default(), Memory::default());
        let share = weight(channel, sound.channels) / step as f64;
        for (power, part) in powers.iter_mut().zip(sound.samples.chunks_exact(step * sound.channels)) {
            for sample in part.iter().skip(channel).step_by(sound.channels) {
                let heard = high_pass.run(&mut second, shelf.run(&mut first, f64::from(*sample)));
                *power += share * heard * heard;
            }
        }
    }
    let blocks: Vec<f64> = powers.windows(4).map(|four| four.iter().sum::<f64>() / 4.0).collect();
    let mean_above = |gate: f64| {
        let (sum, count) =
            blocks.iter().filter(|power| lufs(**power) > gate).fold((0.0, 0), |(s, n), p| (s + p, n + 1));
        (count > 0).then(|| sum / f64::from(count))
    };
    let gate = lufs(mean_above(SILENCE)?) + PAUSE;
    mean_above(gate.max(SILENCE)).map(lufs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hertz: f64, level: f64, rate: u32, channels: usize) -> Sound {
        let at = |frame: usize| (level * (std::f64::consts::TAU * hertz * frame as f64 / f64::from(rate)).sin()) as f32;
        let samples = (0..3 * rate as usize).flat_map(|frame| vec![at(frame); channels]).collect();
        Sound { samples, channels, rate }
    }

    #[test]
    fn the_tone_of_the_standard() {
        for rate in [44_100, 48_000, 96_000] {
            assert!((loudness(&tone(997.0, 1.0, rate, 1)).unwrap() + 3.01).abs() < 0.02);
            assert!((loudness(&tone(997.0, 0.1, rate, 2)).unwrap() + 20.0).abs() < 0.02);
        }
    }

    #[test]
    fn pauses_do_not_count() {
        let mut sound = tone(997.0, 0.5, 48_000, 1);
        let without = loudness(&sound).unwrap();
        sound.samples.extend(vec![0.0; 480_000]);
        assert!((loudness(&sound).unwrap() - without).abs() < 0.5); // blocks in which it begins count
        assert_eq!(loudness(&tone(997.0, 0.0, 48_000, 1)), None);
    }
}
