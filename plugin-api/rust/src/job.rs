//! One attempt at a job, as its handler sees it.

use crate::abi;
use crate::json::Json;
use crate::log::{with_raw, Field, Level};
use crate::result::{Failure, Result};
use std::borrow::Cow;
use std::time::{Duration, SystemTime};

/// Valid until the handler returns, which its lifetime ensures. Every function may be called from any thread, so a
/// handler may share it with the threads of `std::thread::scope`.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    raw: &'a abi::Job,
}

// Each function of sluice_job_api is [any-thread], and all other members are constant.
unsafe impl Send for Job<'_> {}
unsafe impl Sync for Job<'_> {}

/// A job that a handler enqueues.
#[derive(Debug, Clone, Copy, Default)]
pub struct NewJob<'a> {
    /// 1 to 128 characters.
    pub job_type: &'a str,
    /// One JSON value.
    pub payload: &'a str,
    pub delay: Duration,
    /// While a job enqueued with this key exists, no other is enqueued; empty: no key.
    pub unique_key: &'a str,
}

impl<'a> Job<'a> {
    /// # Safety
    /// `raw` must be a host's complete job, valid for `'a`.
    pub unsafe fn new(raw: &'a abi::Job) -> Job<'a> {
        Job { raw }
    }

    /// The row's id as the application chose it: any characters.
    pub fn id(&self) -> Cow<'a, str> {
        self.text(self.raw.id)
    }
    pub fn job_type(&self) -> Cow<'a, str> {
        self.text(self.raw.type_)
    }
    /// The same in every attempt of this job, and different for every other job. Pass it to services that drop
    /// repeated requests.
    pub fn idempotency_key(&self) -> Cow<'a, str> {
        self.text(self.raw.idempotency_key)
    }
    /// The payload's JSON text, for a JSON library of your choice.
    pub fn payload_text(&self) -> Cow<'a, str> {
        self.text(self.raw.payload)
    }
    /// The payload, parsed at each call. Fails permanently if it is not valid JSON.
    pub fn payload(&self) -> Result<Json> {
        Json::parse(&self.payload_text()).map_err(|error| Failure::fail(error).code("bad-payload"))
    }

    /// 1 for the first.
    pub fn attempt(&self) -> u32 {
        self.raw.attempt
    }
    pub fn max_attempts(&self) -> u32 {
        self.raw.max_attempts
    }
    /// True if a retry would end the job.
    pub fn last_attempt(&self) -> bool {
        self.raw.attempt >= self.raw.max_attempts
    }
    /// Which slot of this process runs it, from 0.
    pub fn slot(&self) -> u32 {
        self.raw.slot
    }
    /// The producer's clock, for display only.
    pub fn created_at(&self) -> SystemTime {
        time(self.raw.created_at_us)
    }
    /// When the job is cancelled, then killed; `None` if it has no limit.
    pub fn deadline(&self) -> Option<SystemTime> {
        (self.raw.deadline_us != 0).then(|| time(self.raw.deadline_us))
    }

    /// True if the job should stop: time-out, shutdown, an operator's request. It costs one load, so call it often.
    pub fn is_cancelled(&self) -> bool {
        unsafe { (self.api().is_cancelled)(self.raw) != 0 }
    }
    /// Reports the job's progress, for people: 0 to 1, and a short note.
    pub fn progress(&self, fraction: f64, note: &str) {
        unsafe { (self.api().progress)(self.raw, fraction, abi::Str::of(note)) }
    }
    /// The job's output, one JSON value, kept with the job when it is done; the last call counts. Invalid JSON makes
    /// the job fail.
    pub fn output(&self, json: &str) {
        unsafe { (self.api().set_output)(self.raw, abi::Str::of(json)) }
    }

    /// Writes a log line, to which the host adds the job's id, type and attempt.
    pub fn log(&self, level: Level, message: &str, fields: &[Field]) {
        with_raw(fields, |raw, count| unsafe {
            (self.api().log)(self.raw, level as i32, abi::Str::of(message), raw, count)
        });
    }
    pub fn debug(&self, message: &str, fields: &[Field]) {
        self.log(Level::Debug, message, fields);
    }
    pub fn info(&self, message: &str, fields: &[Field]) {
        self.log(Level::Info, message, fields);
    }
    pub fn warn(&self, message: &str, fields: &[Field]) {
        self.log(Level::Warn, message, fields);
    }
    pub fn error(&self, message: &str, fields: &[Field]) {
        self.log(Level::Error, message, fields);
    }

    /// Enqueues a job when this one is done. Both are committed together, so it is enqueued exactly once.
    pub fn enqueue(&self, job: NewJob) -> Result<()> {
        let host: &abi::Enqueue = unsafe { self.extension(abi::EXTENSION_ENQUEUE) }.ok_or_else(|| {
            Failure::fail("this version of Sluice does not support follow-up jobs (sluice.enqueue/1); use a newer one")
                .code("no-enqueue")
        })?;
        let raw = abi::NewJob {
            size: std::mem::size_of::<abi::NewJob>() as u32,
            reserved: 0,
            type_: abi::Str::of(job.job_type),
            payload: abi::Str::of(job.payload),
            delay_us: micros(job.delay),
            unique_key: abi::Str::of(job.unique_key),
        };
        match unsafe { (host.enqueue)(self.raw, &raw) } {
            0 => Ok(()),
            _ => Err(Failure::fail(format!(
                "the follow-up job of type '{}' was refused: its type must have 1 to 128 characters, and its \
                 payload must be valid JSON",
                job.job_type
            ))
            .code("bad-follow-up")),
        }
    }

    /// Runs an SQL statement when this job is done, in the transaction that marks the job done. The statement runs
    /// under the role that the operator granted. `$1`, `$2`, … are `parameters`, as text: write `$1::int` for a number.
    pub fn execute(&self, sql: &str, parameters: &[Option<&str>]) -> Result<()> {
        let host: &abi::Effects = unsafe { self.extension(abi::EXTENSION_EFFECTS) }.ok_or_else(|| {
            Failure::fail(
                "this plugin may not write to the database: no role is granted to it; set role under \
                 [plugin.NAME] in the configuration and run sluice init",
            )
            .code("no-effects")
        })?;
        let texts: Vec<Option<abi::Str>> = parameters
            .iter()
            .map(|text| text.map(abi::Str::of))
            .collect();
        let pointers: Vec<*const abi::Str> = texts
            .iter()
            .map(|text| {
                text.as_ref()
                    .map_or(std::ptr::null(), |text| text as *const _)
            })
            .collect();
        match unsafe {
            (host.execute)(
                self.raw,
                abi::Str::of(sql),
                pointers.as_ptr(),
                pointers.len(),
            )
        } {
            0 => Ok(()),
            _ => Err(Failure::fail(
                "a statement was refused: it is empty, or has more than 32 parameters",
            )
            .code("bad-effect")),
        }
    }

    /// The secret that the operator granted to the plugin under that name, in `[plugin.NAME.secrets]`; `None` if none
    /// is granted.
    pub fn secret(&self, name: &str) -> Option<&'a [u8]> {
        let id = abi::Str::of(abi::EXTENSION_SECRETS);
        unsafe { abi::Secrets::find((self.api().get_extension)(self.raw, id), name) }
    }

    pub(crate) fn set_error(&self, code: &str, message: &str) {
        unsafe { (self.api().set_error)(self.raw, abi::Str::of(code), abi::Str::of(message)) }
    }
    pub(crate) fn set_delay(&self, delay: Duration) {
        unsafe { (self.api().set_delay)(self.raw, micros(delay)) }
    }

    fn api(&self) -> &'a abi::JobApi {
        unsafe { &*self.raw.api }
    }
    fn text(&self, text: abi::Str) -> Cow<'a, str> {
        String::from_utf8_lossy(unsafe { text.bytes() })
    }
    /// The host's extension with that id. `None` if there is none, or if it is shorter than a `T`. An extension begins
    /// with its size as a u32.
    unsafe fn extension<T>(&self, id: &str) -> Option<&'a T> {
        let found = (self.api().get_extension)(self.raw, abi::Str::of(id));
        if found.is_null() || (*(found as *const u32) as usize) < std::mem::size_of::<T>() {
            return None;
        }
        Some(&*(found as *const T))
    }
}

fn time(us: i64) -> SystemTime {
    let distance = Duration::from_micros(us.unsigned_abs());
    if us < 0 {
        SystemTime::UNIX_EPOCH - distance
    } else {
        SystemTime::UNIX_EPOCH + distance
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
