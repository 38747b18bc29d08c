//! PNG. Of an animation the first frame.

use super::{exif, refused, unwritable, Head};
use crate::pixels::Pixels;
use lao_plugin::Error;
use png::{BitDepth, ColorType, Compression, Decoder, Encoder, Limits, Transformations};
use std::io::Cursor;

pub type Reader<'a> = (png::Reader<Cursor<&'a [u8]>>, ColorType);

pub fn open<'a>(
    bytes: &'a [u8],
    check: &dyn Fn(usize, usize) -> Result<(), Error>,
    max_pixels: u64,
) -> Result<(Head, Reader<'a>), Error> {
    let most = usize::try_from(max_pixels.saturating_mul(8).saturating_add(64 << 20)).unwrap_or(usize::MAX);
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: most });
    decoder.set_transformations(Transformations::EXPAND); // no palettes, no bits
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let info = decoder.read_header_info().map_err(refused)?;
    check(info.width as usize, info.height as usize)?;
    let reader = decoder.read_info().map_err(refused)?;
    let (color, depth) = reader.output_color_type();
    let info = reader.info();
    let head = Head {
        width: info.width as usize,
        height: info.height as usize,
        channels: match color {
            ColorType::Grayscale => 1,
            ColorType::Rgb => 3,
            _ => 4,
        },
        sixteen: depth == BitDepth::Sixteen,
        turn: exif::turn(info.exif_metadata.as_deref().unwrap_or_default()),
    };
    Ok((head, (reader, color)))
}

pub fn read((mut reader, color): Reader, to: &mut [u8]) -> Result<(), Error> {
    if color != ColorType::GrayscaleAlpha {
        reader.next_frame(to).map_err(refused)?;
    } else {
        let size = reader.output_buffer_size().ok_or_else(|| refused("it is too large"))?;
        let mut pairs = vec![0; size];
        reader.next_frame(&mut pairs).map_err(refused)?;
        let one = pairs.len() * 2 / to.len(); // bytes of an element, since two of them become four
        for (to, pair) in to.chunks_exact_mut(4 * one).zip(pairs.chunks_exact(2 * one)) {
            let (gray, alpha) = pair.split_at(one);
            to[..one].copy_from_slice(gray);
            to[one..2 * one].copy_from_slice(gray);
            to[2 * one..3 * one].copy_from_slice(gray);
            to[3 * one..].copy_from_slice(alpha);
        }
    }
    reader.finish().map_err(refused) // it is whole
}

pub fn write(image: &Pixels<u8>) -> Result<Vec<u8>, Error> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, image.width as u32, image.height as u32);
    encoder
        .set_color([ColorType::Grayscale, ColorType::Grayscale, ColorType::Rgb, ColorType::Rgba][image.channels - 1]);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header().map_err(unwritable)?;
    writer.write_image_data(&image.data).map_err(unwritable)?;
    writer.finish().map_err(unwritable)?;
    Ok(file)
}
