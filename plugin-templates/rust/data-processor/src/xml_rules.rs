//! What XML asks for beyond what quick-xml looks at, and what is written of it.

use crate::document::Place;
use lao_plugin::Error;
use quick_xml::events::attributes::Attributes;
use quick_xml::events::BytesDecl;

pub fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
}

/// Of a declaration: a version that there is, and UTF-8.
pub fn check_declaration(declaration: &BytesDecl, place: Place) -> Result<(), Error> {
    let version = declaration.version().map_err(|error| place.refuse(error))?;
    if version != "1.0" && version != "1.1" {
        return Err(place.refuse(format!("there is no version `{version}` of XML")));
    }
    for attribute in Attributes::new(declaration, "xml".len()).flatten() {
        if !matches!(attribute.key.as_ref(), "version" | "encoding" | "standalone") {
            return Err(place.refuse(format!("a declaration has no `{}`", attribute.key.as_ref())));
        }
    }
    if let Some(encoding) = declaration.encoding() {
        let name = encoding.map_err(|error| place.refuse(error))?;
        if !name.eq_ignore_ascii_case("utf-8") && !name.eq_ignore_ascii_case("us-ascii") {
            return Err(place.refuse(format!("the encoding is `{name}`; UTF-8 is needed")));
        }
    }
    match declaration.standalone() {
        Some(Err(error)) => Err(place.refuse(error)),
        Some(Ok(answer)) if answer != "yes" && answer != "no" => Err(place.refuse("`standalone` is yes or no")),
        _ => check_tag(declaration.trim_end_matches('?'), place),
    }
}

/// Of what stands between `<` and `>`: white space before each attribute, and no `<`.
pub fn check_tag(inside: &str, place: Place) -> Result<(), Error> {
    checked(inside, place)?;
    let mut open = None;
    for (at, byte) in inside.bytes().enumerate() {
        let here = || place.after(&inside.as_bytes()[..at]).after(b"<");
        match (open, byte) {
            (_, b'<') => return Err(here().refuse("`<` stands within a tag")),
            (None, b'"' | b'\'') => open = Some(byte),
            (Some(mark), byte) if mark == byte => {
                open = None;
                if inside.as_bytes().get(at + 1).is_some_and(|next| !b" \t\r\n/".contains(next)) {
                    return Err(here().refuse("a blank is missing behind the value of an attribute"));
                }
            }
            _ => (),
        }
    }
    Ok(())
}

/// XML has no control characters but white space.
pub fn checked(text: &str, place: Place) -> Result<String, Error> {
    match text.chars().find(|character| !is_character(*character)) {
        Some(character) => Err(place.refuse(format!("the character U+{:04X} cannot stand in XML", character as u32))),
        None => Ok(text.into()),
    }
}

pub fn is_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

pub fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    let first = characters.next().is_some_and(|first| first.is_alphabetic() || first == '_' || first == ':');
    first && characters.all(|one| one.is_alphanumeric() || matches!(one, '.' | '-' | '_' | ':' | '\u{B7}'))
}

/// Letters beyond ASCII that names had in the first edition of XML already: all parsers take them.
const LETTERS: [(char, char); 18] = [
    ('\u{C0}', '\u{D6}'),
    ('\u{D8}', '\u{F6}'),
    ('\u{F8}', '\u{131}'),
    ('\u{14A}', '\u{17E}'),
    ('\u{391}', '\u{3A1}'),
    ('\u{3A3}', '\u{3CE}'),
    ('\u{401}', '\u{40C}'),
    ('\u{40E}', '\u{44F}'),
    ('\u{451}', '\u{45C}'),
    ('\u{5D0}', '\u{5EA}'),
    ('\u{621}', '\u{63A}'),
    ('\u{641}', '\u{64A}'),
    ('\u{905}', '\u{939}'),
    ('\u{E01}', '\u{E2E}'),
    ('\u{3041}', '\u{3094}'),
    ('\u{30A1}', '\u{30FA}'),
    ('\u{4E00}', '\u{9FA5}'),
    ('\u{AC00}', '\u{D7A3}'),
];

/// Whether a name is written as it is. One with a colon is not: it would belong to a namespace that nobody declares.
pub fn is_written(name: &str) -> bool {
    let is_letter = |one: char| match one {
        'a'..='z' | 'A'..='Z' | '_' => true,
        one => LETTERS.iter().any(|(first, last)| (*first..=*last).contains(&one)),
    };
    let mut characters = name.chars();
    characters.next().is_some_and(is_letter)
        && characters.all(|one| is_letter(one) || one.is_ascii_digit() || matches!(one, '.' | '-'))
}
