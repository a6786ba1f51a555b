//! What a plugin declares. Everything is constant, so no code runs when the library is loaded.

use crate::abi;
use crate::job::Job;
use crate::result::Result;
use std::marker::PhantomData;
use std::mem::size_of;

const fn allowed_everywhere(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')
}

const fn allowed_in_a_type(byte: u8) -> bool {
    allowed_everywhere(byte) || matches!(byte, b'A'..=b'Z' | b'.' | b':' | b'/')
}

/// `text` without the white space at its end, such as a file's last line break.
const fn trimmed(text: &'static str) -> abi::Str {
    let bytes = text.as_bytes();
    let mut size = bytes.len();
    while size > 0 && bytes[size - 1].is_ascii_whitespace() {
        size -= 1;
    }
    abi::Str {
        data: bytes.as_ptr(),
        size,
    }
}

/// Whether two texts are equal. Both must live for ever.
const unsafe fn same(one: abi::Str, other: abi::Str) -> bool {
    if one.size != other.size {
        return false;
    }
    let mut at = 0;
    while at < one.size {
        if *one.data.add(at) != *other.data.add(at) {
            return false;
        }
        at += 1;
    }
    true
}

/// A job type of a plugin whose state is an `S`, and its defaults, each of which the operator can override. For
/// everything not set here, the runtime's configuration applies. `job_type!` creates it.
#[repr(transparent)]
pub struct JobType<S> {
    raw: abi::JobType,
    handler: PhantomData<fn(&S)>,
}

impl<S> JobType<S> {
    /// # Safety
    /// `entry` must pass its state, as a `*const S`, and its job to `handler`.
    pub const unsafe fn new(
        name: &'static str,
        _handler: fn(&S, &Job) -> Result,
        entry: abi::Handle,
    ) -> JobType<S> {
        let bytes = name.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            assert!(
                allowed_in_a_type(bytes[at]),
                "a job type's name consists of a-z A-Z 0-9 . _ - : /"
            );
            at += 1;
        }
        assert!(
            at >= 1 && at <= 128,
            "a job type's name has 1 to 128 characters"
        );
        let raw = abi::JobType {
            size: size_of::<abi::JobType>() as u32,
            flags: 0,
            name: abi::Str::of(name),
            summary: abi::Str::EMPTY,
            payload_schema: abi::Str::EMPTY,
            payload_example: abi::Str::EMPTY,
            max_attempts: 0,
            concurrency: 0,
            timeout_us: 0,
            backoff_first_us: 0,
            backoff_cap_us: 0,
            handle: Some(entry),
        };
        JobType {
            raw,
            handler: PhantomData,
        }
    }

    /// One line for people.
    pub const fn summary(mut self, text: &'static str) -> JobType<S> {
        self.raw.summary = abi::Str::of(text);
        self
    }
    /// JSON Schema. A job whose payload violates it fails before the handler is called.
    pub const fn schema(mut self, json: &'static str) -> JobType<S> {
        self.raw.payload_schema = trimmed(json);
        self
    }
    /// A payload that passes the schema, for documentation and trials.
    pub const fn example(mut self, json: &'static str) -> JobType<S> {
        self.raw.payload_example = trimmed(json);
        self
    }
    /// How many times a job is tried in all.
    pub const fn max_attempts(mut self, count: u32) -> JobType<S> {
        self.raw.max_attempts = count;
        self
    }
    /// How many run at once in one runtime.
    pub const fn concurrency(mut self, count: u32) -> JobType<S> {
        self.raw.concurrency = count;
        self
    }
    /// How long one attempt may take before it is cancelled, then killed.
    pub const fn timeout_ms(mut self, limit: u32) -> JobType<S> {
        self.raw.timeout_us = limit as i64 * 1000;
        self
    }
    /// The delay after the first failed attempt, which doubles with each further one, and the longest delay.
    pub const fn backoff_ms(mut self, first: u32, cap: u32) -> JobType<S> {
        self.raw.backoff_first_us = first as i64 * 1000;
        self.raw.backoff_cap_us = cap as i64 * 1000;
        self
    }
    /// A crash, a time-out or a lost runtime ends the job instead of repeating it.
    pub const fn at_most_once(mut self) -> JobType<S> {
        self.raw.flags |= abi::AT_MOST_ONCE;
        self
    }
    /// Its jobs may run twice, because they start before their claim is on disk. Not together with `at_most_once`.
    pub const fn brief(mut self) -> JobType<S> {
        self.raw.flags |= abi::BRIEF;
        self
    }
}

/// What a plugin says about itself.
pub struct Plugin {
    raw: abi::Plugin,
}

impl Plugin {
    pub const fn new(name: &'static str, version: &'static str) -> Plugin {
        let bytes = name.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            assert!(
                allowed_everywhere(bytes[at]),
                "a plugin's name consists of a-z 0-9 - _"
            );
            at += 1;
        }
        assert!(
            at >= 1 && at <= 64,
            "a plugin's name has 1 to 64 characters"
        );
        let raw = abi::Plugin {
            size: size_of::<abi::Plugin>() as u32,
            abi_major: abi::ABI_MAJOR,
            abi_minor: abi::ABI_MINOR,
            name: abi::Str::of(name),
            version: abi::Str::of(version),
            vendor: abi::Str::EMPTY,
            url: abi::Str::EMPTY,
            license: abi::Str::EMPTY,
            summary: abi::Str::EMPTY,
            config_schema: abi::Str::EMPTY,
            job_types: std::ptr::null(),
            job_type_count: 0,
            init: None,
            shutdown: None,
            slot_open: None,
            slot_close: None,
            get_extension: None,
            sandbox: abi::Str::EMPTY,
        };
        Plugin { raw }
    }

    pub const fn vendor(mut self, text: &'static str) -> Plugin {
        self.raw.vendor = abi::Str::of(text);
        self
    }
    pub const fn url(mut self, text: &'static str) -> Plugin {
        self.raw.url = abi::Str::of(text);
        self
    }
    pub const fn license(mut self, text: &'static str) -> Plugin {
        self.raw.license = abi::Str::of(text);
        self
    }
    /// One line for people.
    pub const fn summary(mut self, text: &'static str) -> Plugin {
        self.raw.summary = abi::Str::of(text);
        self
    }
    /// JSON Schema of the plugin's configuration.
    pub const fn config_schema(mut self, json: &'static str) -> Plugin {
        self.raw.config_schema = trimmed(json);
        self
    }
    /// What the plugin needs to do, a JSON object: `{"read": ["/etc/app"], "connect": [443]}`. The kernel keeps it
    /// from everything else. The operator's `[plugin.NAME.sandbox]` takes precedence.
    pub const fn sandbox(mut self, json: &'static str) -> Plugin {
        self.raw.sandbox = trimmed(json);
        self
    }

    /// The descriptor that the library exports.
    ///
    /// # Safety
    /// `init` must make the `S` that the types' entries and `shutdown` expect.
    pub const unsafe fn descriptor<S>(
        self,
        types: &'static [&'static JobType<S>],
        init: abi::Init,
        shutdown: abi::Shutdown,
    ) -> abi::Plugin {
        assert!(!types.is_empty(), "a plugin declares at least one job type");
        let mut at = 0;
        while at < types.len() {
            let both = abi::AT_MOST_ONCE | abi::BRIEF;
            assert!(
                types[at].raw.flags & both != both,
                "a job type is brief() or at_most_once(), not both, because jobs of a brief type may run twice"
            );
            let mut other = 0;
            while other < at {
                assert!(
                    !same(types[at].raw.name, types[other].raw.name),
                    "two job types of this plugin have the same name"
                );
                other += 1;
            }
            at += 1;
        }
        let mut raw = self.raw;
        raw.job_types = types.as_ptr() as *const *const abi::JobType; // JobType<S> is transparent
        raw.job_type_count = types.len();
        raw.init = Some(init);
        raw.shutdown = Some(shutdown);
        raw
    }
}

/// `job_type!(handler, "greeting.send")`: a job type that the function `handler` handles.
#[macro_export]
macro_rules! job_type {
    ($handler:path, $name:expr) => {{
        unsafe extern "C" fn entry(
            state: *mut ::std::ffi::c_void,
            _slot: *mut ::std::ffi::c_void,
            job: *const $crate::abi::Job,
        ) -> i32 {
            $crate::entry::handle(state, job, $handler)
        }
        unsafe { $crate::JobType::new($name, $handler, entry) }
    }};
}

/// Declares the plugin, once per library:
///
/// ```
/// # use sluice_plugin::{job_type, plugin, Config, Job, Outcome, Plugin, Result};
/// # struct Greeter;
/// # impl Greeter {
/// #     fn new(_: &Config) -> Result<Greeter> { Ok(Greeter) }
/// #     fn greet(&self, _: &Job) -> Result { Ok(Outcome::Done) }
/// # }
/// plugin! {
///     Plugin::new("greeter", env!("CARGO_PKG_VERSION")).summary("Greets people"),
///     state: Greeter = Greeter::new,
///     job_type!(Greeter::greet, "greeting.send").max_attempts(5),
///     job_type!(Greeter::greet, "greeting.again").brief(),
/// }
/// # fn main() {}
/// ```
///
/// Two types with the same name do not compile:
///
/// ```compile_fail,E0080
/// # use sluice_plugin::{job_type, plugin, Config, Job, Outcome, Plugin, Result};
/// # struct Greeter;
/// # impl Greeter {
/// #     fn new(_: &Config) -> Result<Greeter> { Ok(Greeter) }
/// #     fn greet(&self, _: &Job) -> Result { Ok(Outcome::Done) }
/// # }
/// plugin! {
///     Plugin::new("greeter", env!("CARGO_PKG_VERSION")),
///     state: Greeter = Greeter::new,
///     job_type!(Greeter::greet, "greeting.send"),
///     job_type!(Greeter::greet, "greeting.send"),
/// }
/// # fn main() {}
/// ```
///
/// A type that is both brief and at most once does not compile either:
///
/// ```compile_fail,E0080
/// # use sluice_plugin::{job_type, plugin, Config, Job, Outcome, Plugin, Result};
/// # struct Greeter;
/// # impl Greeter {
/// #     fn new(_: &Config) -> Result<Greeter> { Ok(Greeter) }
/// #     fn greet(&self, _: &Job) -> Result { Ok(Outcome::Done) }
/// # }
/// plugin! {
///     Plugin::new("greeter", env!("CARGO_PKG_VERSION")),
///     state: Greeter = Greeter::new,
///     job_type!(Greeter::greet, "greeting.send").brief().at_most_once(),
/// }
/// # fn main() {}
/// ```
///
/// `Greeter::new` is a `fn(&Config) -> sluice_plugin::Result<Greeter>`. It is called once, when the plugin starts.
/// All slots use its result at the same time, so the result must be `Sync`.
#[macro_export]
macro_rules! plugin {
    ($plugin:expr, state: $state:ty = $init:expr, $($job_type:expr),+ $(,)?) => {
        const _: () = {
            const TYPES: &[&$crate::JobType<$state>] = &[$(&$job_type),+];

            unsafe extern "C" fn init(
                host: *const $crate::abi::Host,
                config: $crate::abi::Str,
                state: *mut *mut ::std::ffi::c_void,
            ) -> i32 {
                $crate::entry::init::<$state>(host, config, state, $init)
            }
            unsafe extern "C" fn shutdown(state: *mut ::std::ffi::c_void) {
                $crate::entry::shutdown::<$state>(state)
            }

            #[no_mangle]
            #[allow(non_upper_case_globals)]
            pub static sluice_plugin_v1: $crate::abi::Plugin =
                unsafe { $plugin.descriptor::<$state>(TYPES, init, shutdown) };

            #[used]
            #[link_section = ".note.sluice"]
            static NOTE: $crate::abi::Note = $crate::abi::Note::CURRENT;
        };
    };
}
