//! The plugin: its settings and its capabilities.
#![deny(unsafe_code)]

mod blur;
mod codec;
mod color;
mod gpu;
mod pixels;
mod scale;
mod vision;
mod wide;
mod work;

use blur::Blurred;
use codec::{encode, Reader};
use lao_plugin::{AnyImage, Binary, Call, Config, Definition, Error, FileInput, Image, ImageOut, JsonObject, Param};
use pixels::{usual_order, Pixels, Turn, GRAY, GRAY_SPACE, SRGB};
use std::io::Read;
use work::{Threads, Work};

/// One instance: its settings, which never change, so that any number of calls may run at the same time.
struct Processor {
    max_pixels: u64,
    threads: Threads,
}

fn create(config: &Config) -> Result<Processor, Error> {
    let wanted = config.get::<i64>("threads") as usize;
    let threads = if wanted == 0 { config.threads() } else { config.threads().min(wanted) };
    Ok(Processor { max_pixels: config.get::<i64>("max_pixels") as u64, threads: Threads::new(threads)? })
}

impl Processor {
    fn work<'a>(&'a self, go_on: &'a dyn Fn() -> Result<(), Error>) -> Work<'a> {
        Work { threads: &self.threads, go_on }
    }
    fn check_size(&self, width: usize, height: usize) -> Result<(), Error> {
        if (width as u64).saturating_mul(height as u64) > self.max_pixels {
            return Err(Error::invalid_parameter(format!(
                "{width} x {height} are more pixels than `max_pixels` allows"
            )));
        }
        Ok(())
    }
}

fn one_channel<T: pixels::Pixel>(image: Image<T>) -> ImageOut {
    image.describe(GRAY, GRAY_SPACE).into()
}

/// A file, made at most `size` pixels on its longer side, in another format.
fn recoded(plugin: &Processor, bytes: &[u8], call: &Call) -> Result<Binary, Error> {
    let go_on = || call.check_cancelled();
    let mut image = Reader::open(bytes, plugin.max_pixels)?.pixels()?;
    let size = call.integer("size") as usize;
    if size > 0 && image.width.max(image.height) > size {
        let (width, height) = if image.width >= image.height { (size, 0) } else { (0, size) };
        let (width, height) = scale::size_of(width, height, (image.width, image.height))?;
        let mut data = vec![0; width * height * image.channels];
        scale::resize(&image, &mut data, (width, height), "lanczos", plugin.work(&go_on))?;
        image = Pixels::owned(data, height, width, image.channels);
    }
    encode(&image, call.text("format"), call.integer("quality") as u8, call.host(), plugin.work(&go_on))
}

fn convert(plugin: &Processor, file: FileInput, call: &Call) -> Result<Binary, Error> {
    let mut bytes = Vec::new();
    let most = plugin.max_pixels.saturating_mul(16).saturating_add(1 << 20);
    file.open()?.take(most).read_to_end(&mut bytes)?;
    recoded(plugin, &bytes, call)
}

fn decode(plugin: &Processor, bytes: &[u8], call: &Call) -> Result<ImageOut, Error> {
    let reader = Reader::open(bytes, plugin.max_pixels)?;
    let (head, (height, width)) = (reader.head, reader.head.size());
    let (order, space) = (usual_order(head.channels), if head.channels == 1 { GRAY_SPACE } else { SRGB });
    if head.sixteen {
        let mut image = Image::unfilled(call.host(), height, width, head.channels)?;
        reader.read_sixteen(image.as_mut_slice())?;
        return Ok(image.describe(order, space).into());
    }
    let mut image = Image::unfilled(call.host(), height, width, head.channels)?;
    reader.read(image.as_mut_slice())?;
    Ok(image.describe(order, space).into())
}

fn encode_image(plugin: &Processor, image: AnyImage, call: &Call) -> Result<Binary, Error> {
    if !image.is::<u8>() {
        return Err(Error::invalid_input("an image to be encoded has elements of uint8"));
    }
    let (pixels, go_on) = (Pixels::of(&image.view()?)?, || call.check_cancelled());
    encode(&pixels, call.text("format"), call.integer("quality") as u8, call.host(), plugin.work(&go_on))
}

fn resize(plugin: &Processor, image: AnyImage, call: &Call) -> Result<ImageOut, Error> {
    let (width, height, filter) =
        (call.integer("width") as usize, call.integer("height") as usize, call.text("filter"));
    with_pixels!(image, |pixels| {
        let (width, height) = scale::size_of(width, height, (pixels.width, pixels.height))?;
        plugin.check_size(width, height)?;
        let mut made = pixels.room(call.host(), height, width)?;
        let go_on = || call.check_cancelled();
        scale::resize(&pixels, made.as_mut_slice(), (width, height), filter, plugin.work(&go_on))?;
        Ok(pixels.answer(made))
    })
}

fn crop(_: &Processor, image: AnyImage, call: &Call) -> Result<ImageOut, Error> {
    let part = ["x", "y", "width", "height"].map(|name| call.integer(name) as usize);
    with_pixels!(image, |pixels| Ok(pixels.answer(pixels::crop(&pixels, part, call.host())?)))
}

fn rotate(_: &Processor, image: AnyImage, call: &Call) -> Result<ImageOut, Error> {
    let turn = Turn::quarters(call.text("degrees").parse::<usize>().unwrap_or(0) / 90);
    with_pixels!(image, |pixels| {
        let (height, width) = turn.size(pixels.height, pixels.width);
        let mut made = pixels.room(call.host(), height, width)?;
        turn.run(made.as_mut_slice(), &pixels.data, pixels.height, pixels.width, pixels.channels);
        Ok(pixels.answer(made))
    })
}

fn blur(plugin: &Processor, image: AnyImage, call: &Call) -> Result<ImageOut, Error> {
    let (sigma, go_on) = (call.number("sigma") as f32, || call.check_cancelled());
    with_pixels!(image, |pixels| {
        let mut made = pixels.room(call.host(), pixels.height, pixels.width)?;
        let mut told = JsonObject::new();
        let mut reason = None;
        if call.text("device") == "gpu" {
            let run = |gpu: &'static gpu::Gpu| {
                gpu.blur(&pixels, made.as_mut_slice(), &blur::weights(sigma)).map(|()| gpu.name.clone())
            };
            match gpu::find().and_then(run) {
                Ok(name) => return pixels.answer(made).metadata(&told.text("device", &name).finish()),
                Err(why) => reason = Some(why),
            }
        }
        Blurred::blur(&pixels, made.as_mut_slice(), sigma, plugin.work(&go_on))?;
        told = told.text("device", "cpu");
        if let Some(why) = reason {
            told = told.text("reason", &why);
        }
        pixels.answer(made).metadata(&told.finish())
    })
}

fn gray(plugin: &Processor, image: AnyImage, call: &Call) -> Result<ImageOut, Error> {
    let go_on = || call.check_cancelled();
    with_pixels!(image, |pixels| {
        let mut made = Image::unfilled(call.host(), pixels.height, pixels.width, 1)?;
        color::gray(&pixels, made.as_mut_slice(), plugin.work(&go_on))?;
        Ok(one_channel(made))
    })
}

fn color(plugin: &Processor, image: AnyImage, call: &Call) -> Result<ImageOut, Error> {
    let go_on = || call.check_cancelled();
    with_pixels!(image, |pixels| color::convert(&pixels, call.text("to"), call.host(), plugin.work(&go_on)))
}

fn edges(plugin: &Processor, image: AnyImage, call: &Call) -> Result<ImageOut, Error> {
    let go_on = || call.check_cancelled();
    with_pixels!(image, |pixels| {
        let mut made = Image::unfilled(call.host(), pixels.height, pixels.width, 1)?;
        vision::edges(&pixels, made.as_mut_slice(), plugin.work(&go_on))?;
        Ok(one_channel(made))
    })
}

fn corners(plugin: &Processor, image: AnyImage, call: &Call) -> Result<JsonObject, Error> {
    let (most, distance) = (call.integer("most") as usize, call.integer("distance") as usize);
    let go_on = || call.check_cancelled();
    with_pixels!(image, |pixels| {
        let found = vision::corners(&pixels, most, distance, plugin.work(&go_on))?;
        let corner = |one: vision::Corner| {
            JsonObject::new()
                .integer("x", one.x as i64)
                .integer("y", one.y as i64)
                .number("strength", f64::from(one.strength))
        };
        Ok(JsonObject::new().objects("corners", found.into_iter().map(corner)))
    })
}

fn define(plugin: &mut Definition<Processor>) {
    plugin.setting(
        Param::integer("max_pixels", 100_000_000)
            .range(1, 1_000_000_000)
            .help("Pixels that an image may have, also a result"),
    );
    plugin.setting(Param::integer("threads", 0).range(0, 1024).help("At most; 0: as many as there are processors"));
    let size = |name: &str, help: &str| Param::integer(name, 0).range(0, 1_000_000).help(help);
    let format = || Param::text("format", "png").one_of(&codec::FORMATS).help("How it is written; WebP without loss");
    let quality = || Param::integer("quality", 90).range(1, 100).help("Of JPEG");
    plugin
        .capability("thumbnail", "A smaller image, from file to file", recoded)
        .param(Param::integer("size", 256).range(0, 1_000_000).help("Pixels of the longer side, at most; 0: as it is"))
        .param(format())
        .param(quality())
        .idempotent();
    plugin
        .capability("convert", "Reads an image file and writes it in another format", convert)
        .param(Param::integer("size", 0).range(0, 1_000_000).help("Pixels of the longer side, at most; 0: as it is"))
        .param(format())
        .param(quality())
        .idempotent();
    plugin.capability("decode", "The pixels of a PNG, JPEG or WebP", decode).idempotent();
    plugin
        .capability("encode", "A PNG, JPEG or WebP of pixels", encode_image)
        .param(format())
        .param(quality())
        .idempotent();
    plugin
        .capability("resize", "Another size", resize)
        .param(size("width", "Pixels; 0: as the height has it"))
        .param(size("height", "Pixels; 0: as the width has it"))
        .param(Param::text("filter", "lanczos").one_of(&scale::FILTERS).help("How pixels are averaged"))
        .idempotent();
    plugin
        .capability("crop", "A part of it", crop)
        .param(size("x", "Its left edge"))
        .param(size("y", "Its upper edge"))
        .param(size("width", "Pixels"))
        .param(size("height", "Pixels"))
        .idempotent();
    plugin
        .capability("rotate", "Turned clockwise", rotate)
        .param(Param::text("degrees", "90").one_of(&["90", "180", "270"]).help("How far"))
        .idempotent();
    plugin
        .capability("blur", "Gaussian blur", blur)
        .param(Param::number("sigma", 3.0).range(0.1, 100.0).help("In pixels"))
        .param(
            Param::text("device", "cpu")
                .one_of(&["cpu", "gpu"])
                .help("Where; gpu: by OpenCL, or on the cpu where there is none"),
        )
        .idempotent();
    plugin.capability("gray", "Without its colours: the luma of ITU-R BT.601", gray).idempotent();
    plugin
        .capability("color", "Another order of channels, or another colour model", color)
        .param(Param::text("to", "rgb").one_of(&color::MODELS).help("What the channels become"))
        .idempotent();
    plugin.capability("edges", "The strength of its edges, by Sobel's gradient", edges).idempotent();
    plugin
        .capability("corners", "Where its corners are, by Harris's measure, the strongest first", corners)
        .param(Param::integer("most", 100).range(1, 10_000).help("How many"))
        .param(Param::integer("distance", 10).range(1, 10_000).help("Pixels between two of them, at least"))
        .idempotent();
}

// Name and version come from plugin.toml, which is embedded in the library.
lao_plugin::export! { plugin: Processor, create: create, define: define }
