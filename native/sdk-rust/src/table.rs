//! The C tables behind a definition.

use crate::abi::*;
use crate::call::Call;
use crate::config::Config;
use crate::error::{guard, report, Error, ErrorKind};
use crate::host::Host;
use crate::manifest::lookup;
use crate::param::{check, schema, Param};
use crate::plugin::{Capability, Definition, Event, Run, State};
use crate::value::{kind, Output};
use std::any::Any;
use std::ffi::{c_char, c_void, CStr, CString};
use std::sync::OnceLock;

/// Everything that lives until the process ends.
struct Table<P: 'static> {
    definition: Definition<P>,
    create: fn(&Config) -> Result<P, Error>,
}

/// One instance; its address is the ABI's instance handle.
struct Instance<P: 'static> {
    plugin: P,
    table: &'static Table<P>,
    host: Host, // which speaks for this instance
}

pub(crate) type StateTable = RawStatePlugin;

/// What the library offers by id.
#[derive(Default)]
struct Extensions {
    state: Option<RawStatePlugin>,
    batch: Option<RawBatchPlugin>,
    events: Option<RawEventsPlugin>,
    lifecycle: Option<RawLifecyclePlugin>,
}

/// The table of this library. A library holds one plugin, and its own copy of this crate.
static TABLE: OnceLock<&'static (dyn Any + Send + Sync)> = OnceLock::new();
static EXTENSIONS: OnceLock<Extensions> = OnceLock::new();
static PLUGIN: OnceLock<&'static RawPlugin> = OnceLock::new();
static SHUTDOWN: OnceLock<fn()> = OnceLock::new();

// Its pointers lead to leaked, immutable data.
unsafe impl Send for RawPlugin {}
unsafe impl Sync for RawPlugin {}

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
    let made = std::panic::catch_unwind(|| *PLUGIN.get_or_init(|| build(manifest, create, define)));
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
    text.filter(|text| !text.is_empty()).map_or(std::ptr::null(), leaked)
}

fn size_of<T>() -> u32 {
    std::mem::size_of::<T>() as u32
}

fn build<P: Send + Sync + 'static>(
    manifest: &'static [u8],
    create: fn(&Config) -> Result<P, Error>,
    define: fn(&mut Definition<P>),
) -> &'static RawPlugin {
    let manifest = std::str::from_utf8(manifest).expect("plugin.toml is UTF-8");
    let mut definition = Definition::new();
    define(&mut definition);
    let capabilities: Vec<*const RawCapability> = definition.capabilities.iter().map(raw_capability).collect();
    let events: Vec<*const RawDeclaredEvent> = definition
        .events
        .iter()
        .map(|event| {
            &*Box::leak(Box::new(RawDeclaredEvent {
                struct_size: size_of::<RawDeclaredEvent>(),
                reserved: 0,
                name: leaked(&event.name),
                description: leaked_or_null(Some(&event.description)),
                data_schema: leaked(&schema(&event.fields, false)),
            })) as *const RawDeclaredEvent
        })
        .collect();
    let settings = (!definition.settings.is_empty()).then(|| schema(&definition.settings, true));
    let plugin = Box::leak(Box::new(RawPlugin {
        struct_size: size_of::<RawPlugin>(),
        abi_version: ABI_VERSION,
        name: leaked(lookup(manifest, "name").expect("plugin.toml has a name")),
        version: leaked(lookup(manifest, "version").expect("plugin.toml has a version")),
        description: leaked_or_null(Some(&definition.description)),
        thread_role: definition.threads as u32,
        capability_count: capabilities.len() as u32,
        capabilities: Vec::leak(capabilities).as_ptr(),
        create: create_instance::<P>,
        destroy: destroy_instance::<P>,
        call: call_instance::<P>,
        get_extension: Some(get_extension),
        shutdown: definition.on_shutdown.map(|_| shutdown as unsafe extern "C" fn()),
        config_schema: leaked_or_null(settings.as_deref()),
        event_count: events.len() as u32,
        events: Vec::leak(events).as_ptr(),
        reserved: 0,
    }));
    if let Some(function) = definition.on_shutdown {
        let _ = SHUTDOWN.set(function);
    }
    let _ = EXTENSIONS.set(extensions(&mut definition));
    let table: &'static Table<P> = Box::leak(Box::new(Table { definition, create }));
    let _ = TABLE.set(table);
    plugin
}

fn raw_capability<P>(capability: &Capability<P>) -> *const RawCapability {
    Box::leak(Box::new(RawCapability {
        struct_size: size_of::<RawCapability>(),
        flags: capability.flags,
        name: leaked(&capability.name),
        description: leaked(&capability.description),
        input_kind: capability.input_kind,
        output_kind: capability.output_kind,
        input_schema: leaked_or_null(capability.input_schema.as_deref()),
        output_schema: leaked_or_null(capability.output_schema.as_deref()),
        params_schema: leaked(&schema(&capability.params, false)),
        max_batch: capability.max_batch,
        reserved: 0,
    }))
}

fn extensions<P: Send + Sync + 'static>(definition: &mut Definition<P>) -> Extensions {
    let batches = definition.capabilities.iter().any(|capability| capability.max_batch > 1);
    let lives = definition.on_configure.is_some() || definition.on_health.is_some();
    Extensions {
        state: definition.state.take(),
        batch: batches.then(|| RawBatchPlugin {
            struct_size: size_of::<RawBatchPlugin>(),
            reserved: 0,
            call_batch: call_batch::<P>,
        }),
        events: definition.on_event.map(|_| RawEventsPlugin {
            struct_size: size_of::<RawEventsPlugin>(),
            reserved: 0,
            on_event: on_event::<P>,
        }),
        lifecycle: lives.then(|| RawLifecyclePlugin {
            struct_size: size_of::<RawLifecyclePlugin>(),
            reserved: 0,
            configure: configure::<P>,
            health: health::<P>,
        }),
    }
}

unsafe extern "C" fn get_extension(id: *const c_char) -> *const c_void {
    fn at<T>(table: Option<&'static T>) -> *const c_void {
        table.map_or(std::ptr::null(), |table| (table as *const T).cast())
    }
    let Some(extensions) = EXTENSIONS.get().filter(|_| !id.is_null()) else { return std::ptr::null() };
    match CStr::from_ptr(id).to_bytes() {
        b"lao.state/1" => at(extensions.state.as_ref()),
        b"lao.batch/1" => at(extensions.batch.as_ref()),
        b"lao.events/1" => at(extensions.events.as_ref()),
        b"lao.lifecycle/1" => at(extensions.lifecycle.as_ref()),
        _ => std::ptr::null(),
    }
}

unsafe extern "C" fn shutdown() {
    guard(std::ptr::null_mut(), || {
        SHUTDOWN.get().iter().for_each(|function| function());
        Ok(())
    });
}

// --- Instances and calls ---

unsafe extern "C" fn create_instance<P: Send + Sync + 'static>(
    host: *const RawHost,
    config: *const RawConfig,
    instance: *mut *mut Opaque,
    error: *mut RawError,
) -> Status {
    guard(error, || {
        let table = TABLE.get().and_then(|table| table.downcast_ref::<Table<P>>());
        let table = table.ok_or_else(|| Error::failed("the library was not entered"))?;
        let host = Host::new(host);
        let config = Config::new(host, &*config, &table.definition.settings)?;
        let made = Box::new(Instance { plugin: (table.create)(&config)?, table, host });
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

impl<P> Instance<P> {
    /// The capability that a request asks for, and the call; its parameters are checked.
    unsafe fn wanted<'a>(&self, request: &'a RawRequest) -> Result<(&'static Capability<P>, Call<'a>), Error>
    where
        P: 'static,
    {
        let capabilities = &self.table.definition.capabilities;
        let capability = capabilities
            .get(request.capability as usize)
            .ok_or_else(|| Error::new(ErrorKind::UnknownCapability, "the plugin has no such capability"))?;
        let params: &'static [Param] = &capability.params;
        check(params, request)?;
        Ok((capability, Call::new(self.host, request, params)))
    }
}

unsafe fn answer(output: Output, response: *mut RawResponse) {
    output.give(*(*response).outputs);
    (*response).output_count = 1;
}

unsafe extern "C" fn call_instance<P: 'static>(
    instance: *mut Opaque,
    request: *const RawRequest,
    response: *mut RawResponse,
    error: *mut RawError,
) -> Status {
    guard(error, || {
        let instance = &*instance.cast::<Instance<P>>();
        let (capability, call) = instance.wanted(&*request)?;
        let output = match &capability.run {
            Run::One(run) => run(&instance.plugin, &call)?,
            Run::Batch(run) => run(&instance.plugin, &[call]).pop().transpose()?,
        };
        if let Some(output) = output {
            answer(output, response);
        }
        Ok(())
    })
}

unsafe extern "C" fn call_batch<P: 'static>(
    instance: *mut Opaque,
    count: u32,
    requests: *const *const RawRequest,
    responses: *const *mut RawResponse,
    errors: *const *mut RawError,
    statuses: *mut Status,
) {
    let instance = &*instance.cast::<Instance<P>>();
    let mut first: Option<&'static Capability<P>> = None;
    let (mut calls, mut places) = (Vec::new(), Vec::new());
    for place in 0..count as usize {
        *statuses.add(place) = guard(*errors.add(place), || {
            let (capability, call) = instance.wanted(&**requests.add(place))?;
            let same = first.map_or(true, |known| std::ptr::eq(known, capability));
            if !same || matches!(capability.run, Run::One(_)) {
                return Err(Error::invalid_input("a batch is of one capability, which takes batches"));
            }
            first = Some(capability);
            calls.push(call);
            places.push(place);
            Ok(())
        });
    }
    let Some(Capability { run: Run::Batch(run), .. }) = first else { return };
    let mut answers = Vec::new().into_iter();
    let mut text = [0u8; 1024];
    let mut said = RawError {
        struct_size: size_of::<RawError>(),
        text_capacity: text.len() as u32,
        text_size: 0,
        reserved: 0,
        text: text.as_mut_ptr().cast(),
    };
    let status = guard(&mut said, || {
        answers = run(&instance.plugin, &calls).into_iter();
        Ok(())
    });
    let reason = String::from_utf8_lossy(&text[..said.text_size as usize]);
    for place in places {
        let error = *errors.add(place);
        *statuses.add(place) = match answers.next() {
            Some(result) => guard(error, || result.map(|output| answer(output, *responses.add(place)))),
            None if status != OK => report(error, status, &reason),
            None => report(error, FAILED, "the plugin gave no answer to this request"),
        };
    }
}

// --- Extensions ---

pub(crate) fn state_table<P: State + 'static>() -> StateTable {
    RawStatePlugin {
        struct_size: size_of::<RawStatePlugin>(),
        state_version: P::VERSION,
        save: save::<P>,
        load: load::<P>,
    }
}

unsafe extern "C" fn save<P: State + 'static>(
    instance: *mut Opaque,
    to: *mut RawValue,
    error: *mut RawError,
) -> Status {
    guard(error, || {
        let instance = &*instance.cast::<Instance<P>>();
        Output::copy(instance.host, kind::BINARY, &instance.plugin.save()?)?.give(to);
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

unsafe extern "C" fn configure<P: 'static>(
    instance: *mut Opaque,
    config: *const RawConfig,
    error: *mut RawError,
) -> Status {
    guard(error, || {
        let Instance { plugin, table, host } = &*instance.cast::<Instance<P>>();
        match table.definition.on_configure {
            Some(function) => function(plugin, &Config::new(*host, &*config, &table.definition.settings)?),
            None => Err(Error::unsupported("the plugin cannot change its configuration while it runs")),
        }
    })
}

unsafe extern "C" fn health<P: 'static>(instance: *mut Opaque, error: *mut RawError) -> Status {
    guard(error, || {
        let Instance { plugin, table, .. } = &*instance.cast::<Instance<P>>();
        table.definition.on_health.map_or(Ok(()), |function| function(plugin))
    })
}

unsafe extern "C" fn on_event<P: 'static>(
    instance: *mut Opaque,
    callback: *const c_char,
    name: *const c_char,
    json: *const c_char,
    json_size: u64,
    error: *mut RawError,
) -> Status {
    unsafe fn text<'a>(at: *const c_char) -> Result<&'a str, Error> {
        if at.is_null() {
            return Ok("");
        }
        Ok(CStr::from_ptr(at).to_str()?)
    }
    guard(error, || {
        let Instance { plugin, table, .. } = &*instance.cast::<Instance<P>>();
        let json = std::str::from_utf8(std::slice::from_raw_parts(json.cast::<u8>(), json_size as usize))?;
        let event = Event { callback: text(callback)?, name: text(name)?, json };
        table.definition.on_event.map_or(Ok(()), |function| function(plugin, &event))
    })
}
