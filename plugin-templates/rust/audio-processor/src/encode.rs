//! Samples to FLAC files.

use crate::sound::Sound;
use flacenc::bitsink::ByteSink;
use flacenc::component::BitRepr;
use flacenc::error::Verify;
use lao_plugin::Error;

/// Samples as whole numbers of `bits`; louder than 1 is cut.
pub fn whole(samples: &[f32], bits: u16) -> impl Iterator<Item = i32> + '_ {
    let scale = f64::from(1u32 << (bits - 1));
    samples.iter().map(move |sample| (f64::from(*sample) * scale).round().clamp(-scale, scale - 1.0) as i32)
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
