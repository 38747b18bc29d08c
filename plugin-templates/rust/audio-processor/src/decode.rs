//! Files to samples: WAV, FLAC, MP3 and OGG Vorbis.

use crate::sound::{check_shape, Sound};
use crate::wav;
use lao_plugin::Error;
use std::io::Cursor;
use symphonia::core::audio::SampleBuffer;
use symphonia::core::codecs::{DecoderOptions, CODEC_TYPE_NULL};
use symphonia::core::errors::Error as Fault;
use symphonia::core::formats::FormatOptions;
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::core::probe::Hint;

/// What the first bytes say that it is.
pub fn format_of(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some("wav"),
        [b'f', b'L', b'a', b'C', ..] => Some("flac"),
        [b'O', b'g', b'g', b'S', ..] => Some("ogg"),
        [b'I', b'D', b'3', ..] => Some("mp3"),
        [0xff, second, ..] if second & 0xe6 == 0xe2 => Some("mp3"),
        _ => None,
    }
}

fn broken(format: &str, reason: impl std::fmt::Display) -> Error {
    Error::invalid_input(format!("this {format} file cannot be decoded: {reason}"))
}

/// All samples of a file; an error where there are more than `most`, or fewer than its header says.
pub fn decode(bytes: &[u8], most: usize, mut go_on: impl FnMut() -> Result<(), Error>) -> Result<Sound, Error> {
    let format = format_of(bytes).ok_or_else(|| Error::invalid_input("this is no WAV, FLAC, MP3 or OGG file"))?;
    if format == "wav" {
        go_on()?;
        return wav::read(bytes, most);
    }
    let source = MediaSourceStream::new(Box::new(Cursor::new(bytes.to_vec())), Default::default());
    let options = FormatOptions { enable_gapless: true, ..Default::default() };
    let probed = symphonia::default::get_probe()
        .format(Hint::new().with_extension(format), source, &options, &MetadataOptions::default())
        .map_err(|fault| broken(format, fault))?;
    let mut reader = probed.format;
    let track = reader
        .tracks()
        .iter()
        .find(|track| track.codec_params.codec != CODEC_TYPE_NULL)
        .ok_or_else(|| broken(format, "it has no sound"))?;
    let (id, params) = (track.id, track.codec_params.clone());
    let mut decoder = symphonia::default::get_codecs()
        .make(&params, &DecoderOptions::default())
        .map_err(|fault| broken(format, fault))?;
    // MP3 and OGG only estimate how long they are.
    let promised = if format == "flac" { params.n_frames } else { None };
    if let (Some(frames), Some(channels)) = (promised, params.channels) {
        if frames.saturating_mul(channels.count() as u64) > most as u64 {
            return Err(too_long(most));
        }
    }
    let mut sound = Sound { samples: Vec::new(), channels: 0, rate: params.sample_rate.unwrap_or(0) };
    let mut buffer: Option<SampleBuffer<f32>> = None;
    loop {
        let packet = match reader.next_packet() {
            Ok(packet) => packet,
            Err(Fault::IoError(fault)) if fault.kind() == std::io::ErrorKind::UnexpectedEof => break,
            Err(fault) => return Err(broken(format, fault)),
        };
        if packet.track_id() != id {
            continue;
        }
        go_on()?;
        let decoded = match decoder.decode(&packet) {
            Ok(decoded) => decoded,
            Err(Fault::IoError(fault)) if fault.kind() == std::io::ErrorKind::UnexpectedEof => break,
            Err(fault) => return Err(broken(format, fault)),
        };
        let (spec, room) = (*decoded.spec(), decoded.capacity() as u64);
        if sound.channels == 0 {
            (sound.channels, sound.rate) = (spec.channels.count(), spec.rate);
            check_shape(sound.channels, sound.rate)?;
            // What a header says is believed only as far as the file could hold it.
            let likely = promised.unwrap_or(0).saturating_mul(sound.channels as u64);
            sound.samples.reserve(likely.min(bytes.len() as u64 * 4).min(most as u64) as usize);
        } else if (sound.channels, sound.rate) != (spec.channels.count(), spec.rate) {
            return Err(broken(format, "its rate or number of channels changes"));
        }
        if buffer.as_ref().is_none_or(|buffer| buffer.capacity() < room as usize * sound.channels) {
            buffer = Some(SampleBuffer::new(room, spec));
        }
        let Some(buffer) = buffer.as_mut() else { continue };
        buffer.copy_interleaved_ref(decoded);
        if sound.samples.len() + buffer.len() > most {
            return Err(too_long(most));
        }
        sound.samples.extend_from_slice(buffer.samples());
    }
    if sound.channels == 0 {
        return Err(broken(format, "it has no frames"));
    }
    let frames = sound.frames() as u64;
    match promised {
        Some(promised) if frames < promised => {
            Err(broken(format, format!("it ends after {frames} of {promised} frames")))
        }
        Some(promised) => {
            // Some encoders fill the last block up.
            sound.samples.truncate(promised as usize * sound.channels);
            sound.checked()
        }
        None => sound.checked(),
    }
}

fn too_long(most: usize) -> Error {
    Error::invalid_input(format!("it has more than {most} samples, which `max_samples` allows"))
}
