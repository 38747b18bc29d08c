//! The bytes of a document as they come, whole or in parts, and where in it we are.

use lao_plugin::Error;
use memchr::{memchr_iter, memrchr};
use std::io::{self, BufRead, Read};

/// What UTF-8 may begin with.
pub const MARK: &[u8] = &[0xEF, 0xBB, 0xBF];
/// Bytes of white space before which the first character of a document is looked for.
const MOST_SPACE: usize = 64 << 10;

/// A place in a document, counted from 1; columns are characters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub line: u64,
    pub column: u64,
}

impl Place {
    pub const START: Place = Place { line: 1, column: 1 };

    /// Where these bytes lead to from here.
    pub fn after(self, bytes: &[u8]) -> Place {
        match memrchr(b'\n', bytes) {
            Some(last) => Place {
                line: self.line + memchr_iter(b'\n', bytes).count() as u64,
                column: 1 + characters(&bytes[last + 1..]),
            },
            None => Place { line: self.line, column: self.column + characters(bytes) },
        }
    }

    pub fn refuse(self, text: impl std::fmt::Display) -> Error {
        Error::invalid_input(format!("line {}, column {}: {text}", self.line, self.column))
    }
}

fn characters(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte as i8 >= -64).count() as u64 // all but the bytes that continue a character
}

/// Where the parts of a document come from: each is put into the buffer, which is empty; `false` at the end.
pub type Parts<'a> = dyn FnMut(&mut Vec<u8>) -> Result<bool, Error> + 'a;

/// A document that is read once, from its start to its end.
pub struct Document<'a> {
    whole: &'a [u8],
    parts: Option<&'a mut Parts<'a>>,
    buffer: Vec<u8>,
    at: usize,
    place: Place,
    most: usize,
    left: usize,
    failure: Option<Error>,
}

impl<'a> Document<'a> {
    /// `most`: bytes that one record may have.
    pub fn whole(bytes: &'a [u8], most: usize) -> Result<Document<'a>, Error> {
        Document { whole: bytes, ..Document::empty(most) }.begin()
    }

    pub fn in_parts(parts: &'a mut Parts<'a>, most: usize) -> Result<Document<'a>, Error> {
        Document { parts: Some(parts), ..Document::empty(most) }.begin()
    }

    fn empty(most: usize) -> Document<'a> {
        let buffer = Vec::new();
        Document { whole: &[], parts: None, buffer, at: 0, place: Place::START, most, left: most + 1, failure: None }
    }

    /// Passes over the mark of UTF-8, and refuses those of other encodings. Of a document in parts, takes as many as it
    /// needs to know its first character.
    fn begin(mut self) -> Result<Document<'a>, Error> {
        let mut part = Vec::new();
        while self.loaded().len() < 3 || (self.loaded().len() < MOST_SPACE && self.next_byte().is_none()) {
            let Some(parts) = self.parts.as_mut() else { break };
            part.clear();
            if !parts(&mut part)? {
                break;
            }
            self.buffer.extend_from_slice(&part);
            self.at = if self.buffer.starts_with(MARK) { MARK.len() } else { 0 };
        }
        let start = self.loaded();
        if start.starts_with(&[0xFF, 0xFE]) || start.starts_with(&[0xFE, 0xFF]) {
            return Err(Place::START.refuse("this is UTF-16; UTF-8 is needed"));
        }
        self.at = if start.starts_with(MARK) { MARK.len() } else { 0 };
        Ok(self)
    }

    fn loaded(&self) -> &[u8] {
        if self.parts.is_some() {
            &self.buffer
        } else {
            self.whole
        }
    }

    /// What comes next, at least one byte; empty at the end.
    pub fn fill(&mut self) -> Result<&[u8], Error> {
        while self.at == self.loaded().len() {
            let Some(parts) = self.parts.as_mut() else { break };
            self.buffer.clear();
            self.at = 0;
            if !parts(&mut self.buffer)? {
                break;
            }
        }
        Ok(&self.loaded()[self.at..])
    }

    /// Passes over so many bytes of what `fill` gave.
    pub fn pass(&mut self, count: usize) {
        self.place = self.place.after(&self.loaded()[self.at..self.at + count]);
        self.at += count;
        self.left = self.left.saturating_sub(count);
    }

    pub fn place(&self) -> Place {
        self.place
    }

    /// The first byte of what is known already that is no white space.
    pub fn next_byte(&self) -> Option<u8> {
        self.loaded()[self.at..].iter().copied().find(|byte| !byte.is_ascii_whitespace())
    }

    /// A new record begins here.
    pub fn begin_record(&mut self) {
        self.left = self.most + 1;
    }

    /// Passes over bytes while they are such, and gives the next one.
    pub fn skip(&mut self, such: impl Fn(u8) -> bool) -> Result<Option<u8>, Error> {
        loop {
            let bytes = self.fill()?;
            if bytes.is_empty() {
                return Ok(None);
            }
            match bytes.iter().position(|byte| !such(*byte)) {
                Some(count) => {
                    let next = bytes[count];
                    self.pass(count);
                    return Ok(Some(next));
                }
                None => {
                    let count = bytes.len();
                    self.pass(count);
                }
            }
        }
    }

    /// Moves bytes into `held` until `end` says how many of those that it sees belong to it. `false`: the document, or the
    /// room for one record, ended before.
    pub fn gather(
        &mut self,
        held: &mut Vec<u8>,
        mut end: impl FnMut(&[u8]) -> Result<Option<usize>, Refused>,
    ) -> Result<bool, Error> {
        held.clear();
        self.begin_record();
        loop {
            let place = self.place;
            let bytes = self.fill()?;
            if bytes.is_empty() {
                return Ok(false);
            }
            let found = end(bytes).map_err(|refused| place.after(&bytes[..refused.at]).refuse(refused.why))?;
            let count = found.unwrap_or(bytes.len());
            held.extend_from_slice(&bytes[..count]);
            self.pass(count);
            if self.left == 0 {
                return Ok(false);
            }
            if found.is_some() {
                return Ok(true);
            }
        }
    }

    /// Whether the record that was begun has more bytes than one may have.
    pub fn is_too_long(&self) -> bool {
        self.left == 0
    }

    pub fn too_long(&self) -> String {
        format!("a record has more than {} bytes (`max_record_bytes`)", self.most)
    }

    /// Why reading failed, where an `io::Error` says that it did.
    pub fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }
}

/// A byte that cannot stand where it does.
pub struct Refused {
    pub at: usize,
    pub why: &'static str,
}

impl Read for Document<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let count = bytes.len().min(into.len());
        into[..count].copy_from_slice(&bytes[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Document<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.is_too_long() {
            self.failure = Some(self.place.refuse(self.too_long()));
            return Err(io::Error::other("too long"));
        }
        if let Err(error) = self.fill() {
            self.failure = Some(error);
            return Err(io::Error::other("failed"));
        }
        Ok(&self.loaded()[self.at..])
    }

    fn consume(&mut self, count: usize) {
        self.pass(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters() {
        assert_eq!(Place::START.after("a\nbö".as_bytes()), Place { line: 2, column: 3 });
        let halves = Place::START.after(&"ö".as_bytes()[..1]).after(&"ö".as_bytes()[1..]);
        assert_eq!(halves, Place { line: 1, column: 2 });
    }

    #[test]
    fn a_document_is_the_same_in_any_parts() {
        let bytes = b"\xEF\xBB\xBF  one\ntwo";
        for size in 1..bytes.len() {
            let mut chunks = bytes.chunks(size);
            let mut parts = |into: &mut Vec<u8>| Ok(chunks.next().map(|chunk| into.extend_from_slice(chunk)).is_some());
            let mut document = Document::in_parts(&mut parts, 100).unwrap();
            let mut held = Vec::new();
            assert_eq!(document.skip(|byte| byte == b' ').unwrap(), Some(b'o'));
            let end = |bytes: &[u8]| Ok(bytes.iter().position(|byte| *byte == b'\n'));
            assert!(document.gather(&mut held, end).unwrap());
            assert_eq!((held.as_slice(), document.place()), (&b"one"[..], Place { line: 1, column: 6 }));
        }
    }
}
