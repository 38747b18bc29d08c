//! Samples to files: WAV and FLAC.

use crate::sound::Sound;
use flacenc::bitsink::ByteSink;
use flacenc::component::BitRepr;
use flacenc::error::Verify;
use lao_plugin::Error;
use std::io::Cursor;

/// Samples as whole numbers of `bits`; louder than 1 is cut.
fn whole(samples: &[f32], bits: u16) -> impl Iterator<Item = i32> + '_ {
    let scale = f64::from(1u32 << (bits - 1));
    samples.iter().map(move |sample| (f64::from(*sample) * scale).round().clamp(-scale, scale - 1.0) as i32)
}

/// A WAV file of 16 or 24 bits, or of 32, which are floats.
pub fn wav(sound: &Sound, bits: u16) -> Result<Vec<u8>, Error> {
    let float = bits == 32;
    let spec = hound::WavSpec {
        channels: sound.channels as u16,
        sample_rate: sound.rate,
        bits_per_sample: bits,
        sample_format: if float { hound::SampleFormat::Float } else { hound::SampleFormat::Int },
    };
    let mut file = Cursor::new(Vec::with_capacity(sound.samples.len() * usize::from(bits / 8) + 68));
    let mut writer = hound::WavWriter::new(&mut file, spec)?;
    if float {
        sound.samples.iter().try_for_each(|sample| writer.write_sample(*sample))?;
    } else {
        whole(&sound.samples, bits).try_for_each(|sample| writer.write_sample(sample))?;
    }
    writer.finalize()?;
    Ok(file.into_inner())
}

/// A FLAC file of 16 or 24 bits.
pub fn flac(sound: &Sound, bits: u16) -> Result<Vec<u8>, Error> {
    if !matches!(bits, 16 | 24) {
        return Err(Error::invalid_parameter("FLAC has 16 or 24 `bits`"));
    }
    if sound.channels > 8 || sound.rate > 96_000 {
        return Err(Error::unsupported("FLAC is written with up to 8 channels and up to 96000 Hz"));
    }
    if sound.frames() == 0 {
        return Err(Error::invalid_input("there is nothing to encode: FLAC needs at least one frame"));
    }
    let config = flacenc::config::Encoder::default()
        .into_verified()
        .map_err(|(_, fault)| Error::failed(format!("the FLAC encoder: {fault:?}")))?;
    let samples: Vec<i32> = whole(&sound.samples, bits).collect();
    let source =
        flacenc::source::MemSource::from_samples(&samples, sound.channels, usize::from(bits), sound.rate as usize);
    let stream = flacenc::encode_with_fixed_block_size(&config, source, config.block_size)
        .map_err(|fault| Error::failed(format!("the FLAC encoder: {fault:?}")))?;
    let mut sink = ByteSink::new();
    stream.write(&mut sink).map_err(|fault| Error::failed(format!("the FLAC encoder: {fault:?}")))?;
    Ok(sink.into_inner())
}
