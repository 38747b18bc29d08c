//! The formats: which one a document is in, and one reader and one writer for all.

use crate::document::Document;
use crate::record::Record;
use crate::{csv, json, xml};
use lao_plugin::{Call, Error};

#[derive(Clone, Copy, PartialEq)]
pub enum Format {
    Json,
    Ndjson,
    Csv,
    Xml,
}

impl Format {
    pub const NAMES: [&str; 4] = ["json", "ndjson", "csv", "xml"];

    fn named(name: &str) -> Option<Format> {
        Some(match name {
            "json" => Format::Json,
            "ndjson" => Format::Ndjson,
            "csv" => Format::Csv,
            "xml" => Format::Xml,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        Format::NAMES[self as usize]
    }

    /// By the first byte: `[` is a JSON list, `{` objects behind each other, `<` XML, anything else CSV.
    fn of(document: &Document) -> Format {
        match document.next_byte() {
            Some(b'[') => Format::Json,
            Some(b'{') => Format::Ndjson,
            Some(b'<') => Format::Xml,
            _ => Format::Csv,
        }
    }
}

/// How a document is read and another one written, from the parameters of a call.
pub struct Options<'c> {
    from: &'c str,
    to: &'c str,
    delimiter: u8,
    has_header: bool,
    record: &'c str,
    root: &'c str,
    element: &'c str,
}

impl<'c> Options<'c> {
    pub fn of_input(call: &Call<'c>) -> Result<Options<'c>, Error> {
        let delimiter = match call.text("delimiter") {
            "\\t" => b'\t',
            text => match text.as_bytes() {
                [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r' | 0) => *byte,
                _ => {
                    return Err(Error::invalid_parameter(
                        "`delimiter` is one character of ASCII, and no quotation mark",
                    ))
                }
            },
        };
        let (from, record, has_header) = (call.text("from"), call.text("record"), call.boolean("header"));
        Ok(Options { from, to: "same", delimiter, has_header, record, root: "records", element: "record" })
    }

    pub fn of(call: &Call<'c>) -> Result<Options<'c>, Error> {
        let (to, root, element) = (call.text("to"), call.text("root"), call.text("element"));
        Ok(Options { to, root, element, ..Options::of_input(call)? })
    }

    pub fn reader<'a>(&self, document: Document<'a>) -> (Format, Reader<'a>) {
        let format = Format::named(self.from).unwrap_or_else(|| Format::of(&document));
        let reader = match format {
            Format::Json => Reader::Json(document, json::Reader::new(true)),
            Format::Ndjson => Reader::Json(document, json::Reader::new(false)),
            Format::Csv => Reader::Csv(document, csv::Reader::new(self.delimiter, self.has_header)),
            Format::Xml => Reader::Xml(Box::new(xml::Reader::new(document, self.record))),
        };
        (format, reader)
    }

    /// `same`: the format that is written unless another one is wanted.
    pub fn writer(&self, same: Format) -> Result<Writer, Error> {
        Ok(match Format::named(self.to).unwrap_or(same) {
            Format::Json => Writer::Json(json::Writer::new(false)),
            Format::Ndjson => Writer::Json(json::Writer::new(true)),
            Format::Csv => Writer::Csv(csv::Writer::new(self.delimiter, self.has_header)),
            Format::Xml => Writer::Xml(xml::Writer::new(self.root, self.element)?),
        })
    }
}

pub enum Reader<'a> {
    Json(Document<'a>, json::Reader),
    Csv(Document<'a>, csv::Reader),
    Xml(Box<xml::Reader<'a>>),
}

impl Reader<'_> {
    pub fn next(&mut self) -> Result<Option<Record>, Error> {
        match self {
            Reader::Json(document, reader) => reader.next(document),
            Reader::Csv(document, reader) => reader.next(document),
            Reader::Xml(reader) => reader.next(),
        }
    }
}

pub enum Writer {
    Json(json::Writer),
    Csv(csv::Writer),
    Xml(xml::Writer),
}

impl Writer {
    pub fn write(&mut self, record: &Record, out: &mut Vec<u8>) -> Result<(), Error> {
        match self {
            Writer::Json(writer) => writer.write(record, out),
            Writer::Csv(writer) => writer.write(record, out)?,
            Writer::Xml(writer) => writer.write(record, out)?,
        }
        Ok(())
    }

    pub fn end(&mut self, out: &mut Vec<u8>) {
        match self {
            Writer::Json(writer) => writer.end(out),
            Writer::Csv(_) => (),
            Writer::Xml(writer) => writer.end(out),
        }
    }
}
