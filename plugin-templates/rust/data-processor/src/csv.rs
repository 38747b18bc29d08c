//! CSV as RFC 4180 has it: a line is a record, the first one has the names, fields may stand in quotation marks.
//!
//! The reader is strict: what a lenient one would guess at (a quotation mark in the middle of a field, a line with too many fields)
//! is refused, with its place.

use crate::document::{Document, Place, MARK};
use crate::record::{Name, Record, Value};
use lao_plugin::Error;
use memchr::{memchr, memchr2, memchr3, memchr_iter};
use std::collections::HashSet;

const MOST_FIELDS: usize = 10_000;

type Cells = Vec<Box<str>>;

pub struct Reader {
    delimiter: u8,
    has_header: bool,
    names: Vec<Name>,
    held: Vec<u8>,
}

impl Reader {
    pub fn new(delimiter: u8, has_header: bool) -> Reader {
        Reader { delimiter, has_header, names: Vec::new(), held: Vec::new() }
    }

    pub fn next(&mut self, document: &mut Document) -> Result<Option<Record>, Error> {
        if self.names.is_empty() && self.has_header && !self.read_header(document)? {
            return Ok(None);
        }
        let Some((place, cells)) = self.line(document)? else { return Ok(None) };
        if self.names.is_empty() {
            self.names = (1..=cells.len()).map(|number| format!("column{number}").into()).collect();
        }
        if cells.len() != self.names.len() {
            let (found, wanted) = (cells.len(), self.names.len());
            return Err(place.refuse(format!("the record has {found} fields, and the first line {wanted}")));
        }
        let values = cells.into_iter().map(Value::text);
        Ok(Some(Record { fields: self.names.iter().cloned().zip(values).collect(), place }))
    }

    fn read_header(&mut self, document: &mut Document) -> Result<bool, Error> {
        let Some((place, cells)) = self.line(document)? else { return Ok(false) };
        let mut known = HashSet::new();
        for (number, cell) in cells.iter().enumerate() {
            if cell.is_empty() {
                return Err(place.refuse(format!("column {} has no name", number + 1)));
            }
            if !known.insert(cell) {
                return Err(place.refuse(format!("two columns are called `{cell}`")));
            }
        }
        self.names = cells.into_iter().map(Name::from).collect();
        Ok(true)
    }

    /// The cells of the next line that is not empty.
    fn line(&mut self, document: &mut Document) -> Result<Option<(Place, Cells)>, Error> {
        loop {
            let place = document.place();
            let mut in_quotes = false;
            let whole = document.gather(&mut self.held, |bytes| Ok(end_of_line(bytes, &mut in_quotes)))?;
            if self.held.is_empty() {
                return Ok(None);
            }
            let is_too_long = !whole && document.is_too_long();
            let text = without_end(&self.held);
            // In a line of one column nothing is a field, too.
            if text.is_empty() && self.names.len() != 1 {
                continue;
            }
            match cells(text, self.delimiter, self.names.len()) {
                // An open quotation mark may be all that made it too long; where it stands helps more.
                Err((_, why)) if is_too_long && why == UNCLOSED => return Err(place.refuse(document.too_long())),
                Err((at, why)) => return Err(place.after(&text[..at]).refuse(why)),
                Ok(_) if is_too_long => return Err(place.refuse(document.too_long())),
                Ok(found) => return Ok(Some((place, found))),
            }
        }
    }
}

const UNCLOSED: &str = "the quotation mark that opens here is never closed";

/// How many bytes belong to the line, its end included.
fn end_of_line(bytes: &[u8], in_quotes: &mut bool) -> Option<usize> {
    let mut at = 0;
    loop {
        let found = if *in_quotes { memchr(b'"', &bytes[at..]) } else { memchr2(b'"', b'\n', &bytes[at..]) };
        at += found? + 1;
        if bytes[at - 1] == b'\n' {
            return Some(at);
        }
        *in_quotes = !*in_quotes; // two in a row leave it as it was
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The cells, of which there are likely as many as `likely`; or what is wrong at which byte.
fn cells(line: &[u8], delimiter: u8, likely: usize) -> Result<Cells, (usize, &'static str)> {
    let mut found = Cells::with_capacity(likely);
    let mut push = |cell: Box<str>, at| {
        found.push(cell);
        if found.len() > MOST_FIELDS {
            return Err((at, "a record has more than 10000 fields"));
        }
        Ok(())
    };
    // Most lines have nothing but cells and delimiters.
    let is_simple = memchr3(b'"', b'\r', 0, line).is_none();
    if let (true, Ok(text)) = (is_simple, std::str::from_utf8(line)) {
        let mut at = 0;
        for end in memchr_iter(delimiter, line).chain([line.len()]) {
            push(text[at..end].into(), at)?;
            at = end + 1;
        }
        return Ok(found);
    }
    let mut at = 0;
    loop {
        let (cell, end) = if line.get(at) == Some(&b'"') { quoted(line, at)? } else { plain(line, at, delimiter)? };
        if let Some(nul) = memchr(0, &cell) {
            return Err((at + nul, "a field holds a NUL character"));
        }
        let text =
            String::from_utf8(cell).map_err(|error| (at + error.utf8_error().valid_up_to(), "this is not UTF-8"))?;
        push(text.into(), at)?;
        if end == line.len() {
            return Ok(found);
        }
        if line[end] != delimiter {
            return Err((end, "a field goes on behind its closing quotation mark"));
        }
        at = end + 1;
    }
}

fn plain(line: &[u8], at: usize, delimiter: u8) -> Result<(Vec<u8>, usize), (usize, &'static str)> {
    let end = memchr(delimiter, &line[at..]).map_or(line.len(), |count| at + count);
    let cell = &line[at..end];
    match memchr2(b'"', b'\r', cell) {
        Some(count) if cell[count] == b'"' => {
            Err((at + count, "a quotation mark stands within a field that does not begin with one"))
        }
        Some(count) => Err((at + count, "a carriage return stands alone")),
        None => Ok((cell.to_vec(), end)),
    }
}

fn quoted(line: &[u8], open: usize) -> Result<(Vec<u8>, usize), (usize, &'static str)> {
    let mut cell = Vec::new();
    let mut at = open + 1;
    for count in memchr_iter(b'"', &line[open + 1..]) {
        let quote = open + 1 + count;
        if quote < at {
            continue; // the second of two
        }
        cell.extend_from_slice(&line[at..quote]);
        if line.get(quote + 1) != Some(&b'"') {
            return Ok((cell, quote + 1));
        }
        cell.push(b'"');
        at = quote + 2;
    }
    Err((open, UNCLOSED))
}

/// The columns are the fields of the first record.
pub struct Writer {
    delimiter: u8,
    has_header: bool,
    names: Vec<Name>,
}

impl Writer {
    pub fn new(delimiter: u8, has_header: bool) -> Writer {
        Writer { delimiter, has_header, names: Vec::new() }
    }

    pub fn write(&mut self, record: &Record, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.names.is_empty() {
            self.names = record.fields.iter().map(|(name, _)| name.clone()).collect();
            if self.names.is_empty() {
                return Err(record.refuse("a record without fields has no line in CSV"));
            }
            if self.has_header && self.names.iter().any(|name| name.is_empty()) {
                return Err(record.refuse("a field without a name has no column in CSV"));
            }
            if self.has_header {
                let names: Vec<&str> = self.names.iter().map(|name| &**name).collect();
                self.line(&names, out);
            }
        }
        let same = record.fields.len() == self.names.len()
            && record.fields.iter().zip(&self.names).all(|((name, _), column)| name == column);
        let cells: Vec<_> = if same {
            record.fields.iter().map(|(_, value)| value.plain()).collect()
        } else {
            if let Some((name, _)) = record.fields.iter().find(|(name, _)| !self.names.contains(name)) {
                let hint = "add a step `select` that names the columns";
                return Err(record.refuse(format!("the field `{name}` is not among those of the first record: {hint}")));
            }
            self.names.iter().map(|name| record.get(name).map_or("".into(), Value::plain)).collect()
        };
        self.line(&cells, out);
        Ok(())
    }

    fn line<T: AsRef<str>>(&self, cells: &[T], out: &mut Vec<u8>) {
        for (index, cell) in cells.iter().enumerate() {
            if index > 0 {
                out.push(self.delimiter);
            }
            let bytes = cell.as_ref().as_bytes();
            let special = |byte: &u8| *byte == self.delimiter || matches!(*byte, b'"' | b'\n' | b'\r');
            // An empty line would be none, so its only cell is written as a quoted nothing; and what a document begins with
            // may look like the mark of UTF-8.
            let is_odd = (cells.len() == 1 && bytes.is_empty()) || (index == 0 && bytes.starts_with(MARK));
            let is_quoted = is_odd || bytes.iter().any(special);
            if !is_quoted {
                out.extend_from_slice(bytes);
                continue;
            }
            out.push(b'"');
            for byte in bytes {
                if *byte == b'"' {
                    out.push(b'"');
                }
                out.push(*byte);
            }
            out.push(b'"');
        }
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Cells, (usize, &'static str)> {
        cells(text.as_bytes(), b',', 0)
    }

    #[test]
    fn cells_are_told_apart() {
        assert_eq!(
            read(r#"a,"b,""c""",,"""#.trim_end_matches('"')),
            Ok(vec!["a".into(), "b,\"c\"".into(), "".into(), "".into()])
        );
        assert_eq!(read("é,,b,"), Ok(vec!["é".into(), "".into(), "b".into(), "".into()]));
        assert_eq!(read(r#"a,"b"#), Err((2, UNCLOSED)));
        assert_eq!(read(r#"a,b"c"#).map_err(|(at, _)| at), Err(3));
        assert_eq!(read(r#""a"b"#).map_err(|(at, _)| at), Err(3));
    }

    #[test]
    fn a_line_ends_outside_of_quotation_marks() {
        let mut in_quotes = false;
        assert_eq!(end_of_line(b"a,\"b\nc\"\nd", &mut in_quotes), Some(8));
        assert_eq!(end_of_line(b"a,\"b\nc", &mut in_quotes), None);
        assert_eq!(end_of_line(b"d\"\ne", &mut in_quotes), Some(3));
    }
}
