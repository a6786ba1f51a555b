//! Tests of handlers without a runtime, a database or a process:
//!
//! ```ignore
//! let report = FakeJob::new(r#"{"name": "Ada"}"#).run(|job| Greeter.greet(job));
//! assert_eq!(report.result, abi::DONE);
//! assert_eq!(report.logs[0], "greeting name=Ada");
//! ```

use crate::abi;
use crate::config::Config;
use crate::entry;
use crate::job::Job;
use crate::result::Result;
use std::ffi::c_void;
use std::mem::size_of;
use std::sync::{Mutex, MutexGuard};

/// What a host was told about one attempt.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// `abi::DONE`, `abi::RETRY`, …
    pub result: i32,
    pub code: String,
    pub error: String,
    pub delay_us: Option<i64>,
    pub output: Option<String>,
    /// The message of each line and its fields: `greeting name=Ada`.
    pub logs: Vec<String>,
    pub progress: Option<(f64, String)>,
    /// Type, payload, delay in µs and unique key of each job that was enqueued.
    pub follow_ups: Vec<(String, String, i64, String)>,
    /// Each statement with its parameters.
    pub effects: Vec<(String, Vec<Option<String>>)>,
}

/// A job on a host that accepts follow-up jobs and effects, and keeps them for the test.
pub struct FakeJob {
    payload: String,
    id: String,
    attempt: u32,
    max_attempts: u32,
    cancelled: bool,
    extensions: bool,
    secrets: Vec<(String, String)>,
}

struct Told {
    report: Mutex<Report>,
    cancelled: bool,
    extensions: bool,
    secrets: abi::Secrets,
}

/// The extension that grants these secrets, by name, as long as they live.
fn granting(secrets: &Vec<(String, String)>) -> abi::Secrets {
    abi::Secrets {
        size: size_of::<abi::Secrets>() as u32,
        reserved: 0,
        host_data: secrets as *const Vec<(String, String)> as *mut c_void,
        get: get_secret,
    }
}

unsafe extern "C" fn get_secret(
    secrets: *const abi::Secrets,
    name: abi::Str,
    value: *mut abi::Str,
) -> i32 {
    let granted = &*((*secrets).host_data as *const Vec<(String, String)>);
    match granted.iter().find(|(known, _)| *known == text(name)) {
        Some((_, secret)) => {
            *value = abi::Str::of(secret);
            0
        }
        None => 1,
    }
}

impl FakeJob {
    pub fn new(payload: &str) -> FakeJob {
        FakeJob {
            payload: payload.into(),
            id: "job-1".into(),
            attempt: 1,
            max_attempts: 3,
            cancelled: false,
            extensions: true,
            secrets: Vec::new(),
        }
    }
    /// Grants a secret to the plugin.
    pub fn secret(mut self, name: &str, value: &str) -> FakeJob {
        self.secrets.push((name.into(), value.into()));
        self
    }
    /// Also the idempotency key.
    pub fn id(self, id: &str) -> FakeJob {
        FakeJob {
            id: id.into(),
            ..self
        }
    }
    pub fn attempt(self, attempt: u32, max_attempts: u32) -> FakeJob {
        FakeJob {
            attempt,
            max_attempts,
            ..self
        }
    }
    pub fn cancelled(self) -> FakeJob {
        FakeJob {
            cancelled: true,
            ..self
        }
    }
    /// Simulates a host without follow-up jobs and effects.
    pub fn without_extensions(self) -> FakeJob {
        FakeJob {
            extensions: false,
            ..self
        }
    }

    /// Runs a handler as a host does. A panic becomes an outcome.
    pub fn run(&self, handler: impl FnOnce(&Job) -> Result) -> Report {
        let told = Told {
            report: Mutex::default(),
            cancelled: self.cancelled,
            extensions: self.extensions,
            secrets: granting(&self.secrets),
        };
        let raw = abi::Job {
            size: size_of::<abi::Job>() as u32,
            slot: 0,
            api: &API,
            host_data: &told as *const Told as *mut c_void,
            id: abi::Str::of(&self.id),
            type_: abi::Str::of("test.type"),
            payload: abi::Str::of(&self.payload),
            idempotency_key: abi::Str::of(&self.id),
            attempt: self.attempt,
            max_attempts: self.max_attempts,
            created_at_us: 0,
            deadline_us: 0,
        };
        let result = entry::run(unsafe { &Job::new(&raw) }, handler);
        let report = report(&raw).clone();
        Report { result, ..report }
    }
}

/// Makes a plugin's state from a configuration, as a host does: `with_config("{}", Greeter::new)`. Returns the
/// failure of `make`, or of parsing the configuration.
pub fn with_config<S>(json: &str, make: impl FnOnce(&Config) -> Result<S>) -> Result<S> {
    with_secrets(json, &[], make)
}

/// The same for a plugin to which these secrets are granted, by name.
pub fn with_secrets<S>(
    json: &str,
    secrets: &[(&str, &str)],
    make: impl FnOnce(&Config) -> Result<S>,
) -> Result<S> {
    let secrets: Vec<(String, String)> = secrets
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    let extension = granting(&secrets);
    let host = abi::Host {
        size: size_of::<abi::Host>() as u32,
        abi_major: abi::ABI_MAJOR,
        abi_minor: abi::ABI_MINOR,
        host_data: &extension as *const abi::Secrets as *mut c_void,
        runtime_version: abi::Str::of("0.0.0"),
        slots: 1,
        reserved: 0,
        log: host_log,
        set_error: host_set_error,
        get_extension: host_get_extension,
    };
    let config = unsafe { Config::new(&host, abi::Str::of(json)) }?;
    make(&config)
}

unsafe extern "C" fn host_log(
    _: *const abi::Host,
    _: i32,
    _: abi::Str,
    _: *const *const abi::Field,
    _: usize,
) {
}
unsafe extern "C" fn host_set_error(_: *const abi::Host, _: abi::Str) {}
unsafe extern "C" fn host_get_extension(host: *const abi::Host, id: abi::Str) -> *const c_void {
    match text(id).as_str() {
        abi::EXTENSION_SECRETS => (*host).host_data,
        _ => std::ptr::null(),
    }
}

fn told(job: *const abi::Job) -> &'static Told {
    unsafe { &*((*job).host_data as *const Told) }
}

fn report(job: *const abi::Job) -> MutexGuard<'static, Report> {
    told(job)
        .report
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn text(view: abi::Str) -> String {
    String::from_utf8_lossy(unsafe { view.bytes() }).into_owned()
}

unsafe extern "C" fn log(
    job: *const abi::Job,
    _level: i32,
    message: abi::Str,
    fields: *const *const abi::Field,
    count: usize,
) {
    let mut line = text(message);
    for at in 0..count {
        let field = &**fields.add(at);
        line += &format!(" {}={}", text(field.key), text(field.value));
    }
    report(job).logs.push(line);
}
unsafe extern "C" fn is_cancelled(job: *const abi::Job) -> i32 {
    told(job).cancelled as i32
}
unsafe extern "C" fn progress(job: *const abi::Job, fraction: f64, note: abi::Str) {
    report(job).progress = Some((fraction, text(note)));
}
unsafe extern "C" fn set_delay(job: *const abi::Job, delay_us: i64) {
    report(job).delay_us = Some(delay_us);
}
unsafe extern "C" fn set_error(job: *const abi::Job, code: abi::Str, message: abi::Str) {
    let mut report = report(job);
    report.code = text(code);
    report.error = text(message);
}
unsafe extern "C" fn set_output(job: *const abi::Job, json: abi::Str) {
    report(job).output = Some(text(json));
}
unsafe extern "C" fn get_extension(job: *const abi::Job, id: abi::Str) -> *const c_void {
    match text(id).as_str() {
        abi::EXTENSION_ENQUEUE if told(job).extensions => &ENQUEUE as *const _ as *const c_void,
        abi::EXTENSION_EFFECTS if told(job).extensions => &EFFECTS as *const _ as *const c_void,
        abi::EXTENSION_SECRETS if told(job).extensions => {
            &told(job).secrets as *const _ as *const c_void
        }
        _ => std::ptr::null(),
    }
}
unsafe extern "C" fn enqueue(job: *const abi::Job, new_job: *const abi::NewJob) -> i32 {
    let (job_type, payload) = (text((*new_job).type_), text((*new_job).payload));
    if job_type.is_empty() || job_type.len() > 128 || crate::Json::parse(&payload).is_err() {
        return 1;
    }
    report(job).follow_ups.push((
        job_type,
        payload,
        (*new_job).delay_us,
        text((*new_job).unique_key),
    ));
    0
}
unsafe extern "C" fn execute(
    job: *const abi::Job,
    sql: abi::Str,
    parameters: *const *const abi::Str,
    count: usize,
) -> i32 {
    if sql.size == 0 || count > abi::MOST_PARAMETERS {
        return 1;
    }
    let parameters = (0..count)
        .map(|at| (*parameters.add(at)).as_ref().map(|view| text(*view)))
        .collect();
    report(job).effects.push((text(sql), parameters));
    0
}

static API: abi::JobApi = abi::JobApi {
    size: size_of::<abi::JobApi>() as u32,
    reserved: 0,
    log,
    is_cancelled,
    progress,
    set_delay,
    set_error,
    set_output,
    get_extension,
};
static ENQUEUE: abi::Enqueue = abi::Enqueue {
    size: size_of::<abi::Enqueue>() as u32,
    reserved: 0,
    enqueue,
};
static EFFECTS: abi::Effects = abi::Effects {
    size: size_of::<abi::Effects>() as u32,
    reserved: 0,
    execute,
};
