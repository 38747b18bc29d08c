//! The plugin: its settings and its capabilities.
#![deny(unsafe_code)]

mod activity;
mod decode;
mod encode;
mod loudness;
mod recognise;
mod resample;
mod sound;
mod wav;

use activity::Span;
use lao_plugin::{AnyAudio, Audio, Call, Config, Definition, Error, JsonObject, Media, Param, Receiver, Sender};
use recognise::Recogniser;
use sound::{amplitude, decibel, Sound};
use std::path::PathBuf;
use std::sync::Mutex;

struct Processor {
    most: usize,
    threads: usize,
    model: PathBuf,
    recogniser: Mutex<Option<Recogniser>>,
}

fn create(config: &Config) -> Result<Processor, Error> {
    let given = config.get::<String>("model_path");
    let packaged = || config.resource_dir().map(|folder| folder.join("resources").join("speech")).unwrap_or_default();
    Ok(Processor {
        most: config.get::<i64>("max_samples") as usize,
        threads: match config.get::<i64>("threads") {
            0 => config.threads(),
            most => config.threads().min(most as usize),
        },
        model: if given.is_empty() { packaged() } else { PathBuf::from(given) },
        recogniser: Mutex::new(None),
    })
}

fn spans(spans: &[Span]) -> impl Iterator<Item = JsonObject> + '_ {
    spans.iter().map(|span| JsonObject::new().number("start", span.start).number("end", span.end))
}

/// What is in a file.
fn process(plugin: &Processor, file: &[u8], call: &Call) -> Result<JsonObject, Error> {
    let sound = decode::decode(file, plugin.most, || call.check_cancelled())?;
    let about = JsonObject::new()
        .text("format", decode::format_of(file).unwrap_or_default())
        .integer("sample_rate_hz", i64::from(sound.rate))
        .integer("channels", sound.channels as i64)
        .integer("frames", sound.frames() as i64)
        .number("seconds", sound.seconds())
        .number("peak_db", decibel(sound.peak()))
        .number("rms_db", decibel(sound.rms()));
    let about = match loudness::loudness(&sound) {
        Some(lufs) => about.number("lufs", lufs),
        None => about,
    };
    call.check_cancelled()?;
    Ok(about.objects("speech", spans(&activity::speech(&sound, 12.0))))
}

fn decode_file(plugin: &Processor, file: &[u8], call: &Call) -> Result<Audio<f32>, Error> {
    decode::decode(file, plugin.most, || call.check_cancelled())?.into_audio(call.host())
}

fn encode_sound(_: &Processor, input: AnyAudio, call: &Call) -> Result<Media, Error> {
    let (sound, format) = (Sound::of(&input)?, call.text("format"));
    let bits = call.text("bits").parse::<u16>()?;
    let bytes = if format == "flac" { encode::flac(&sound, bits)? } else { wav::write(&sound, bits)? };
    Ok(Media { media_type: format!("audio/{format}"), bytes })
}

fn resample_sound(plugin: &Processor, input: AnyAudio, call: &Call) -> Result<Audio<f32>, Error> {
    let to = call.integer("rate") as u32;
    // Floats are read where they lie.
    let view = if input.is::<f32>() { Some(input.view::<f32>()?) } else { None };
    let plain = view
        .as_ref()
        .and_then(|view| view.tensor().as_slice().map(|samples| (samples, view.channels(), view.sample_rate_hz())));
    let converted;
    let (samples, channels, rate) = match plain {
        Some(plain) => plain,
        None => {
            converted = Sound::of(&input)?;
            (&converted.samples[..], converted.channels, converted.rate)
        }
    };
    sound::check_shape(channels, rate)?;
    sound::check_samples(samples, channels)?;
    let rates = resample::Rates::new(rate, to)?;
    let frames = rates.frames(samples.len() / channels);
    if frames.saturating_mul(channels) > plugin.most {
        return Err(Error::invalid_input(format!("it would have more than {} samples", plugin.most)));
    }
    let mut output = Audio::unfilled(call.host(), frames, channels, to)?;
    if rate == to {
        output.as_mut_slice().copy_from_slice(samples);
    } else {
        rates.all(samples, channels, output.as_mut_slice(), plugin.threads, || call.check_cancelled())?;
    }
    Ok(output)
}

fn mix(_: &Processor, input: AnyAudio, call: &Call) -> Result<Audio<f32>, Error> {
    let mut sound = Sound::of(&input)?.mixed(call.integer("channels") as usize);
    let gain = amplitude(call.number("gain_db")) as f32;
    sound.samples.iter_mut().for_each(|sample| *sample *= gain);
    sound.into_audio(call.host())
}

fn normalise(_: &Processor, input: AnyAudio, call: &Call) -> Result<Audio<f32>, Error> {
    let mut sound = Sound::of(&input)?;
    let now = match call.text("by") {
        "peak" => sound.peak(),
        "rms" => sound.rms(),
        _ => loudness::loudness(&sound).map_or(0.0, amplitude),
    };
    // Silence stays silence.
    if now > 1e-9 {
        let gain = amplitude(call.number("level_db")) / now;
        sound.samples.iter_mut().for_each(|sample| *sample = (f64::from(*sample) * gain).clamp(-1.0, 1.0) as f32);
    }
    sound.into_audio(call.host())
}

fn silence(_: &Processor, input: AnyAudio, call: &Call) -> Result<JsonObject, Error> {
    let found = activity::silence(&Sound::of(&input)?, call.number("threshold_db"), call.number("least_seconds"));
    Ok(JsonObject::new().objects("silence", spans(&found)))
}

fn speech(_: &Processor, input: AnyAudio, call: &Call) -> Result<JsonObject, Error> {
    let found = activity::speech(&Sound::of(&input)?, call.number("margin_db"));
    Ok(JsonObject::new().objects("speech", spans(&found)))
}

/// What was understood so far, whenever it changes; at the end all words with their times.
fn transcribe(
    plugin: &Processor,
    parts: &mut Receiver<Audio<f32>>,
    call: &Call,
    out: &mut Sender<JsonObject>,
) -> Result<(), Error> {
    let mut kept = plugin.recogniser.lock()?;
    let recogniser = match &mut *kept {
        Some(recogniser) => recogniser,
        empty => empty.insert(Recogniser::load(&plugin.model)?),
    };
    let (mut utterance, mut known) = (recogniser.begin()?, String::new());
    while let Some(part) = parts.next()? {
        let (channels, rate) = (part.channels(), part.sample_rate_hz());
        sound::check_shape(channels, rate)?;
        let mono = Sound { samples: part.tensor().to_vec(), channels, rate }.checked()?.mono();
        for some in mono.chunks((rate as usize / 4).max(1)) {
            call.check_cancelled()?;
            utterance.hear(some, rate)?;
            let text = utterance.text();
            if text != known {
                known = text;
                let partial = JsonObject::new()
                    .text("text", &known)
                    .boolean("final", false)
                    .number("seconds", utterance.seconds());
                if !out.send(partial)? {
                    return Ok(());
                }
            }
        }
    }
    out.send(utterance.finish()?).map(|_| ())
}

fn define(plugin: &mut Definition<Processor>) {
    plugin.setting(
        Param::text("model_path", "")
            .format("path")
            .help("Folder of a PocketSphinx model; setting it lets the plugin read it; empty: `resources/speech`"),
    );
    plugin.setting(
        Param::integer("max_samples", 100_000_000).range(1, 2_000_000_000).help("Samples that a file may have"),
    );
    plugin
        .setting(Param::integer("threads", 0).range(0, 256).help("Threads of a call; 0: as many as the limits allow"));
    plugin.capability("process", "Says what is in an audio file, and where somebody speaks", process).idempotent();
    plugin.capability("decode", "A WAV, FLAC, MP3 or OGG file to samples", decode_file).idempotent();
    plugin
        .capability("encode", "Samples to a WAV or FLAC file", encode_sound)
        .param(Param::text("format", "wav").one_of(&["wav", "flac"]).help("What to write"))
        .param(Param::text("bits", "16").one_of(&["16", "24", "32"]).help("Of a sample; 32 are floats, in WAV only"))
        .idempotent();
    plugin
        .capability("resample", "Another sample rate", resample_sound)
        .param(Param::integer("rate", 16_000).range(1, 768_000).help("Samples a second"))
        .idempotent();
    plugin
        .capability("mix", "Another number of channels, and louder or quieter", mix)
        .param(Param::integer("channels", 1).range(1, 64).help("How many; fewer are means, more are repeated"))
        .param(Param::number("gain_db", 0.0).range(-120, 60).help("Decibel to add"))
        .idempotent();
    plugin
        .capability("normalise", "As loud as is wanted; what is louder than 1 then is cut", normalise)
        .param(
            Param::text("by", "peak").one_of(&["peak", "rms", "lufs"]).help("What is measured; lufs is ITU-R BS.1770"),
        )
        .param(
            Param::number("level_db", -1.0)
                .range(-120, 0)
                .help("What it becomes, in decibel of full scale, or in LUFS"),
        )
        .idempotent();
    plugin
        .capability("silence", "Where it is silent", silence)
        .param(Param::number("threshold_db", -50.0).range(-120, 0).help("Quieter is silent"))
        .param(Param::number("least_seconds", 0.2).range(0, 3600).help("Shorter is no silence"))
        .idempotent();
    plugin
        .capability("speech", "Where somebody speaks: louder than the noise, and voiced", speech)
        .param(Param::number("margin_db", 12.0).range(1, 60).help("How much louder than the noise"))
        .idempotent();
    plugin.stream("transcribe", "English speech to text, with the times of its words, while it comes in", transcribe);
}

// Name and version come from plugin.toml, which is embedded in the library.
lao_plugin::export! { plugin: Processor, create: create, define: define }
