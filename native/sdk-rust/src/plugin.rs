//! What a plugin is declared to be.

use crate::abi::{CAPABILITY_IDEMPOTENT, CAPABILITY_STREAMS_OUT};
use crate::call::Call;
use crate::config::Config;
use crate::error::Error;
use crate::handler::{BatchHandler, Handler, StreamHandler};
use crate::param::Param;
use crate::table::{state_table, StateTable};
use crate::value::Output;

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

pub(crate) type RunOne<P> = Box<dyn Fn(&P, &Call<'_>) -> Result<Option<Output>, Error> + Send + Sync>;
pub(crate) type RunBatch<P> = Box<dyn Fn(&P, &[Call<'_>]) -> Vec<Result<Output, Error>> + Send + Sync>;

pub(crate) enum Run<P> {
    One(RunOne<P>),
    Batch(RunBatch<P>),
}

pub(crate) struct Capability<P> {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) params: Vec<Param>,
    pub(crate) flags: u32,
    pub(crate) input_kind: u32,
    pub(crate) output_kind: u32,
    pub(crate) max_batch: u32,
    pub(crate) input_schema: Option<String>,
    pub(crate) output_schema: Option<String>,
    pub(crate) run: Run<P>,
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

/// An event that the host delivers to an instance.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Which of the plugin's callbacks it was subscribed for.
    pub callback: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its data.
    pub json: &'a str,
}

pub(crate) struct DeclaredEvent {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) fields: Vec<Param>,
}

#[doc(hidden)]
pub type OnConfigure<P> = fn(&P, &Config) -> Result<(), Error>;
#[doc(hidden)]
pub type OnHealth<P> = fn(&P) -> Result<(), Error>;
#[doc(hidden)]
pub type OnEvent<P> = fn(&P, &Event<'_>) -> Result<(), Error>;

/// A plugin, as it is declared.
pub struct Definition<P> {
    pub(crate) description: String,
    pub(crate) threads: Threads,
    pub(crate) capabilities: Vec<Capability<P>>,
    pub(crate) settings: Vec<Param>,
    pub(crate) events: Vec<DeclaredEvent>,
    pub(crate) state: Option<StateTable>,
    pub(crate) on_configure: Option<OnConfigure<P>>,
    pub(crate) on_health: Option<OnHealth<P>>,
    pub(crate) on_event: Option<OnEvent<P>>,
    pub(crate) on_shutdown: Option<fn()>,
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
    /// Declares the members of its JSON input.
    pub fn input_fields(self, fields: &[Param]) -> Self {
        self.0.input_schema = Some(crate::param::schema(fields, true));
        self
    }
    /// Declares the members of its JSON output.
    pub fn output_fields(self, fields: &[Param]) -> Self {
        self.0.output_schema = Some(crate::param::schema(fields, true));
        self
    }
    /// JSON Schema of the input, for what fields cannot say.
    pub fn input_schema(self, json: &str) -> Self {
        self.0.input_schema = Some(json.into());
        self
    }
    /// JSON Schema of the output, for what fields cannot say.
    pub fn output_schema(self, json: &str) -> Self {
        self.0.output_schema = Some(json.into());
        self
    }
}

/// An event that was just declared.
pub struct AddedEvent<'a>(&'a mut DeclaredEvent);

impl AddedEvent<'_> {
    /// Declares a field of its data.
    pub fn field(self, field: Param) -> Self {
        self.0.fields.push(field);
        self
    }
}

impl<P: Send + Sync + 'static> Definition<P> {
    pub(crate) fn new() -> Definition<P> {
        Definition {
            description: String::new(),
            threads: Threads::Full,
            capabilities: Vec::new(),
            settings: Vec::new(),
            events: Vec::new(),
            state: None,
            on_configure: None,
            on_health: None,
            on_event: None,
            on_shutdown: None,
        }
    }

    /// One line for people.
    pub fn description(&mut self, text: &str) {
        self.description = text.into();
    }

    /// Says which calls may run at the same time; the default is `Threads::Full`, which the compiler has checked.
    pub fn threads(&mut self, threads: Threads) {
        self.threads = threads;
    }

    /// Declares a setting, which is checked before an instance sees it; read it with `Config::get`.
    pub fn setting(&mut self, setting: Param) {
        self.settings.push(setting);
    }

    /// Declares an event that the plugin emits.
    pub fn event(&mut self, name: &str, description: &str) -> AddedEvent<'_> {
        self.events.push(DeclaredEvent { name: name.into(), description: description.into(), fields: Vec::new() });
        AddedEvent(self.events.last_mut().expect("it was just added"))
    }

    /// Adds a capability: a function `(&P, input, &Call) -> Result<output, Error>`, whose types say what it takes and gives.
    /// With `&mut Receiver<part>` as the input it takes its input in parts.
    pub fn capability<M, H: Handler<P, M>>(&mut self, name: &str, description: &str, function: H) -> Added<'_, P> {
        let run: RunOne<P> = Box::new(move |plugin, call| function.run(plugin, call).map(Some));
        self.add(name, description, (H::INPUT, H::OUTPUT, H::FLAGS), Run::One(run))
    }

    /// Adds a capability that gives its result in parts:
    /// a function `(&P, input, &Call, &mut Sender<part>) -> Result<(), Error>`.
    pub fn stream<M, H: StreamHandler<P, M>>(&mut self, name: &str, description: &str, function: H) -> Added<'_, P> {
        let run: RunOne<P> = Box::new(move |plugin, call| function.run(plugin, call).map(|()| None));
        self.add(name, description, (H::INPUT, H::OUTPUT, H::FLAGS | CAPABILITY_STREAMS_OUT), Run::One(run))
    }

    /// Adds a capability that takes up to `most` requests at once: a function
    /// `(&P, &[input], &[Call]) -> Result<Vec<Result<output, Error>>, Error>`, with one answer for each. Requests with
    /// unsuitable inputs were refused before.
    pub fn batch<M, H: BatchHandler<P, M>>(
        &mut self,
        name: &str,
        description: &str,
        most: u32,
        function: H,
    ) -> Added<'_, P> {
        let run: RunBatch<P> = Box::new(move |plugin, calls| function.run(plugin, calls));
        let added = self.add(name, description, (H::INPUT, H::OUTPUT, 0), Run::Batch(run));
        added.0.max_batch = most;
        added
    }

    fn add(
        &mut self,
        name: &str,
        description: &str,
        (input, output, flags): (u32, u32, u32),
        run: Run<P>,
    ) -> Added<'_, P> {
        self.capabilities.push(Capability {
            name: name.into(),
            description: description.into(),
            params: Vec::new(),
            flags,
            input_kind: input,
            output_kind: output,
            max_batch: 0,
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
        self.state = Some(state_table::<P>());
    }

    /// Takes new settings while it lives; on an error the old ones stay.
    pub fn on_configure(&mut self, function: OnConfigure<P>) {
        self.on_configure = Some(function);
    }

    /// Answers an error while the instance cannot serve.
    pub fn on_health(&mut self, function: OnHealth<P>) {
        self.on_health = Some(function);
    }

    /// Gets the events that the host was told to deliver.
    pub fn on_event(&mut self, function: OnEvent<P>) {
        self.on_event = Some(function);
    }

    /// Is called once, after the last instance is gone.
    pub fn on_shutdown(&mut self, function: fn()) {
        self.on_shutdown = Some(function);
    }
}
