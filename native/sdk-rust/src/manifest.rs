//! The manifest that is embedded in the library: its bytes, and the two facts that the plugin table repeats.

/// The manifest followed by a NUL byte; `N` is its length plus one.
#[doc(hidden)]
pub const fn with_nul<const N: usize>(text: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    let mut at = 0;
    while at < text.len() {
        assert!(text[at] != 0, "plugin.toml contains a NUL character");
        bytes[at] = text[at];
        at += 1;
    }
    bytes
}

/// The value of `key` in `[plugin]`, or at the top of a manifest in the flat form. Names and versions need no escapes,
/// so this is no TOML parser.
pub(crate) fn lookup<'a>(manifest: &'a str, key: &str) -> Option<&'a str> {
    let mut here = true;
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            let table = line.split('#').next().unwrap_or("").trim();
            here = table.trim_matches(|c: char| "[] \t".contains(c)) == "plugin";
            continue;
        }
        let Some(rest) = line.strip_prefix(key).filter(|_| here) else { continue };
        let Some(value) = rest.trim_start().strip_prefix('=') else { continue };
        let value = value.trim_start();
        let mark = value.chars().next().filter(|mark| matches!(mark, '"' | '\''))?;
        return value[1..].split(mark).next();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_version_are_found() {
        let text =
            "# a\n[plugin] # b\nnames = 1\nname = \"x-1\" # c\nversion='1.2.3'\n[[capabilities]]\nname = \"y\"\n";
        assert_eq!(lookup(text, "name"), Some("x-1"));
        assert_eq!(lookup(text, "version"), Some("1.2.3"));
        assert_eq!(lookup("name = \"flat\"\n[resources]\nversion = \"9\"", "name"), Some("flat"));
        assert_eq!(lookup("name = \"flat\"\n[resources]\nversion = \"9\"", "version"), None);
    }

    #[test]
    fn a_nul_is_added() {
        assert_eq!(with_nul::<3>(b"ab"), *b"ab\0");
    }
}
