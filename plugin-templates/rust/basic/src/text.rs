//! What the plugin does with text, apart from everything about plugins.

use lao_plugin::Error;

/// What `change` can do.
pub const MODES: [&str; 5] = ["upper", "lower", "title", "reverse", "slug"];

/// What `count` finds.
#[derive(Debug, PartialEq, Eq)]
pub struct Counts {
    pub bytes: usize,
    pub characters: usize,
    /// Parted by white space.
    pub words: usize,
    pub lines: usize,
}

/// Changes a text in one of the `MODES`.
pub fn change(mode: &str, text: &str) -> Result<String, Error> {
    Ok(match mode {
        "upper" => text.chars().map(upper).collect(),
        "lower" => text.chars().map(lower).collect(),
        "title" => title(text),
        "reverse" => text.chars().rev().collect(),
        "slug" => slug(text),
        other => return Err(Error::invalid_parameter(format!("there is no mode `{other}`"))),
    })
}

/// Counts bytes, characters, words and lines.
pub fn count(text: &str) -> Counts {
    Counts {
        bytes: text.len(),
        characters: text.chars().count(),
        words: text.split_whitespace().count(),
        lines: text.lines().count(),
    }
}

/// One character for one: the few that would become several ("ß" to "SS") stay.
fn upper(c: char) -> char {
    let mut all = c.to_uppercase();
    all.next().filter(|_| all.next().is_none()).unwrap_or(c)
}

fn lower(c: char) -> char {
    let mut all = c.to_lowercase();
    all.next().filter(|_| all.next().is_none()).unwrap_or(c)
}

fn title(text: &str) -> String {
    let mut word_begins = true;
    text.chars()
        .map(|c| {
            let changed = if word_begins { upper(c) } else { lower(c) };
            word_begins = c.is_whitespace();
            changed
        })
        .collect()
}

/// Letters and digits, and whatever is no white space or punctuation beyond ASCII.
fn belongs_to_slug(c: char) -> bool {
    let punctuation = matches!(c, '\u{80}'..='\u{BF}' | '\u{2000}'..='\u{206F}' | '\u{3000}'..='\u{303F}');
    c.is_ascii_alphanumeric() || !(c.is_ascii() || punctuation || c.is_whitespace())
}

fn slug(text: &str) -> String {
    let words = text.split(|c: char| !belongs_to_slug(c)).filter(|word| !word.is_empty());
    let words: Vec<String> = words.map(|word| word.chars().map(lower).collect()).collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes() {
        for (mode, text, expected) in [
            ("upper", "Grüße, Ελλάδα", "GRÜßE, ΕΛΛΆΔΑ"),
            ("lower", "ÄÖÜ ŁÓDŹ", "äöü łódź"),
            ("title", "der ÄRGER  kommt", "Der Ärger  Kommt"),
            ("reverse", "añb東", "東bña"),
            ("slug", "  Crème brûlée & Tea!  ", "crème-brûlée-tea"),
            ("slug", "***", ""),
            ("lower", "", ""),
        ] {
            assert_eq!(change(mode, text).unwrap(), expected, "{mode} of {text:?}");
        }
        assert!(change("sideways", "x").is_err());
    }

    #[test]
    fn counts() {
        let counts = |text| {
            let Counts { characters, words, lines, .. } = count(text);
            (characters, words, lines)
        };
        assert_eq!(counts(""), (0, 0, 0));
        assert_eq!(counts("ab cd\né"), (7, 3, 2));
        assert_eq!(counts("one\n"), (4, 1, 1));
        assert_eq!(count("é").bytes, 2);
    }
}
