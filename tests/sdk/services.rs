//! The host's services through the crate lao-plugin.
use lao_plugin::{Call, Config, Definition, Error, FILE_READ};
use std::io::Read;

struct Asker;

fn create(_: &Config) -> Result<Asker, Error> {
    Ok(Asker)
}

fn shown(value: Option<Vec<u8>>) -> String {
    value.map_or("(none)".into(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn scratch(_: &Asker, text: &str, call: &Call) -> Result<String, Error> {
    let host = call.host();
    call.progress(0.5, "half");
    host.scratch_put("key", text.as_bytes())?;
    let back = shown(host.scratch_get("key")?);
    host.scratch_remove("key")?;
    Ok(format!("{back}/{}", shown(host.scratch_get("key")?)))
}

fn file(_: &Asker, path: &str, call: &Call) -> Result<String, Error> {
    let mut text = String::new();
    let mut file = call.host().open_file(path, FILE_READ)?;
    file.read_to_string(&mut text).map_err(|error| Error::failed(error.to_string()))?;
    Ok(text)
}

fn get(_: &Asker, url: &str, call: &Call) -> Result<String, Error> {
    let answer = call.host().fetch(&format!("{{\"url\":\"{url}\"}}"), None)?;
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

fn run(_: &Asker, word: &str, call: &Call) -> Result<String, Error> {
    call.host().run_command(&["echo", word])
}

fn other(_: &Asker, text: &str, call: &Call) -> Result<String, Error> {
    call.call_plugin("nobody", "echo", text, "")
}

fn define(plugin: &mut Definition<Asker>) {
    plugin.capability("scratch", "Puts, gets and removes", scratch);
    plugin.capability("file", "Reads a file", file);
    plugin.capability("get", "Fetches", get);
    plugin.capability("run", "Runs echo", run);
    plugin.capability("other", "Calls another plugin", other);
}

lao_plugin::export! { plugin: Asker, create: create, define: define }
