//! The plugin: its capabilities, its configuration, and what connects them to `text`.
#![deny(unsafe_code)]

mod text;

use lao_plugin::{Call, Config, Definition, Error, Field, JsonObject, Param};

/// One instance: its settings, which never change, so that any number of calls may run at the same time.
struct Basic {
    max_length: i64, // characters
    prefix: String,
}

fn create(config: &Config) -> Result<Basic, Error> {
    Ok(Basic { max_length: config.get("max_length"), prefix: config.get("prefix") })
}

impl Basic {
    fn check(&self, input: &str) -> Result<(), Error> {
        let length = input.chars().count() as i64;
        if length > self.max_length {
            return Err(Error::invalid_input(format!(
                "the text has {length} characters; `max_length` allows {}",
                self.max_length
            )));
        }
        Ok(())
    }
}

fn process(plugin: &Basic, input: &str, call: &Call) -> Result<String, Error> {
    plugin.check(input)?;
    let input = if call.boolean("trim") { input.trim() } else { input };
    Ok(format!("{}{}", plugin.prefix, text::change(call.text("mode"), input)?))
}

fn analyze(plugin: &Basic, input: &str, _: &Call) -> Result<JsonObject, Error> {
    plugin.check(input)?;
    let counts = text::count(input);
    Ok(JsonObject::new()
        .integer("bytes", counts.bytes as i64)
        .integer("characters", counts.characters as i64)
        .integer("words", counts.words as i64)
        .integer("lines", counts.lines as i64))
}

fn define(plugin: &mut Definition<Basic>) {
    plugin.setting(Param::integer("max_length", 1_000_000).at_least(1).help("Characters that an input may have"));
    plugin.setting(Param::text("prefix", "").help("Put before every processed text"));
    plugin
        .capability("process", "Changes a text: upper, lower, title, reverse or slug", process)
        .param(Param::text("mode", "upper").one_of(&text::MODES).help("How to change it"))
        .param(Param::boolean("trim", false).help("Leave out the white space around it"))
        .idempotent();
    plugin
        .capability("analyze", "Counts the bytes, characters, words and lines of a text", analyze)
        .output_fields(&["bytes", "characters", "words", "lines"].map(Field::integer))
        .idempotent();
}

// Name and version come from plugin.toml, which is embedded in the library; what is declared here, `lao plugin build` writes
// into it.
lao_plugin::export! { plugin: Basic, create: create, define: define }
