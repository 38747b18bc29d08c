//! Where it is silent, and where somebody speaks.

use crate::sound::{decibel, Sound};

/// Length of what is looked at together, in seconds.
const STEP: f64 = 0.01;

/// A stretch of time in seconds.
pub struct Span {
    pub start: f64,
    pub end: f64,
}

fn levels(mono: &[f32], step: usize) -> Vec<f64> {
    let level = |part: &[f32]| {
        let sum: f64 = part.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        decibel((sum / part.len() as f64).sqrt())
    };
    mono.chunks(step).map(level).collect()
}

/// Stretches of steps that are so, gaps up to `gap` steps left out, those of fewer than `least` dropped.
fn stretches(so: impl Iterator<Item = bool>, gap: usize, least: usize) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (place, _) in so.enumerate().filter(|(_, so)| *so) {
        match found.last_mut() {
            Some(last) if place - last.1 <= gap => last.1 = place + 1,
            _ => found.push((place, place + 1)),
        }
    }
    found.retain(|(start, end)| end - start >= least.max(1));
    found
}

fn spans(found: &[(usize, usize)], step: f64, seconds: f64) -> Vec<Span> {
    let span =
        |(start, end): &(usize, usize)| Span { start: *start as f64 * step, end: (*end as f64 * step).min(seconds) };
    found.iter().map(span).collect()
}

/// Where it is quieter than `threshold` decibel for `least` seconds.
pub fn silence(sound: &Sound, threshold: f64, least: f64) -> Vec<Span> {
    let step = ((f64::from(sound.rate) * STEP) as usize).max(1);
    let seconds_of_step = step as f64 / f64::from(sound.rate);
    let quiet = levels(&sound.mono(), step).into_iter().map(|level| level < threshold);
    spans(&stretches(quiet, 0, (least / seconds_of_step).ceil() as usize), seconds_of_step, sound.seconds())
}

/// Whether the samples repeat themselves as often as a voice does, 70 to 400 times a second.
fn voiced(part: &[f32], rate: f64) -> bool {
    let energy: f32 = part.iter().map(|sample| sample * sample).sum();
    let lags = (rate / 400.0) as usize..(rate / 70.0) as usize;
    energy > 0.0
        && lags.filter(|lag| *lag > 0 && *lag < part.len() / 2).any(|lag| {
            let (early, late) = (&part[..part.len() - lag], &part[lag..]);
            let same: f32 = early.iter().zip(late).map(|(a, b)| a * b).sum();
            same > 0.5 * energy * (early.len() as f32 / part.len() as f32)
        })
}

/// Where somebody speaks: louder than the noise by `margin` decibel, with a voice in it. Pauses up to 0.3 s belong to it.
pub fn speech(sound: &Sound, margin: f64) -> Vec<Span> {
    // A voice is below 4 kHz; means of samples are enough to find one.
    let thin = (sound.rate as usize / 8000).max(1);
    let rate = f64::from(sound.rate) / thin as f64;
    let mono: Vec<f32> = sound.mono().chunks(thin).map(|part| part.iter().sum::<f32>() / part.len() as f32).collect();
    let step = ((rate * STEP) as usize).max(1);
    let seconds_of_step = step as f64 / rate;
    let all = levels(&mono, step);
    let mut sorted = all.clone();
    sorted.sort_by(f64::total_cmp);
    let noise = sorted.get(sorted.len() / 10).copied().unwrap_or(0.0).max(-70.0);
    let steps = |seconds: f64| (seconds / seconds_of_step).round() as usize;
    let mut found = stretches(all.iter().map(|level| *level > noise + margin), steps(0.3), steps(0.1));
    found.retain(|(start, end)| {
        let voices = (*start..*end)
            .filter(|place| voiced(&mono[place * step..((place + 4) * step).min(mono.len())], rate))
            .count();
        voices * 5 >= end - start
    });
    spans(&found, seconds_of_step, sound.seconds())
}
