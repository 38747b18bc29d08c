//! A plugin that uses every part of the Rust SDK.
#![deny(unsafe_code)]

use lao_plugin::*;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::Mutex;

struct Settings {
    start: i64,
    scale: f64,
    loud: bool,
    name: String,
}

struct EveryPart {
    threads: usize,
    settings: Mutex<Settings>,
    count: AtomicI64,
    heard: Mutex<Vec<String>>,
}

fn read(config: &Config) -> Result<Settings, Error> {
    let name: String = config.get("name");
    if name == "nemo" {
        return Err(Error::invalid_config("`name` must not be nemo"));
    }
    Ok(Settings { start: config.get("start"), scale: config.get("scale"), loud: config.get("loud"), name })
}

fn create(config: &Config) -> Result<EveryPart, Error> {
    Ok(EveryPart {
        threads: config.threads(),
        settings: Mutex::new(read(config)?),
        count: AtomicI64::new(0),
        heard: Mutex::default(),
    })
}

fn configure(plugin: &EveryPart, config: &Config) -> Result<(), Error> {
    *plugin.settings.lock()? = read(config)?;
    Ok(())
}

fn health(plugin: &EveryPart) -> Result<(), Error> {
    match plugin.settings.lock()?.name.as_str() {
        "ill" => Err(Error::failed("it feels ill")),
        _ => Ok(()),
    }
}

fn on_event(plugin: &EveryPart, event: &Event) -> Result<(), Error> {
    if event.name == "refused" {
        return Err(Error::unsupported("this event is not for me"));
    }
    plugin.heard.lock()?.push(format!("{} {} {}", event.callback, event.name, event.json));
    Ok(())
}

impl State for EveryPart {
    const VERSION: u32 = 3;
    fn save(&self) -> Result<Vec<u8>, Error> {
        Ok(self.count.load(Ordering::SeqCst).to_string().into_bytes())
    }
    fn load(&self, state: &[u8]) -> Result<(), Error> {
        let count = std::str::from_utf8(state).ok().and_then(|text| text.parse().ok());
        self.count.store(count.ok_or_else(|| Error::invalid_input("this is no state"))?, Ordering::SeqCst);
        Ok(())
    }
}

fn config(plugin: &EveryPart, _: (), _: &Call) -> Result<JsonObject, Error> {
    let Settings { start, scale, loud, name } = &*plugin.settings.lock()?;
    Ok(JsonObject::new().integer("start", *start).number("scale", *scale).boolean("loud", *loud).text("name", name))
}

fn params(_: &EveryPart, _: (), call: &Call) -> Result<JsonObject, Error> {
    Ok(JsonObject::new()
        .text("text", call.text("text"))
        .boolean("flag", call.boolean("flag"))
        .integer("count", call.integer("count"))
        .number("ratio", call.number("ratio"))
        .value("names", &call.json("names")?)
        .boolean("nothing", call.has("nothing")))
}

fn twice(_: &EveryPart, text: &str, _: &Call) -> Result<String, Error> {
    Ok(text.repeat(2))
}

fn reversed(_: &EveryPart, bytes: &[u8], _: &Call) -> Result<Vec<u8>, Error> {
    Ok(bytes.iter().rev().copied().collect())
}

fn inverted(_: &EveryPart, image: ImageView<u8>, call: &Call) -> Result<Image<u8>, Error> {
    let mut output = Image::zeros(call.host(), image.height(), image.width(), image.channels())?;
    for (to, from) in output.as_mut_slice().iter_mut().zip(image.tensor().to_vec()) {
        *to = 255 - from;
    }
    Ok(output)
}

fn scaled(_: &EveryPart, tensor: TensorView<f64>, call: &Call) -> Result<Tensor<f64>, Error> {
    let mut output = Tensor::zeros(call.host(), tensor.shape())?;
    for (to, from) in output.as_mut_slice().iter_mut().zip(tensor.to_vec()) {
        *to = from * call.number("factor");
    }
    Ok(output)
}

fn silence(_: &EveryPart, _: (), call: &Call) -> Result<Audio<f32>, Error> {
    Audio::zeros(call.host(), call.integer("frames") as usize, 2, 8000)
}

fn echo(_: &EveryPart, input: Input, call: &Call) -> Result<Output, Error> {
    if input.dtype().is_ok() {
        return Err(Error::unsupported("it echoes what is no array"));
    }
    Output::copy(call.host(), input.kind(), input.bytes())
}

fn words(_: &EveryPart, text: &str, call: &Call, out: &mut Sender<String>) -> Result<(), Error> {
    for word in text.split_terminator(' ') {
        call.check_cancelled()?;
        if !out.send(word.into())? {
            break;
        }
    }
    Ok(())
}

fn joined(_: &EveryPart, parts: &mut Receiver<String>, _: &Call) -> Result<String, Error> {
    let mut all = String::new();
    while let Some(part) = parts.next()? {
        all += part;
        all.push(';');
    }
    Ok(all)
}

fn louder(
    _: &EveryPart,
    parts: &mut Receiver<Audio<f32>>,
    call: &Call,
    out: &mut Sender<Audio<f32>>,
) -> Result<(), Error> {
    while let Some(part) = parts.next()? {
        let mut result = Audio::zeros(call.host(), part.frames(), part.channels(), part.sample_rate_hz())?;
        for (to, from) in result.as_mut_slice().iter_mut().zip(part.tensor().to_vec()) {
            *to = from * 2.0;
        }
        if !out.send(result)? {
            break;
        }
    }
    Ok(())
}

fn picture(_: &EveryPart, _: (), call: &Call) -> Result<Binary, Error> {
    let mut output = Binary::new(call.host(), 16)?;
    std::io::Write::write_all(&mut output, b"P5 1 1 255 \x7f")?;
    let size = JsonObject::new().integer("width", 1).integer("height", 1).finish();
    output.media_type("image/x-portable-graymap")?.metadata(&size)
}

fn media_type(_: &EveryPart, bytes: BinaryInput, _: &Call) -> Result<String, Error> {
    Ok(bytes.media_type.into())
}

fn flipped(_: &EveryPart, image: AnyImage, call: &Call) -> Result<ImageOut, Error> {
    if image.is::<u8>() {
        return flipped_of(image.view::<u8>()?, call);
    }
    if image.is::<u16>() {
        return flipped_of(image.view::<u16>()?, call);
    }
    flipped_of(image.view::<f32>()?, call)
}

fn flipped_of<T: Element>(image: ImageView<T>, call: &Call) -> Result<ImageOut, Error> {
    let (height, width, channels) = (image.height(), image.width(), image.channels());
    let mut output = Image::zeros(call.host(), height, width, channels)?;
    for (index, to) in output.as_mut_slice().iter_mut().enumerate() {
        if index % (width * channels) == 0 {
            call.check_cancelled()?;
        }
        let (pixel, channel) = (index / channels, index % channels);
        *to = image.at(pixel / width, width - 1 - pixel % width, channel);
    }
    Ok(output.into())
}

fn reel(_: &EveryPart, video: VideoView<u8>, call: &Call) -> Result<Video<u8>, Error> {
    let shape = [video.frames(), video.height(), video.width(), video.channels()];
    let mut output = Video::zeros(call.host(), shape)?;
    output.as_mut_slice().copy_from_slice(&video.tensor().to_vec());
    Ok(output)
}

fn lengths(_: &EveryPart, texts: &[&str], calls: &[Call]) -> Result<Vec<Result<JsonObject, Error>>, Error> {
    if texts.contains(&"doomed") {
        return Err(Error::unsupported("the batch went wrong"));
    }
    let one = |(text, call): (&&str, &Call)| match *text {
        "bad" => Err(Error::invalid_input("this one is bad")),
        "none" => Err(Error::failed("the plugin gave no answer to this request")),
        text => Ok(JsonObject::new()
            .integer("bytes", text.len() as i64 * call.integer("times"))
            .integer("together", texts.len() as i64)),
    };
    Ok(texts.iter().zip(calls).map(one).collect())
}

fn threads(plugin: &EveryPart, _: (), _: &Call) -> Result<JsonObject, Error> {
    Ok(JsonObject::new().integer("threads", plugin.threads as i64))
}

fn count(plugin: &EveryPart, _: (), _: &Call) -> Result<JsonObject, Error> {
    Ok(JsonObject::new().integer("count", plugin.count.fetch_add(1, Ordering::SeqCst) + 1))
}

fn note(_: &EveryPart, text: &str, call: &Call) -> Result<String, Error> {
    call.progress(0.5, "half");
    call.host().info("noting");
    call.host().emit("noted", JsonObject::new().text("text", text).finish())?;
    Ok("noted".into())
}

fn heard(plugin: &EveryPart, _: (), _: &Call) -> Result<JsonObject, Error> {
    Ok(JsonObject::new().texts("heard", plugin.heard.lock()?.iter()))
}

fn thrown(_: &EveryPart, what: &str, _: &Call) -> Result<String, Error> {
    match what {
        "unsupported" => Err(Error::unsupported("not this")),
        "memory" => Err(Error::new(ErrorKind::OutOfMemory, "out of memory")),
        "barrier" => panic!("it panicked on purpose"),
        _ => Err(Error::failed("it went wrong: ä")),
    }
}

#[cfg(not(feature = "WITHOUT_WAIT"))]
fn wait(_: &EveryPart, _: (), call: &Call) -> Result<String, Error> {
    loop {
        call.check_cancelled()?;
    }
}

fn define(plugin: &mut Definition<EveryPart>) {
    plugin.description("Every part of the SDK");
    plugin.state();
    plugin.on_configure(configure);
    plugin.on_health(health);
    plugin.on_event(on_event);
    plugin.on_shutdown(|| ());
    plugin.setting(Param::integer("start", 1).at_least(0).help("Where it starts"));
    plugin.setting(Param::number("scale", 1.0));
    plugin.setting(Param::boolean("loud", false));
    plugin.setting(Param::text("name", "nobody").sized(1, None).help("Whose it is"));
    plugin.event("noted", "When something was noted").field(Field::text("text").help("What"));

    plugin.capability("config", "Its settings", config).output_fields(&[
        Field::integer("start"),
        Field::number("scale"),
        Field::boolean("loud"),
        Field::text("name"),
    ]);
    plugin
        .capability("params", "Its parameters", params)
        .param(Param::text("text", "a\"b").help("A text"))
        .param(Param::boolean("flag", true))
        .param(Param::integer("count", 3).range(0, 10).help("A number"))
        .param(Param::number("ratio", 0.5))
        .param(Param::list("names", Field::text("")).help("Some names"))
        .param(Field::integer("nothing").optional());
    plugin.capability("twice", "Says it twice", twice).idempotent();
    plugin.capability("reversed", "The bytes backwards", reversed);
    plugin.capability("inverted", "Light to dark", inverted);
    plugin.capability("scaled", "All numbers times a factor", scaled).param(Param::number("factor", 2.0));
    plugin
        .capability("silence", "Silence", silence)
        .param(Param::integer("frames", 4).range(0, 1_000_000).help("How much"));
    plugin.capability("echo", "Anything back", echo);
    plugin.stream("words", "The words one by one", words);
    plugin.capability("joined", "The parts of a text joined", joined);
    plugin.stream("louder", "Twice as loud, part by part", louder);
    plugin.capability("picture", "One grey pixel, encoded", picture);
    plugin.capability("media_type", "What the bytes are", media_type);
    plugin.capability("flipped", "Left to right, in any depth", flipped);
    plugin.capability("reel", "The same video", reel);
    plugin
        .batch("lengths", "How long texts are, many at once", 8, lengths)
        .param(Param::integer("times", 1).range(1, 9).help("Counted so often"));
    plugin.capability("threads", "How many threads it would use", threads);
    plugin.capability("count", "How often it was asked", count);
    plugin.capability("note", "Emits an event", note);
    plugin.capability("heard", "The events that were delivered", heard);
    plugin.capability("thrown", "Fails", thrown);
    #[cfg(not(feature = "WITHOUT_WAIT"))]
    plugin.capability("wait", "Does not end by itself", wait);
}

lao_plugin::export! { plugin: EveryPart, create: create, define: define }
