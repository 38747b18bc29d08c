//! The plugin: its settings and capabilities, and what connects them to the rest.
#![deny(unsafe_code)]

mod csv;
mod describe;
mod document;
mod evaluate;
mod expression;
mod format;
mod functions;
mod json;
mod record;
mod steps;
mod xml;
mod xml_rules;

use describe::Description;
use document::Document;
use format::{Format, Options};
use lao_plugin::{Call, Config, Definition, Error, Field, JsonObject, Param, Receiver, Sender};
use record::Record;
use steps::Pipeline;

const LOOK_RECORDS: u64 = 256; // between two looks at whether the call was cancelled
const PART_BYTES: usize = 256 << 10; // of what `transform` hands out

/// One instance: the bounds that its settings give.
struct Processor {
    record_bytes: usize,
    kept_bytes: usize,
}

fn create(config: &Config) -> Result<Processor, Error> {
    Ok(Processor {
        record_bytes: config.get::<i64>("max_record_bytes") as usize,
        kept_bytes: (config.get::<i64>("max_kept_mb") as usize) << 20,
    })
}

/// Takes what was written whenever it likes, the rest in the end, and says whether more is wanted.
type Flush<'f> = dyn FnMut(&mut Vec<u8>, bool) -> Result<bool, Error> + 'f;

/// Reads a document record by record and writes what the steps leave of it.
fn convert(plugin: &Processor, document: Document, call: &Call, flush: &mut Flush) -> Result<(), Error> {
    let options = Options::of(call)?;
    let mut pipeline = Pipeline::parse(&call.json("steps")?, plugin.kept_bytes)?;
    let (format, mut reader) = options.reader(document);
    let mut writer = options.writer(format)?;
    let (mut out, mut count) = (Vec::new(), 0u64);
    let mut wants_more = true;
    while let (true, false) = (wants_more, pipeline.is_done()) {
        let Some(record) = reader.next()? else { break };
        pipeline.push(record, &mut |record| writer.write(&record, &mut out))?;
        count += 1;
        if count % LOOK_RECORDS == 0 {
            call.check_cancelled()?;
        }
        wants_more = flush(&mut out, false)?;
    }
    pipeline.finish(&mut |record: Record| {
        if wants_more {
            call.check_cancelled()?;
            writer.write(&record, &mut out)?;
            wants_more = flush(&mut out, false)?;
        }
        Ok(())
    })?;
    writer.end(&mut out);
    flush(&mut out, true).map(|_| ())
}

fn process_one(plugin: &Processor, text: &str, call: &Call) -> Result<String, Error> {
    let document = Document::whole(text.as_bytes(), plugin.record_bytes)?;
    let mut whole = Vec::new();
    convert(plugin, document, call, &mut |out, is_last| {
        if is_last {
            whole = std::mem::take(out);
        }
        Ok(true)
    })?;
    Ok(String::from_utf8(whole)?)
}

fn process(plugin: &Processor, texts: &[&str], calls: &[Call]) -> Result<Vec<Result<String, Error>>, Error> {
    let one = |(index, (text, call)): (usize, (&&str, &Call))| {
        if texts.len() > 1 {
            call.progress(index as f64 / texts.len() as f64, &format!("document {} of {}", index + 1, texts.len()));
        }
        process_one(plugin, text, call)
    };
    Ok(texts.iter().zip(calls).enumerate().map(one).collect())
}

/// What it holds at a time is a part of the input, a record, a part of the output, and what `sort` and `aggregate` keep.
fn transform(
    plugin: &Processor,
    input: &mut Receiver<Vec<u8>>,
    call: &Call,
    output: &mut Sender<Vec<u8>>,
) -> Result<(), Error> {
    let mut taken = 0;
    let mut parts = |into: &mut Vec<u8>| match input.next()? {
        Some(bytes) => {
            into.extend_from_slice(bytes);
            taken += bytes.len();
            call.progress(-1.0, &format!("{:.1} MB read", taken as f64 / 1e6));
            Ok(true)
        }
        None => Ok(false),
    };
    let document = Document::in_parts(&mut parts, plugin.record_bytes)?;
    convert(plugin, document, call, &mut |out, is_last| {
        if out.len() < PART_BYTES && !is_last || out.is_empty() {
            return Ok(true);
        }
        output.send(std::mem::take(out))
    })
}

fn describe(plugin: &Processor, text: &str, call: &Call) -> Result<JsonObject, Error> {
    let document = Document::whole(text.as_bytes(), plugin.record_bytes)?;
    let (format, mut reader) = Options::of_input(call)?.reader(document);
    let (mut description, mut count) = (Description::default(), 0u64);
    while let Some(record) = reader.next()? {
        description.add(&record)?;
        count += 1;
        if count % LOOK_RECORDS == 0 {
            call.check_cancelled()?;
        }
    }
    Ok(description.result(format.name()))
}

fn input_params() -> Vec<Param> {
    let formats: Vec<&str> = ["auto"].into_iter().chain(Format::NAMES).collect();
    vec![
        Param::text("from", "auto").one_of(&formats).help("The format of the input; auto: by its first character"),
        Param::text("delimiter", ",").sized(1, Some(2)).help("Between two fields of CSV; \\t is a tabulator"),
        Param::boolean("header", true).help("The first line of CSV has the names"),
        Param::text("record", "").help("XML elements that are records; empty: the children of the root"),
    ]
}

fn output_params() -> Vec<Param> {
    let formats: Vec<&str> = ["same"].into_iter().chain(Format::NAMES).collect();
    vec![
        Param::text("to", "same").one_of(&formats).help("The format of the output; same: that of the input"),
        Param::list("steps", Field::json("step")).help("What happens to each record, one step after the other"),
        Param::text("root", "records").sized(1, Some(256)).help("The root of XML that is written"),
        Param::text("element", "record").sized(1, Some(256)).help("Its elements"),
    ]
}

fn define(plugin: &mut Definition<Processor>) {
    plugin.setting(
        Param::integer("max_record_bytes", 16 << 20).range(1024, 1 << 30).help("Bytes that one record may have"),
    );
    plugin.setting(
        Param::integer("max_kept_mb", 128).range(1, 65536).help("MiB that `sort` and `aggregate` may keep in memory"),
    );
    let params = || input_params().into_iter().chain(output_params());
    let whole = plugin.batch("process", "Documents to documents: JSON, NDJSON, CSV, XML", 64, process).idempotent();
    params().fold(whole, |added, param| added.param(param));
    let parts = plugin.stream("transform", "The same for a document of any length, in parts", transform);
    params().fold(parts, |added, param| added.param(param));
    let about =
        plugin.capability("describe", "The fields of a document, their types and ranges", describe).idempotent();
    input_params().into_iter().fold(about, |added, param| added.param(param));
}

// Name and version come from plugin.toml, which is embedded in the library.
lao_plugin::export! { plugin: Processor, create: create, define: define }
