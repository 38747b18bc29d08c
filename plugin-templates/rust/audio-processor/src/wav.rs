//! WAV files, read and written: whole numbers of 8 to 32 bits, floats of 32 and 64, A-law and mu-law.

use crate::sound::{check_shape, Sound};
use lao_plugin::Error;

const WHOLE: u16 = 1;
const FLOAT: u16 = 3;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
const EXTENSIBLE: u16 = 0xfffe;
/// Sizes from here on say that the file was written to a pipe, by a program that did not know how long it would be.
const UNKNOWN: u32 = 0x7fff_f000;

fn broken(reason: impl std::fmt::Display) -> Error {
    Error::invalid_input(format!("this wav file cannot be decoded: {reason}"))
}

fn u16_at(bytes: &[u8], place: usize) -> u16 {
    u16::from_le_bytes([bytes[place], bytes[place + 1]])
}

fn u32_at(bytes: &[u8], place: usize) -> u32 {
    u32::from(u16_at(bytes, place)) | u32::from(u16_at(bytes, place + 2)) << 16
}

/// What the chunk `fmt ` says.
struct Format {
    code: u16,
    channels: usize,
    rate: u32,
    bytes: usize, // of one sample of one channel
}

impl Format {
    fn of(chunk: &[u8]) -> Result<Format, Error> {
        if chunk.len() < 16 {
            return Err(broken("its `fmt ` is too short"));
        }
        let (mut code, channels) = (u16_at(chunk, 0), usize::from(u16_at(chunk, 2)));
        if code == EXTENSIBLE {
            if chunk.len() < 40 {
                return Err(broken("its `fmt ` is too short"));
            }
            code = u16_at(chunk, 24);
        }
        let (rate, block, bits) = (u32_at(chunk, 4), usize::from(u16_at(chunk, 12)), u16_at(chunk, 14));
        check_shape(channels, rate)?;
        let bytes = usize::from(bits.div_ceil(8));
        let known = match code {
            WHOLE => (1..=32).contains(&bits),
            FLOAT => matches!(bits, 32 | 64),
            A_LAW | MU_LAW => bits == 8,
            _ => return Err(broken(format!("samples of the kind {code} are not known"))),
        };
        if !known {
            return Err(broken(format!("samples of {bits} bits are not known")));
        }
        if block != bytes * channels {
            return Err(broken(format!("a frame has {block} bytes, its samples have {}", bytes * channels)));
        }
        Ok(Format { code, channels, rate, bytes })
    }
}

fn a_law(byte: u8) -> f32 {
    let coded = byte ^ 0x55;
    let (power, step) = (u32::from(coded >> 4 & 7), i32::from(coded & 15));
    let size = if power == 0 { (step << 4) + 8 } else { ((step << 4) + 0x108) << (power - 1) };
    (if coded & 0x80 == 0 { -size } else { size }) as f32 / 32_768.0
}

fn mu_law(byte: u8) -> f32 {
    let coded = !byte;
    let size = (((i32::from(coded & 15) << 3) + 0x84) << (coded >> 4 & 7)) - 0x84;
    (if coded & 0x80 == 0 { size } else { -size }) as f32 / 32_768.0
}

fn fill<const BYTES: usize>(out: &mut [f32], data: &[u8], as_float: impl Fn([u8; BYTES]) -> f32) {
    for (sample, bytes) in out.iter_mut().zip(data.chunks_exact(BYTES)) {
        *sample = bytes.try_into().map_or(0.0, &as_float); // chunks are of that length
    }
}

/// All samples, if there are not more than `most`.
pub fn read(bytes: &[u8], most: usize) -> Result<Sound, Error> {
    let mut format = None;
    let streamed = bytes.len() >= 12 && u32_at(bytes, 4) >= UNKNOWN;
    let mut place = 12;
    while bytes.len().saturating_sub(place) >= 8 {
        let (name, size) = (&bytes[place..place + 4], u32_at(bytes, place + 4));
        let rest = &bytes[place + 8..];
        if name == b"data" {
            let format: Format = format.ok_or_else(|| broken("there is no `fmt ` before its samples"))?;
            let frame = format.bytes * format.channels;
            let size = if streamed && size >= UNKNOWN { rest.len() / frame * frame } else { size as usize };
            return samples(&format, rest, size, most);
        }
        if name == b"fmt " {
            format = Some(Format::of(&rest[..rest.len().min(size as usize)])?);
        }
        place += 8 + (size as usize).saturating_add(size as usize & 1).min(rest.len());
    }
    Err(broken("it has no samples"))
}

fn samples(format: &Format, rest: &[u8], size: usize, most: usize) -> Result<Sound, Error> {
    let count = size / format.bytes / format.channels * format.channels;
    if count > most {
        return Err(Error::invalid_input(format!("it has more than {most} samples, which `max_samples` allows")));
    }
    if rest.len() < count * format.bytes {
        let frame = format.bytes * format.channels;
        let (found, promised) = (rest.len() / frame, count / format.channels);
        return Err(broken(format!("it ends after {found} of {promised} frames")));
    }
    let (mut out, data) = (vec![0f32; count], &rest[..count * format.bytes]);
    match (format.code, format.bytes) {
        (A_LAW, _) => fill(&mut out, data, |[byte]| a_law(byte)),
        (MU_LAW, _) => fill(&mut out, data, |[byte]| mu_law(byte)),
        (FLOAT, 4) => fill(&mut out, data, f32::from_le_bytes),
        (FLOAT, _) => fill(&mut out, data, |bytes: [u8; 8]| f64::from_le_bytes(bytes) as f32),
        (_, 1) => fill(&mut out, data, |[byte]| (f32::from(byte) - 128.0) / 128.0),
        (_, 2) => fill(&mut out, data, |bytes| f32::from(i16::from_le_bytes(bytes)) / 32_768.0),
        (_, 3) => fill(&mut out, data, |[a, b, c]| (i32::from_le_bytes([0, a, b, c]) >> 8) as f32 / 8_388_608.0),
        _ => fill(&mut out, data, |bytes| i32::from_le_bytes(bytes) as f32 / 2_147_483_648.0),
    }
    Sound { samples: out, channels: format.channels, rate: format.rate }.checked()
}

/// A file of 16 or 24 bits, or of 32, which are floats.
pub fn write(sound: &Sound, bits: u16) -> Result<Vec<u8>, Error> {
    let width = usize::from(bits / 8);
    let size = sound.samples.len() * width;
    let padded = size + (size & 1);
    let whole = u32::try_from(36 + padded).map_err(|_| Error::invalid_input("a WAV file has at most 4 GB"))?;
    let frame = sound.channels * width;
    let mut file = Vec::with_capacity(44 + padded);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&whole.to_le_bytes());
    file.extend_from_slice(b"WAVEfmt \x10\0\0\0");
    file.extend_from_slice(&(if bits == 32 { FLOAT } else { WHOLE }).to_le_bytes());
    file.extend_from_slice(&(sound.channels as u16).to_le_bytes());
    file.extend_from_slice(&sound.rate.to_le_bytes());
    file.extend_from_slice(&(sound.rate * frame as u32).to_le_bytes());
    file.extend_from_slice(&(frame as u16).to_le_bytes());
    file.extend_from_slice(&bits.to_le_bytes());
    file.extend_from_slice(b"data");
    file.extend_from_slice(&(size as u32).to_le_bytes());
    match bits {
        32 => file.extend(sound.samples.iter().flat_map(|sample| sample.to_le_bytes())),
        24 => file.extend(crate::encode::whole(&sound.samples, 24).flat_map(|sample| {
            let [a, b, c, _] = sample.to_le_bytes();
            [a, b, c]
        })),
        _ => file.extend(crate::encode::whole(&sound.samples, 16).flat_map(|sample| (sample as i16).to_le_bytes())),
    }
    file.resize(44 + padded, 0);
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of ITU-T G.711.
    #[test]
    fn telephone_samples() {
        for (byte, expected) in [(0x80, 32124), (0x00, -32124), (0xff, 0), (0xfe, 8)] {
            assert_eq!(mu_law(byte) * 32_768.0, expected as f32, "mu-law {byte:#x}");
        }
        for (byte, expected) in [(0xaa, 32256), (0x2a, -32256), (0xd5, 8), (0x55, -8)] {
            assert_eq!(a_law(byte) * 32_768.0, expected as f32, "A-law {byte:#x}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let sound = Sound { samples: vec![0.0, 0.5, -1.0, 0.25, -0.125, 0.75], channels: 3, rate: 7 };
        for bits in [16, 24, 32] {
            let again = read(&write(&sound, bits).unwrap(), 6).unwrap();
            assert_eq!((again.samples, again.channels, again.rate), (sound.samples.clone(), 3, 7));
        }
    }

    #[test]
    fn a_pipe_knows_no_length() {
        let sound = Sound { samples: vec![0.5; 10], channels: 1, rate: 8000 };
        let mut file = write(&sound, 16).unwrap();
        file[40..44].copy_from_slice(&0xffff_ffffu32.to_le_bytes());
        assert!(read(&file, usize::MAX).is_err());
        file[4..8].copy_from_slice(&0xffff_ffffu32.to_le_bytes());
        assert_eq!(read(&file, usize::MAX).unwrap().samples, sound.samples);
    }
}
