//! Speech to text by PocketSphinx 0.8 (`libpocketsphinx.so.3`), which is loaded when it is first asked for.
#![allow(unsafe_code)] // a C library: each call says why it is sound

use crate::resample::Converter;
use lao_plugin::{Error, JsonObject};
use libloading::Library;
use std::ffi::{c_char, c_int, c_void, CStr, CString};
use std::path::{Path, PathBuf};
use std::ptr::null_mut;

const RATE: u32 = 16_000;
const WHERE: &str = "apt install libpocketsphinx3 pocketsphinx-en-us, and set `model_path` to \
    /usr/share/pocketsphinx/model/en-us, or copy that to `resources/speech`";

type Pointer = *mut c_void;

/// The functions of the library that are used; it stays loaded as long as they do.
struct Engine {
    renew: unsafe extern "C" fn(Pointer, Pointer) -> c_int,
    rewind: unsafe extern "C" fn(Pointer) -> c_int,
    start: unsafe extern "C" fn(Pointer) -> c_int,
    process: unsafe extern "C" fn(Pointer, *const i16, usize, c_int, c_int) -> c_int,
    end: unsafe extern "C" fn(Pointer) -> c_int,
    text: unsafe extern "C" fn(Pointer, *mut i32) -> *const c_char,
    segments: unsafe extern "C" fn(Pointer) -> Pointer,
    next: unsafe extern "C" fn(Pointer) -> Pointer,
    word: unsafe extern "C" fn(Pointer) -> *const c_char,
    frames: unsafe extern "C" fn(Pointer, *mut c_int, *mut c_int),
    free: unsafe extern "C" fn(Pointer) -> c_int,
    _libraries: [Library; 2],
}

pub struct Recogniser {
    engine: Engine,
    decoder: Pointer,
    used: bool,
}

// SAFETY: a decoder has no thread of its own; the plugin keeps it behind a lock.
unsafe impl Send for Recogniser {}

fn missing(reason: impl std::fmt::Display) -> Error {
    Error::unsupported(format!("speech cannot be recognised: {reason} ({WHERE})"))
}

/// A C string that the library gave, which lives until its next call.
fn text_of(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: it is not null, and the library ends its strings with a zero.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// The files of a model: the folder of its sounds, its words in order, and how they are spoken.
fn parts_of(folder: &Path) -> Result<[PathBuf; 3], Error> {
    let entries = std::fs::read_dir(folder).map_err(|fault| missing(format!("{}: {fault}", folder.display())))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    files.sort();
    let find = |what: &str, fits: &dyn Fn(&Path, &str) -> bool| {
        let found = files.iter().find(|file| {
            fits(file, &file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default())
        });
        found.cloned().ok_or_else(|| missing(format!("{} has no {what}", folder.display())))
    };
    Ok([
        find("folder with `mdef`", &|file, _| file.join("mdef").is_file())?,
        find("language model (.lm.bin)", &|_, name| name.ends_with(".lm.bin") && !name.contains("phone"))?,
        find("dictionary (.dict)", &|_, name| name.ends_with(".dict"))?,
    ])
}

impl Recogniser {
    pub fn load(model: &Path) -> Result<Recogniser, Error> {
        let [sounds, order, words] = parts_of(model)?;
        // SAFETY: the two libraries run nothing when they are loaded. The types are those of their headers.
        unsafe {
            let base = Library::new("libsphinxbase.so.3").map_err(missing)?;
            let front = Library::new("libpocketsphinx.so.3").map_err(missing)?;
            macro_rules! symbol {
                ($library:expr, $name:literal) => {
                    *$library.get(concat!($name, "\0").as_bytes()).map_err(missing)?
                };
            }
            let quiet: unsafe extern "C" fn(Pointer) = symbol!(base, "err_set_logfp");
            quiet(null_mut());
            let settings: unsafe extern "C" fn(Pointer, Pointer, c_int, ...) -> Pointer = symbol!(base, "cmd_ln_init");
            let free_settings: unsafe extern "C" fn(Pointer) -> c_int = symbol!(base, "cmd_ln_free_r");
            let known: unsafe extern "C" fn() -> Pointer = symbol!(front, "ps_args");
            let init: unsafe extern "C" fn(Pointer) -> Pointer = symbol!(front, "ps_init");
            let path = |path: &Path| CString::new(path.to_string_lossy().as_bytes()).map_err(missing);
            let (sounds, order, words) = (path(&sounds)?, path(&order)?, path(&words)?);
            let config = settings(
                null_mut(),
                known(),
                1,
                c"-hmm".as_ptr(),
                sounds.as_ptr(),
                c"-lm".as_ptr(),
                order.as_ptr(),
                c"-dict".as_ptr(),
                words.as_ptr(),
                null_mut::<c_char>(),
            );
            if config.is_null() {
                return Err(missing("the engine refused its settings"));
            }
            let decoder = init(config);
            free_settings(config); // the decoder has its own share of it
            if decoder.is_null() {
                return Err(missing(format!("{} cannot be loaded", model.display())));
            }
            let engine = Engine {
                renew: symbol!(front, "ps_reinit"),
                rewind: symbol!(front, "ps_start_stream"),
                start: symbol!(front, "ps_start_utt"),
                process: symbol!(front, "ps_process_raw"),
                end: symbol!(front, "ps_end_utt"),
                text: symbol!(front, "ps_get_hyp"),
                segments: symbol!(front, "ps_seg_iter"),
                next: symbol!(front, "ps_seg_next"),
                word: symbol!(front, "ps_seg_word"),
                frames: symbol!(front, "ps_seg_frames"),
                free: symbol!(front, "ps_free"),
                _libraries: [front, base],
            };
            Ok(Recogniser { engine, decoder, used: false })
        }
    }

    pub fn begin(&mut self) -> Result<Utterance<'_>, Error> {
        // It gets used to a voice and a room; the next caller has others.
        // SAFETY: the decoder is alive; no configuration means the one that it has.
        if std::mem::replace(&mut self.used, true) && unsafe { (self.engine.renew)(self.decoder, null_mut()) } < 0 {
            return Err(Error::failed("the recogniser does not start again"));
        }
        // SAFETY: the decoder is alive, and no utterance is open: one borrows the recogniser.
        // Times count from the start of a stream.
        if unsafe { (self.engine.rewind)(self.decoder) < 0 || (self.engine.start)(self.decoder) < 0 } {
            return Err(Error::failed("the recogniser does not start"));
        }
        Ok(Utterance { of: self, converter: None, open: true, samples: 0 })
    }
}

impl Drop for Recogniser {
    fn drop(&mut self) {
        // SAFETY: made by `load`, freed once.
        unsafe { (self.engine.free)(self.decoder) };
    }
}

/// One stretch of speech, of which the recogniser hears part after part.
pub struct Utterance<'a> {
    of: &'a mut Recogniser,
    converter: Option<(u32, Converter)>,
    open: bool,
    samples: usize,
}

impl Utterance<'_> {
    pub fn hear(&mut self, mono: &[f32], rate: u32) -> Result<(), Error> {
        if rate == RATE {
            return self.process(mono);
        }
        if self.converter.as_ref().is_none_or(|(known, _)| *known != rate) {
            self.converter = Some((rate, Converter::new(rate, RATE)?));
        }
        let mut converted = Vec::new();
        if let Some((_, converter)) = &mut self.converter {
            converter.push(mono, &mut converted);
        }
        self.process(&converted)
    }

    fn process(&mut self, mono: &[f32]) -> Result<(), Error> {
        let samples: Vec<i16> = mono.iter().map(|sample| (sample * 32_767.0) as i16).collect();
        self.samples += samples.len();
        // SAFETY: the samples are alive for the call, which copies what it keeps.
        let heard = unsafe { (self.of.engine.process)(self.of.decoder, samples.as_ptr(), samples.len(), 0, 0) };
        if heard < 0 {
            return Err(Error::failed("the recogniser refused the sound"));
        }
        Ok(())
    }

    /// Seconds that were heard.
    pub fn seconds(&self) -> f64 {
        self.samples as f64 / f64::from(RATE)
    }

    pub fn text(&self) -> String {
        // SAFETY: the decoder is alive; its string is copied at once.
        text_of(unsafe { (self.of.engine.text)(self.of.decoder, null_mut()) })
    }

    /// Ends it: its text, and its words with their times.
    pub fn finish(mut self) -> Result<JsonObject, Error> {
        let mut rest = Vec::new();
        if let Some((_, converter)) = &mut self.converter {
            converter.finish(&mut rest);
        }
        self.process(&rest)?;
        self.close();
        let text = self.text();
        let mut words = Vec::new();
        // SAFETY: an iterator is used until `next` gives null, which frees it.
        unsafe {
            let mut segment = (self.of.engine.segments)(self.of.decoder);
            while !segment.is_null() {
                let (mut start, mut end) = (0, 0);
                (self.of.engine.frames)(segment, &mut start, &mut end);
                let word = text_of((self.of.engine.word)(segment));
                // Silence, noise, and which of several ways to say it.
                if !word.starts_with(['<', '[', '+']) {
                    let plain = word.split('(').next().unwrap_or_default();
                    let time = |frame: c_int| f64::from(frame) / 100.0;
                    words.push(
                        JsonObject::new().text("word", plain).number("start", time(start)).number("end", time(end + 1)),
                    );
                }
                segment = (self.of.engine.next)(segment);
            }
        }
        Ok(JsonObject::new()
            .text("text", &text)
            .boolean("final", true)
            .number("seconds", self.seconds())
            .objects("words", words))
    }

    fn close(&mut self) {
        if std::mem::take(&mut self.open) {
            // SAFETY: an utterance was begun and not ended.
            unsafe { (self.of.engine.end)(self.of.decoder) };
        }
    }
}

impl Drop for Utterance<'_> {
    fn drop(&mut self) {
        self.close();
    }
}
