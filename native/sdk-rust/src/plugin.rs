//! The plugin table, made from a type and its declared capabilities.

use crate::abi::*;
use crate::call::{Call, Sender};
use crate::config::Config;
use crate::error::{guard, Error, ErrorKind};
use crate::host::Host;
use crate::manifest::lookup;
use crate::param::{check, schema, Param};
use crate::tensor::{AudioView, Element, ImageView, TensorView};
use crate::value::{kind, Input, IntoOutput, JsonText, Output};
use std::any::Any;
use std::ffi::{c_char, c_void, CStr, CString};
use std::path::Path;
use std::sync::OnceLock;

/// Which calls the host may make at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Threads {
    /// One call at a time in the whole library.
    Unsafe = 0,
    /// One call at a time per instance.
    Instance = 1,
    /// Any number of calls, on any threads.
    Full = 2,
}

type Run<P> = Box<dyn Fn(&P, &Call<'_>) -> Result<Option<Output>, Error> + Send + Sync>;

struct Capability<P> {
    name: String,
    description: String,
    params: Vec<Param>,
    flags: u32,
    input_kind: u32,
    output_kind: u32,
    input_schema: Option<String>,
    output_schema: Option<String>,
    run: Run<P>,
}

/// How the state of an instance survives a hot reload.
pub trait State: Sized {
    /// Version of what `save` writes.
    const VERSION: u32;
    /// The state as bytes.
    fn save(&self) -> Result<Vec<u8>, Error>;
    /// Takes over what `save` wrote; on an error the instance stays as it was made.
    fn load(&self, state: &[u8]) -> Result<(), Error>;
}

/// The capabilities of a plugin, as they are added.
pub struct Definition<P> {
    threads: Threads,
    capabilities: Vec<Capability<P>>,
    state: Option<&'static RawStatePlugin>,
}

/// A capability that was just added.
pub struct Added<'a, P>(&'a mut Capability<P>);

impl<P> Added<'_, P> {
    /// Declares a parameter.
    pub fn param(self, param: Param) -> Self {
        self.0.params.push(param);
        self
    }
    /// Repeating a call that was interrupted does no harm.
    pub fn idempotent(self) -> Self {
        self.0.flags |= CAPABILITY_IDEMPOTENT;
        self
    }
    /// JSON Schema of the input.
    pub fn input_schema(self, json: &str) -> Self {
        self.0.input_schema = Some(json.into());
        self
    }
    /// JSON Schema of the output.
    pub fn output_schema(self, json: &str) -> Self {
        self.0.output_schema = Some(json.into());
        self
    }
}

impl<P: Send + Sync + 'static> Definition<P> {
    /// Says which calls may run at the same time; the default is `Threads::Full`, which the compiler has checked.
    pub fn threads(&mut self, threads: Threads) {
        self.threads = threads;
    }

    /// Adds a capability: a function `(&P, input, &Call) -> Result<output, Error>`, whose types say what it takes and gives.
    pub fn capability<M, H: Handler<P, M>>(&mut self, name: &str, description: &str, function: H) -> Added<'_, P> {
        let run: Run<P> = Box::new(move |plugin, call| function.run(plugin, call).map(Some));
        self.add(name, description, H::INPUT, H::OUTPUT, 0, run)
    }

    /// Adds a capability that gives its result in parts:
    /// a function `(&P, input, &Call, &mut Sender<part>) -> Result<(), Error>`.
    pub fn stream<M, H: StreamHandler<P, M>>(&mut self, name: &str, description: &str, function: H) -> Added<'_, P> {
        let run: Run<P> = Box::new(move |plugin, call| function.run(plugin, call).map(|()| None));
        self.add(name, description, H::INPUT, H::OUTPUT, CAPABILITY_STREAMS_OUT, run)
    }

    fn add(&mut self, name: &str, description: &str, input: u32, output: u32, flags: u32, run: Run<P>) -> Added<'_, P> {
        self.capabilities.push(Capability {
            name: name.into(),
            description: description.into(),
            params: Vec::new(),
            flags,
            input_kind: input,
            output_kind: output,
            input_schema: None,
            output_schema: None,
            run,
        });
        Added(self.capabilities.last_mut().expect("it was just added"))
    }

    /// Hands the state over on hot reload.
    pub fn state(&mut self)
    where
        P: State,
    {
        self.state = Some(Box::leak(Box::new(RawStatePlugin {
            struct_size: std::mem::size_of::<RawStatePlugin>() as u32,
            state_version: P::VERSION,
            save: save::<P>,
            load: load::<P>,
        })));
    }
}

/// A function that can be a capability. `M` only tells the shapes of functions apart.
pub trait Handler<P, M>: Send + Sync + 'static {
    #[doc(hidden)]
    const INPUT: u32;
    #[doc(hidden)]
    const OUTPUT: u32;
    #[doc(hidden)]
    fn run(&self, plugin: &P, call: &Call<'_>) -> Result<Output, Error>;
}

/// A function that can be a streaming capability.
pub trait StreamHandler<P, M>: Send + Sync + 'static {
    #[doc(hidden)]
    const INPUT: u32;
    #[doc(hidden)]
    const OUTPUT: u32;
    #[doc(hidden)]
    fn run(&self, plugin: &P, call: &Call<'_>) -> Result<(), Error>;
}

/// Tells the input types of functions apart.
#[doc(hidden)]
pub mod marker {
    use std::marker::PhantomData;
    pub struct Text;
    pub struct Document;
    pub struct Bytes;
    pub struct File;
    pub struct Anything;
    pub struct Nothing;
    pub struct Tensor<T>(PhantomData<T>);
    pub struct Image<T>(PhantomData<T>);
    pub struct Audio<T>(PhantomData<T>);
}

macro_rules! handlers {
    ($($marker:ty, $input:ty, $kind:expr, [$($generic:ident)?], $read:expr;)*) => {$(
        impl<P, R, F $(, $generic: Element)?> Handler<P, ($marker, R)> for F
        where
            R: IntoOutput,
            F: for<'a> Fn(&P, $input, &Call<'a>) -> Result<R, Error> + Send + Sync + 'static,
        {
            const INPUT: u32 = $kind;
            const OUTPUT: u32 = R::KIND;
            fn run(&self, plugin: &P, call: &Call<'_>) -> Result<Output, Error> {
                let input = call.input($kind)?;
                #[allow(clippy::redundant_closure_call)]
                self(plugin, $read(input)?, call)?.into_output(call.host())
            }
        }

        impl<P, R, F $(, $generic: Element)?> StreamHandler<P, ($marker, R)> for F
        where
            R: IntoOutput,
            F: for<'a> Fn(&P, $input, &Call<'a>, &mut Sender<'a, R>) -> Result<(), Error> + Send + Sync + 'static,
        {
            const INPUT: u32 = $kind;
            const OUTPUT: u32 = R::KIND;
            fn run(&self, plugin: &P, call: &Call<'_>) -> Result<(), Error> {
                let input = call.input($kind)?;
                #[allow(clippy::redundant_closure_call)]
                self(plugin, $read(input)?, call, &mut Sender::new(call)?)
            }
        }
    )*};
}

handlers! {
    marker::Text, &str, kind::TEXT, [], text;
    marker::Document, JsonText<'_>, kind::JSON, [], json;
    marker::Bytes, &[u8], kind::BINARY, [], bytes;
    marker::File, &Path, kind::FILE, [], file;
    marker::Anything, Input<'_>, kind::ANY, [], present;
    marker::Nothing, (), kind::NONE, [], nothing;
    marker::Tensor<T>, TensorView<'_, T>, kind::TENSOR, [T], tensor;
    marker::Image<T>, ImageView<'_, T>, kind::IMAGE, [T], image;
    marker::Audio<T>, AudioView<'_, T>, kind::AUDIO, [T], audio;
}

fn present(input: Option<Input<'_>>) -> Result<Input<'_>, Error> {
    input.ok_or_else(|| Error::invalid_input("this capability takes one input"))
}
fn text(input: Option<Input<'_>>) -> Result<&str, Error> {
    present(input)?.text()
}
fn json(input: Option<Input<'_>>) -> Result<JsonText<'_>, Error> {
    present(input)?.json()
}
fn bytes(input: Option<Input<'_>>) -> Result<&[u8], Error> {
    present(input)?.expect(kind::BINARY).map(|()| input.map_or(&[][..], |input| input.bytes()))
}
fn file(input: Option<Input<'_>>) -> Result<&Path, Error> {
    present(input)?.path()
}
fn nothing(_: Option<Input<'_>>) -> Result<(), Error> {
    Ok(())
}
fn tensor<T: Element>(input: Option<Input<'_>>) -> Result<TensorView<'_, T>, Error> {
    let input = present(input)?;
    input.expect(kind::TENSOR)?;
    input.tensor()
}
fn image<T: Element>(input: Option<Input<'_>>) -> Result<ImageView<'_, T>, Error> {
    present(input)?.image()
}
fn audio<T: Element>(input: Option<Input<'_>>) -> Result<AudioView<'_, T>, Error> {
    present(input)?.audio()
}

// --- The C tables ---

/// Everything that lives until the process ends.
struct Table<P> {
    host: Host,
    capabilities: Vec<Capability<P>>,
    create: fn(&Config) -> Result<P, Error>,
}

/// One instance; its address is the ABI's instance handle.
struct Instance<P: 'static> {
    plugin: P,
    table: &'static Table<P>,
}

/// The table of this library. A library holds one plugin, and its own copy of this crate.
static TABLE: OnceLock<&'static (dyn Any + Send + Sync)> = OnceLock::new();
static STATE: OnceLock<Option<&'static RawStatePlugin>> = OnceLock::new();
static PLUGIN: OnceLock<&'static RawPlugin> = OnceLock::new();

// Its pointers lead to leaked, immutable data.
unsafe impl Send for RawPlugin {}
unsafe impl Sync for RawPlugin {}
unsafe impl Sync for RawStatePlugin {}

/// What `lao_plugin_entry` does: makes the table on the first call. Null when the host speaks another ABI, or when the
/// definition fails.
///
/// # Safety
/// `host` is null or the host's table.
#[doc(hidden)]
pub unsafe fn enter<P: Send + Sync + 'static>(
    host: *const RawHost,
    manifest: &'static [u8],
    create: fn(&Config) -> Result<P, Error>,
    define: fn(&mut Definition<P>),
) -> *const RawPlugin {
    if host.is_null() || (*host).abi_version >> 16 != ABI_VERSION >> 16 {
        return std::ptr::null();
    }
    let host = Host::new(host);
    let made = std::panic::catch_unwind(|| *PLUGIN.get_or_init(|| build(host, manifest, create, define)));
    match made {
        Ok(plugin) => plugin,
        Err(_) => {
            host.error("the plugin cannot be set up: its definition panicked");
            std::ptr::null()
        }
    }
}

/// A string of the ABI that is never freed.
fn leaked(text: &str) -> *const c_char {
    let text = CString::new(text).unwrap_or_else(|_| panic!("{text:?} contains a NUL character"));
    text.into_raw().cast_const()
}

fn leaked_or_null(text: Option<&str>) -> *const c_char {
    text.map_or(std::ptr::null(), leaked)
}

fn build<P: Send + Sync + 'static>(
    host: Host,
    manifest: &'static [u8],
    create: fn(&Config) -> Result<P, Error>,
    define: fn(&mut Definition<P>),
) -> &'static RawPlugin {
    let manifest = std::str::from_utf8(manifest).expect("plugin.toml is UTF-8");
    let mut definition = Definition { threads: Threads::Full, capabilities: Vec::new(), state: None };
    define(&mut definition);
    let raw: Vec<*const RawCapability> = definition.capabilities.iter().map(raw_capability).collect();
    let plugin = Box::leak(Box::new(RawPlugin {
        struct_size: std::mem::size_of::<RawPlugin>() as u32,
        abi_version: ABI_VERSION,
        name: leaked(lookup(manifest, "name").expect("plugin.toml has a name")),
        version: leaked(lookup(manifest, "version").expect("plugin.toml has a version")),
        description: std::ptr::null(),
        thread_role: definition.threads as u32,
        capability_count: raw.len() as u32,
        capabilities: Vec::leak(raw).as_ptr(),
        create: create_instance::<P>,
        destroy: destroy_instance::<P>,
        call: call_instance::<P>,
        get_extension: Some(get_extension),
        shutdown: None,
        config_schema: std::ptr::null(),
        events: std::ptr::null(),
        event_count: 0,
        reserved: 0,
    }));
    let table: &'static Table<P> = Box::leak(Box::new(Table { host, capabilities: definition.capabilities, create }));
    let _ = TABLE.set(table);
    let _ = STATE.set(definition.state);
    plugin
}

fn raw_capability<P>(capability: &Capability<P>) -> *const RawCapability {
    Box::leak(Box::new(RawCapability {
        struct_size: std::mem::size_of::<RawCapability>() as u32,
        flags: capability.flags,
        name: leaked(&capability.name),
        description: leaked(&capability.description),
        input_kind: capability.input_kind,
        output_kind: capability.output_kind,
        input_schema: leaked_or_null(capability.input_schema.as_deref()),
        output_schema: leaked_or_null(capability.output_schema.as_deref()),
        params_schema: leaked(&schema(&capability.params)),
        max_batch: 0,
        reserved: 0,
    }))
}

unsafe extern "C" fn create_instance<P: Send + Sync + 'static>(
    host: *const RawHost,
    config: *const RawConfig,
    instance: *mut *mut Opaque,
    error: *mut RawError,
) -> Status {
    guard(error, || {
        let table = TABLE.get().and_then(|table| table.downcast_ref::<Table<P>>());
        let table = table.ok_or_else(|| Error::failed("the library was not entered"))?;
        let config = Config::new(Host::new(host), &*config)?;
        let made = Box::new(Instance { plugin: (table.create)(&config)?, table });
        *instance = Box::into_raw(made).cast();
        Ok(())
    })
}

unsafe extern "C" fn destroy_instance<P: 'static>(instance: *mut Opaque) {
    guard(std::ptr::null_mut(), || {
        drop(Box::from_raw(instance.cast::<Instance<P>>()));
        Ok(())
    });
}

unsafe extern "C" fn call_instance<P: 'static>(
    instance: *mut Opaque,
    request: *const RawRequest,
    response: *mut RawResponse,
    error: *mut RawError,
) -> Status {
    guard(error, || {
        let Instance { plugin, table } = &*instance.cast::<Instance<P>>();
        let capability = table
            .capabilities
            .get((*request).capability as usize)
            .ok_or_else(|| Error::new(ErrorKind::UnknownCapability, "the plugin has no such capability"))?;
        check(&capability.params, &*request)?;
        let call = Call::new(table.host, &*request, &capability.params);
        if let Some(output) = (capability.run)(plugin, &call)? {
            output.give(*(*response).outputs);
            (*response).output_count = 1;
        }
        Ok(())
    })
}

unsafe extern "C" fn get_extension(id: *const c_char) -> *const c_void {
    if !id.is_null() && CStr::from_ptr(id).to_bytes() == b"lao.state/1" {
        if let Some(Some(state)) = STATE.get() {
            return (*state as *const RawStatePlugin).cast();
        }
    }
    std::ptr::null()
}

unsafe extern "C" fn save<P: State + 'static>(
    instance: *mut Opaque,
    to: *mut RawValue,
    error: *mut RawError,
) -> Status {
    guard(error, || {
        let Instance { plugin, table } = &*instance.cast::<Instance<P>>();
        Output::copy(table.host, kind::BINARY, &plugin.save()?)?.give(to);
        Ok(())
    })
}

unsafe extern "C" fn load<P: State + 'static>(
    instance: *mut Opaque,
    data: *const c_void,
    size: u64,
    state_version: u32,
    error: *mut RawError,
) -> Status {
    guard(error, || {
        if state_version != P::VERSION {
            return Err(Error::invalid_input(format!("the state is of version {state_version}, not {}", P::VERSION)));
        }
        let bytes = if size == 0 { &[] } else { std::slice::from_raw_parts(data.cast::<u8>(), size as usize) };
        (*instance.cast::<Instance<P>>()).plugin.load(bytes)
    })
}

/// Makes the crate a plugin. Once per crate; the crate's type is `cdylib`.
///
/// - `plugin`: the type of an instance. It is shared between threads, so it is `Send + Sync`.
/// - `create`: makes one from its configuration, `fn(&Config) -> Result<P, Error>`.
/// - `define`: adds the capabilities, `fn(&mut Definition<P>)`.
/// - `manifest`: optional path of the manifest, from this source file; otherwise the crate's `plugin.toml`.
///
/// ```
/// use lao_plugin::{Call, Config, Definition, Error, Param};
///
/// struct Shout;
///
/// fn process(_: &Shout, text: &str, call: &Call) -> Result<String, Error> {
///     Ok(format!("{text}{}", "!".repeat(call.integer("marks") as usize)))
/// }
///
/// fn create(_: &Config) -> Result<Shout, Error> {
///     Ok(Shout)
/// }
///
/// fn define(plugin: &mut Definition<Shout>) {
///     plugin
///         .capability("process", "Adds exclamation marks", process)
///         .param(Param::integer("marks", 1).range(0, 100).help("How many"));
/// }
/// lao_plugin::export! { plugin: Shout, create: create, define: define, manifest: TEXT b"name='shout'\nversion='1.0.0'" }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export {
    (plugin: $plugin:ty, create: $create:expr, define: $define:expr $(,)?) => {
        $crate::export! { plugin: $plugin, create: $create, define: $define,
        manifest: TEXT include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/plugin.toml")) }
    };
    (plugin: $plugin:ty, create: $create:expr, define: $define:expr, manifest: $path:literal $(,)?) => {
        $crate::export! { plugin: $plugin, create: $create, define: $define, manifest: TEXT include_bytes!($path) }
    };
    (plugin: $plugin:ty, create: $create:expr, define: $define:expr, manifest: TEXT $text:expr $(,)?) => {
        const _: () = {
            const LAO_MANIFEST: &[u8] = $text;

            #[allow(unsafe_code, non_upper_case_globals)]
            #[no_mangle]
            #[used]
            static lao_plugin_manifest: [u8; LAO_MANIFEST.len() + 1] =
                $crate::manifest::with_nul::<{ LAO_MANIFEST.len() + 1 }>(LAO_MANIFEST);

            #[allow(unsafe_code)]
            #[no_mangle]
            unsafe extern "C" fn lao_plugin_entry(host: *const $crate::abi::RawHost) -> *const $crate::abi::RawPlugin {
                $crate::enter::<$plugin>(host, LAO_MANIFEST, $create, $define)
            }
        };
    };
}
