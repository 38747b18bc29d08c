//! How requests are signed, and how what signs them is kept out of everything that is shown.

use crate::address::{escaped, Address};
use lao_plugin::{quote, Config, Error};

/// From the settings `auth`, `token`, `api_key`, ...
#[derive(Default)]
pub struct Credentials {
    header: Option<(String, String)>,
    query: Option<(String, String)>,
    hidden: Vec<String>, // every form in which they may come back
}

impl Credentials {
    /// An error when one is missing or cannot be sent.
    pub fn new(config: &Config) -> Result<Credentials, Error> {
        let mut made = Credentials::default();
        match config.get::<String>("auth").as_str() {
            "bearer" => {
                let token = checked("token", config.get("token"), false)?;
                made.header = Some(("authorization".into(), format!("Bearer {token}")));
                made.hide(&token);
            }
            "basic" => {
                let (username, password): (String, String) = (config.get("username"), config.get("password"));
                if username.is_empty() || username.contains(':') {
                    return Err(Error::invalid_config("`username` must be there, and have no colon in it"));
                }
                let pair = base64(format!("{username}:{password}").as_bytes());
                made.header = Some(("authorization".into(), format!("Basic {pair}")));
                made.hide(&password);
                made.hide(&pair);
            }
            "api_key" => {
                let key = checked("api_key", config.get("api_key"), true)?;
                let name: String = config.get("api_key_name");
                if !is_name(&name) {
                    return Err(Error::invalid_config(
                        "`api_key_name` cannot be the name of a header or of a part of a query",
                    ));
                }
                made.hide(&key);
                if config.get::<String>("api_key_in") == "query" {
                    made.query = Some((name, key));
                } else {
                    made.header = Some((name.to_ascii_lowercase(), key));
                }
            }
            _ => {}
        }
        Ok(made)
    }

    /// Name, in lower case, and value of the header that carries them, where one does.
    pub fn header(&self) -> Option<(&str, &str)> {
        self.header.as_ref().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Puts them into the query, where they go there.
    pub fn sign(&self, to: &mut Address) {
        if let Some((name, value)) = &self.query {
            to.set(name, value);
        }
    }

    /// `text` with `***` for every secret: a server may send back what it was sent.
    pub fn without(&self, text: &str) -> String {
        self.hidden.iter().fold(text.to_string(), |text, secret| text.replace(secret, "***"))
    }

    /// The same for bytes that may be no text.
    pub fn without_in(&self, bytes: Vec<u8>) -> Vec<u8> {
        self.hidden.iter().fold(bytes, |bytes, secret| replaced(bytes, secret.as_bytes()))
    }

    fn hide(&mut self, secret: &str) {
        if secret.len() < 4 {
            return; // it would be found in everything
        }
        let quoted = quote(secret);
        for form in [secret, &escaped(secret), &quoted[1..quoted.len() - 1]] {
            if !self.hidden.iter().any(|one| one == form) {
                self.hidden.push(form.into());
            }
        }
    }
}

fn replaced(bytes: Vec<u8>, secret: &[u8]) -> Vec<u8> {
    let mut clean = Vec::new();
    let mut from = 0;
    let mut at = 0;
    while at + secret.len() <= bytes.len() {
        if bytes[at] == secret[0] && bytes[at..at + secret.len()] == *secret {
            clean.extend_from_slice(&bytes[from..at]);
            clean.extend_from_slice(b"***");
            at += secret.len();
            from = at;
        } else {
            at += 1;
        }
    }
    if from == 0 {
        return bytes;
    }
    clean.extend_from_slice(&bytes[from..]);
    clean
}

/// A header cannot carry anything else; a line break in it would begin another header.
fn checked(setting: &str, text: String, may_have_spaces: bool) -> Result<String, Error> {
    if text.is_empty() {
        return Err(Error::invalid_config(format!("`{setting}` is missing: `auth` needs it")));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic() || (may_have_spaces && byte == b' ')) {
        return Err(Error::invalid_config(format!("`{setting}` has characters that cannot be sent")));
    }
    Ok(text)
}

fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}

/// Base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= group.len() { letter as char } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_bytes() {
        assert_eq!(base64(b"Aladdin:open sesame"), "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(base64(b""), "");
        assert_eq!(base64(b"\xff"), "/w==");
    }

    #[test]
    fn secrets_are_hidden_in_every_form() {
        let mut credentials = Credentials::default();
        credentials.hide("a b\"c");
        let shown = "1 a b\"c 2 a%20b%22c 3 a b\\\"c a";
        assert_eq!(credentials.without(shown), "1 *** 2 *** 3 *** a");
        assert_eq!(credentials.without_in(shown.into()), b"1 *** 2 *** 3 *** a");
        assert_eq!(credentials.without_in(b"\xffa b\"c".to_vec()), b"\xff***");
    }
}
