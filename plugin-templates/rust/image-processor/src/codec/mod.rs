//! Files: PNG, JPEG, WebP, and PNM to read. What a file claims is held against `max_pixels` before memory is taken for it.

mod exif;
mod jpeg;
mod png;
mod pnm;
mod turbo;
mod webp;

use crate::pixels::{Pixels, Turn};
use crate::work::Work;
use lao_plugin::{Binary, Error, Host};
use std::io::Write;

pub const FORMATS: [&str; 3] = ["png", "jpeg", "webp"];

/// What a file says of its image, as it lies in the file: not yet turned as the camera was.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    pub width: usize,
    pub height: usize,
    /// 1, 3 or 4.
    pub channels: usize,
    pub sixteen: bool,
    pub turn: Turn,
}

impl Head {
    pub fn elements(&self) -> usize {
        self.width * self.height * self.channels
    }
    /// Height and width once it is turned.
    pub fn size(&self) -> (usize, usize) {
        self.turn.size(self.height, self.width)
    }
}

enum Decoder<'a> {
    Png(Box<png::Reader<'a>>),
    Jpeg(jpeg::File<'a>),
    WebP(webp::Reader<'a>),
    Pnm(pnm::File<'a>),
}

/// Runs a library on a file that nobody vouches for: where it panics, the file is refused.
fn guarded<T>(run: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(refused("its data makes no sense")))
}

/// A file whose head was read.
pub struct Reader<'a> {
    pub head: Head,
    decoder: Decoder<'a>,
}

fn refused(reason: impl std::fmt::Display) -> Error {
    Error::invalid_input(format!("the image cannot be read: {reason}"))
}

impl<'a> Reader<'a> {
    pub fn open(bytes: &'a [u8], max_pixels: u64) -> Result<Reader<'a>, Error> {
        guarded(|| Reader::open_unguarded(bytes, max_pixels))
    }

    fn open_unguarded(bytes: &'a [u8], max_pixels: u64) -> Result<Reader<'a>, Error> {
        let check = |width: usize, height: usize| {
            if width == 0 || height == 0 {
                return Err(refused("it has no pixels"));
            }
            if (width as u64).saturating_mul(height as u64) > max_pixels {
                return Err(refused(format!(
                    "{width} x {height} are more pixels than `max_pixels` allows, {max_pixels}"
                )));
            }
            Ok(())
        };
        let (head, decoder) = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            let (head, reader) = png::open(bytes, &check, max_pixels)?;
            (head, Decoder::Png(Box::new(reader)))
        } else if bytes.starts_with(b"\xff\xd8\xff") {
            let (head, file) = jpeg::open(bytes)?;
            (head, Decoder::Jpeg(file))
        } else if bytes.len() >= 12 && bytes.starts_with(b"RIFF") && &bytes[8..12] == b"WEBP" {
            let (head, reader) = webp::open(bytes, &check, max_pixels)?;
            (head, Decoder::WebP(reader))
        } else if bytes.len() > 2 && bytes[0] == b'P' && matches!(bytes[1], b'2' | b'3' | b'5' | b'6') {
            let (head, file) = pnm::open(bytes)?;
            (head, Decoder::Pnm(file))
        } else {
            return Err(refused("it is no PNG, JPEG, WebP or PNM"));
        };
        check(head.width, head.height)?;
        Ok(Reader { head, decoder })
    }

    /// Decodes 8 bits an element into `to`, as many as the head says, and turned.
    pub fn read(self, to: &mut [u8]) -> Result<(), Error> {
        let Head { width, height, channels, turn, .. } = self.head;
        if !turn.is_none() {
            let mut lying = vec![0; to.len()];
            self.decoder.read(&mut lying)?;
            turn.run(to, &lying, height, width, channels);
            return Ok(());
        }
        self.decoder.read(to)
    }

    /// Decodes 16 bits an element.
    pub fn read_sixteen(self, to: &mut [u16]) -> Result<(), Error> {
        let Head { width, height, channels, turn, .. } = self.head;
        let mut bytes = vec![0; to.len() * 2];
        self.decoder.read(&mut bytes)?;
        let values: Vec<u16> = bytes.chunks_exact(2).map(|two| u16::from_be_bytes([two[0], two[1]])).collect();
        turn.run(to, &values, height, width, channels);
        Ok(())
    }

    /// As 8 bits; of 16 the upper ones.
    pub fn pixels(self) -> Result<Pixels<'static, u8>, Error> {
        let (head, (height, width)) = (self.head, self.head.size());
        let mut data = vec![0u8; head.elements()];
        if head.sixteen {
            let mut deep = vec![0u16; head.elements()];
            self.read_sixteen(&mut deep)?;
            data.iter_mut().zip(deep).for_each(|(to, from)| *to = (from >> 8) as u8);
        } else {
            self.read(&mut data)?;
        }
        Ok(Pixels::owned(data, height, width, head.channels))
    }
}

impl Decoder<'_> {
    fn read(self, to: &mut [u8]) -> Result<(), Error> {
        guarded(|| match self {
            Decoder::Png(reader) => png::read(*reader, to),
            Decoder::Jpeg(file) => jpeg::read(&file, to),
            Decoder::WebP(reader) => webp::read(reader, to),
            Decoder::Pnm(file) => pnm::read(&file, to),
        })
    }
}

/// The bytes of a file, with its media type.
pub fn encode(image: &Pixels<u8>, format: &str, quality: u8, host: Host, work: Work) -> Result<Binary, Error> {
    if format == "jpeg" {
        return jpeg::write(image, quality, host, work)?.media_type("image/jpeg");
    }
    let (bytes, media_type) = if format == "webp" {
        (webp::write(&rgb(image))?, "image/webp")
    } else {
        (png::write(&rgb(image))?, "image/png")
    };
    let mut file = Binary::new(host, bytes.len())?;
    file.write_all(&bytes)?;
    file.media_type(media_type)
}

fn unwritable(reason: impl std::fmt::Display) -> Error {
    Error::invalid_input(format!("the image cannot be written: {reason}"))
}

/// The same image with red before blue.
fn rgb<'a>(image: &'a Pixels<'a, u8>) -> Pixels<'a, u8> {
    let mut data = std::borrow::Cow::Borrowed(&image.data[..]);
    if image.channels > 1 && image.red_blue() == (2, 0) {
        data.to_mut().chunks_exact_mut(image.channels).for_each(|pixel| pixel.swap(0, 2));
    }
    Pixels { data, height: image.height, width: image.width, channels: image.channels, order: 0, space: image.space }
}
