//! JPEG: by libjpeg-turbo where the machine has it, otherwise by zune-jpeg and jpeg-encoder. CMYK becomes RGB.

use super::turbo::{self, Turbo};
use super::{exif, refused, unwritable, Head};
use crate::pixels::{Pixels, Turn};
use crate::work::Work;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use lao_plugin::{Binary, Error, Host};
use std::io::{Cursor, Write};
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// Scans of a progressive file; each costs the time of a whole image.
const MOST_SCANS: usize = 100;

pub struct File<'a> {
    bytes: &'a [u8],
    head: Head,
    components: u8,
}

/// Reads the segments up to the pixels, and sees that the file has an end.
pub fn open(bytes: &[u8]) -> Result<(Head, File<'_>), Error> {
    let (mut frame, mut turn, mut rest) = (None, Turn::quarters(0), &bytes[2..]);
    loop {
        while rest.starts_with(&[0xff, 0xff]) {
            rest = &rest[1..]; // padding
        }
        let [0xff, marker, high, low, ..] = *rest else {
            return Err(refused("it ends, or loses its way, before its pixels"));
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let body = rest.get(4..2 + length).ok_or_else(|| refused("a segment of it is cut off"))?;
        match marker {
            0xda => break,
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let [bits, h1, h0, w1, w0, components, ..] = *body else {
                    return Err(refused("its frame is cut off"));
                };
                if !matches!(marker, 0xc0..=0xc2) || bits != 8 {
                    return Err(refused(format!("it is a JPEG of a rare kind, SOF{} of {bits} bits", marker - 0xc0)));
                }
                if !matches!(components, 1 | 3 | 4) {
                    return Err(refused(format!("it has {components} components")));
                }
                let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
                if frame.replace((usize::from(width), usize::from(height), components)).is_some() {
                    return Err(refused("it has more than one frame"));
                }
            }
            0xe1 if body.starts_with(b"Exif\0\0") => turn = exif::turn(body),
            _ => {}
        }
        rest = &rest[2 + length..];
    }
    let (width, height, components) = frame.ok_or_else(|| refused("it has no frame"))?;
    let scans = &rest[2..];
    if !scans.windows(2).any(|two| two == [0xff, 0xd9]) {
        return Err(refused("it ends before its last pixel"));
    }
    // A scan is FF DA; in the pixels themselves FF is followed by 0 or by a restart.
    if scans.windows(2).filter(|two| *two == [0xff, 0xda]).count() >= MOST_SCANS {
        return Err(refused("it has too many scans"));
    }
    let channels = if components == 1 { 1 } else { 3 };
    let head = Head { width, height, channels, sixteen: false, turn };
    Ok((head, File { bytes, head, components }))
}

pub fn read(file: &File, to: &mut [u8]) -> Result<(), Error> {
    if file.components != 4 {
        if let Some(turbo) = turbo::find() {
            return turbo.decode(file.bytes, &file.head, to).map_err(refused);
        }
    }
    let wanted = if file.head.channels == 1 { ColorSpace::Luma } else { ColorSpace::RGB };
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(wanted)
        .jpeg_set_max_scans(MOST_SCANS)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .set_strict_mode(true);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(file.bytes), options);
    decoder.decode_headers().map_err(refused)?;
    if decoder.output_buffer_size() != Some(to.len()) {
        return Err(refused("it says two things about its size"));
    }
    decoder.decode_into(to).map_err(refused)
}

/// It has no alpha.
pub fn write(image: &Pixels<u8>, quality: u8, host: Host, work: Work) -> Result<Binary, Error> {
    let (Ok(width), Ok(height)) = (u16::try_from(image.width), u16::try_from(image.height)) else {
        return Err(unwritable("a JPEG has at most 65535 pixels in a row or column"));
    };
    if let Some(turbo) = turbo::find() {
        let rows = strip_rows(image, work.threads.count());
        if rows < image.height {
            return write_strips(turbo, image, rows, quality, host, work);
        }
        let most = turbo.most(image.width, image.height, image.channels);
        return Binary::filled(host, most, |to| turbo.encode(image, 0..image.height, quality, to).map_err(unwritable));
    }
    let color = match (image.channels, image.red_blue()) {
        (1, _) => ColorType::Luma,
        (3, (0, _)) => ColorType::Rgb,
        (3, _) => ColorType::Bgr,
        (_, (0, _)) => ColorType::Rgba,
        _ => ColorType::Bgra,
    };
    let mut file = Binary::new(host, image.data.len() / 4 + 4096)?;
    let mut encoder = Encoder::new(&mut file, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.encode(&image.data, width, height, color).map_err(unwritable)?;
    Ok(file)
}

/// Rows and columns of the blocks that a JPEG is made of: of 8 x 8, with colours of 16 x 16.
fn block(image: &Pixels<u8>) -> usize {
    if image.channels == 1 {
        8
    } else {
        16
    }
}

/// Rows of the strips that threads write at the same time; all of them, where there is no point in strips.
fn strip_rows(image: &Pixels<u8>, threads: usize) -> usize {
    const WORTH_IT: usize = 1 << 19; // pixels of a strip
    let strips = threads.min(image.width * image.height / WORTH_IT).max(1);
    let rows = image.height.div_ceil(strips).next_multiple_of(block(image));
    // A file says how many blocks there are between two restarts, in 16 bits.
    if strips == 1 || image.width.div_ceil(block(image)) * (rows / block(image)) > 65535 {
        return image.height;
    }
    rows
}

/// Each strip is a file of its own at first. Where a decoder restarts, nothing depends on what was before: so their pixels
/// can stand one after the other in one file, with marks of restarts between them.
fn write_strips(
    turbo: &Turbo,
    image: &Pixels<u8>,
    rows: usize,
    quality: u8,
    host: Host,
    work: Work,
) -> Result<Binary, Error> {
    let mut strips: Vec<Result<Vec<u8>, String>> = (0..image.height.div_ceil(rows)).map(|_| Ok(Vec::new())).collect();
    work.bands(
        &mut strips,
        1,
        || (),
        |strip, made, ()| {
            let range = strip * rows..image.height.min((strip + 1) * rows);
            let mut file = vec![0; turbo.most(image.width, range.len(), image.channels)];
            made[0] = turbo.encode(image, range, quality, &mut file).map(|size| {
                file.truncate(size);
                file
            });
        },
    )?;
    let strips = strips.into_iter().collect::<Result<Vec<_>, _>>().map_err(unwritable)?;
    let blocks = (image.width.div_ceil(block(image)) * (rows / block(image))) as u16;
    joined(&strips, image.height as u16, blocks, host)
}

/// One file of several that differ in their heights and pixels alone.
fn joined(strips: &[Vec<u8>], height: u16, blocks: u16, host: Host) -> Result<Binary, Error> {
    let mut file = Binary::new(host, strips.iter().map(|strip| strip.len() + 2).sum::<usize>() + 6)?;
    for (number, strip) in strips.iter().enumerate() {
        let wrong = || Error::failed("a strip is no JPEG");
        let mut at = 2;
        let mut frame = None;
        let (scan, length) = loop {
            let [0xff, marker, high, low] = *strip.get(at..at + 4).ok_or_else(wrong)? else { return Err(wrong()) };
            let length = usize::from(u16::from_be_bytes([high, low]));
            match marker {
                0xda => break (at, length),
                0xc0 => frame = Some(at),
                _ => {}
            }
            at += 2 + length;
        };
        if number == 0 {
            let height_at = frame.ok_or_else(wrong)? + 5;
            file.write_all(&strip[..height_at])?;
            file.write_all(&height.to_be_bytes())?;
            file.write_all(&strip[height_at + 2..scan])?;
            file.write_all(&[0xff, 0xdd, 0, 4])?;
            file.write_all(&blocks.to_be_bytes())?;
            file.write_all(&strip[scan..scan + 2 + length])?;
        } else {
            file.write_all(&[0xff, 0xd0 + ((number - 1) % 8) as u8])?;
        }
        file.write_all(strip[scan + 2 + length..].strip_suffix(&[0xff, 0xd9]).ok_or_else(wrong)?)?;
    }
    file.write_all(&[0xff, 0xd9])?;
    Ok(file)
}
