//! A plugin that uses all of the Rust layer of ABI 1.0. make.sh builds the exhibit museum-rust.so of it; the test is
//! tests/program/museum_test.cpp. It is kept as the exhibit was built: don't change it, make a new one.

use sluice_plugin::{job_type, plugin, Config, Failure, Field, Job, Level, NewJob, Outcome, Plugin, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

struct Exhibit {
    word: String,
    snoozed: AtomicBool,
}

impl Exhibit {
    fn new(config: &Config) -> Result<Exhibit> {
        config.log(Level::Info, "the exhibit starts", &[]);
        Ok(Exhibit { word: config.json().string("word")?.into(), snoozed: AtomicBool::new(false) })
    }

    /// Its output is the configuration.
    fn done(&self, job: &Job) -> Result {
        if job.is_cancelled() || job.attempt() != 1 {
            return Err(Failure::fail("not as it should be"));
        }
        job.progress(0.5, "half");
        let fields = [Field::json("payload", job.payload_text()), Field::text("key", job.idempotency_key())];
        job.info("a job of the exhibit", &fields);
        job.output(&format!("{{\"word\": \"{}\"}}", self.word));
        Ok(Outcome::Done)
    }

    fn fail(&self, _job: &Job) -> Result {
        Err(Failure::fail("told to fail").code("museum"))
    }

    /// The second attempt is done.
    fn retry(&self, job: &Job) -> Result {
        if job.attempt() == 2 {
            return Ok(Outcome::Done);
        }
        Err(Failure::retry("told to retry").code("museum").after(Duration::from_millis(1)))
    }

    /// The first call snoozes.
    fn snooze(&self, _job: &Job) -> Result {
        match self.snoozed.swap(true, Ordering::SeqCst) {
            true => Ok(Outcome::Done),
            false => Ok(Outcome::Snooze(Duration::from_millis(1))),
        }
    }

    fn follow_up(&self, job: &Job) -> Result {
        let payload = job.payload_text();
        job.enqueue(NewJob { job_type: "museum-rust.done", payload: &payload, ..NewJob::default() })?;
        Ok(Outcome::Done)
    }

    fn effect(&self, job: &Job) -> Result {
        job.execute("INSERT INTO museum (name, nothing) VALUES ($1, $2)", &[Some("museum-rust"), None])?;
        Ok(Outcome::Done)
    }

    /// The second attempt is done.
    fn panic(&self, job: &Job) -> Result {
        assert!(job.attempt() == 2, "told to panic");
        Ok(Outcome::Done)
    }
}

macro_rules! with_all {
    ($handler:path, $name:expr) => {
        job_type!($handler, $name)
            .summary("An exhibit")
            .schema(r#"{"type": "object"}"#)
            .example("{}")
            .max_attempts(3)
            .concurrency(2)
            .timeout_ms(30_000)
            .backoff_ms(1, 2)
    };
}

plugin! {
    Plugin::new("museum-rust", "1.0.0")
        .vendor("Sluice")
        .url("https://example.com")
        .license("Apache-2.0")
        .summary("An exhibit of ABI 1.0 in Rust")
        .config_schema(r#"{"required": ["word"]}"#),
    state: Exhibit = Exhibit::new,
    with_all!(Exhibit::done, "museum-rust.done"),
    with_all!(Exhibit::fail, "museum-rust.fail"),
    with_all!(Exhibit::retry, "museum-rust.retry"),
    with_all!(Exhibit::snooze, "museum-rust.snooze"),
    with_all!(Exhibit::follow_up, "museum-rust.follow-up"),
    with_all!(Exhibit::effect, "museum-rust.effect"),
    with_all!(Exhibit::panic, "museum-rust.panic"),
}
