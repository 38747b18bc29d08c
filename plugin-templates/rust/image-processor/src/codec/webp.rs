//! WebP, lossy or lossless to read, lossless to write. Of an animation the first frame.

use super::{exif, refused, unwritable, Head};
use crate::pixels::Pixels;
use image_webp::{ColorType, WebPDecoder, WebPEncoder};
use lao_plugin::Error;
use std::io::Cursor;

pub struct Reader<'a>(WebPDecoder<Cursor<&'a [u8]>>);

pub fn open<'a>(
    bytes: &'a [u8],
    check: &dyn Fn(usize, usize) -> Result<(), Error>,
    max_pixels: u64,
) -> Result<(Head, Reader<'a>), Error> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(refused)?;
    let (width, height) = decoder.dimensions();
    check(width as usize, height as usize)?;
    decoder
        .set_memory_limit(usize::try_from(max_pixels.saturating_mul(8).saturating_add(64 << 20)).unwrap_or(usize::MAX));
    let held = decoder.exif_metadata().ok().flatten().unwrap_or_default();
    let head = Head {
        width: width as usize,
        height: height as usize,
        channels: if decoder.has_alpha() { 4 } else { 3 },
        sixteen: false,
        turn: exif::turn(&held),
    };
    Ok((head, Reader(decoder)))
}

pub fn read(mut reader: Reader, to: &mut [u8]) -> Result<(), Error> {
    reader.0.read_image(to).map_err(refused)
}

pub fn write(image: &Pixels<u8>) -> Result<Vec<u8>, Error> {
    let color = [ColorType::L8, ColorType::L8, ColorType::Rgb8, ColorType::Rgba8][image.channels - 1];
    let mut file = Vec::new();
    let (width, height) = (image.width as u32, image.height as u32);
    WebPEncoder::new(&mut file).encode(&image.data, width, height, color).map_err(unwritable)?;
    Ok(file)
}
