//! PGM and PPM of 8 bits, as text or not: images that can be written by hand.

use super::{refused, Head};
use crate::pixels::Turn;
use lao_plugin::Error;

pub struct File<'a> {
    text: bool,
    most: u32,
    body: &'a [u8],
}

/// The next number of a text, and what follows it; comments run from # to the end of the line.
fn number(mut text: &[u8]) -> Option<(u32, &[u8])> {
    loop {
        text = text.trim_ascii_start();
        match text.first()? {
            b'#' => text = &text[text.iter().position(|one| *one == b'\n')?..],
            _ => break,
        }
    }
    let digits = text.iter().take_while(|one| one.is_ascii_digit()).count();
    let value = std::str::from_utf8(&text[..digits]).ok()?.parse().ok()?;
    Some((value, &text[digits..]))
}

pub fn open(bytes: &[u8]) -> Result<(Head, File<'_>), Error> {
    let mut rest = &bytes[2..];
    let mut next = || {
        let (value, after) = number(rest).ok_or_else(|| refused("its head is no head of a PNM"))?;
        rest = after;
        Ok::<_, Error>(value)
    };
    let (width, height, most) = (next()? as usize, next()? as usize, next()?);
    if !(1..=255).contains(&most) {
        return Err(refused("a PNM of more than 8 bits is not supported"));
    }
    let (text, channels) = (matches!(bytes[1], b'2' | b'3'), if matches!(bytes[1], b'3' | b'6') { 3 } else { 1 });
    let head = Head { width, height, channels, sixteen: false, turn: Turn::quarters(0) };
    Ok((head, File { text, most, body: rest.get(1..).unwrap_or_default() }))
}

pub fn read(file: &File, to: &mut [u8]) -> Result<(), Error> {
    let scaled = |value: u32| ((value.min(file.most) * 255 + file.most / 2) / file.most) as u8;
    if !file.text {
        let body = file.body.get(..to.len()).ok_or_else(|| refused("it ends before its last pixel"))?;
        to.iter_mut().zip(body).for_each(|(to, from)| *to = scaled(u32::from(*from)));
        return Ok(());
    }
    let mut rest = file.body;
    for to in to {
        let (value, after) = number(rest).ok_or_else(|| refused("it ends before its last pixel"))?;
        (*to, rest) = (scaled(value), after);
    }
    Ok(())
}
