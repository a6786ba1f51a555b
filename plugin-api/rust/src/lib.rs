//! Writing a plugin for Sluice in Rust.
//!
//! ```ignore
//! use sluice_plugin::{job_type, plugin, Config, Field, Job, Outcome, Plugin, Result};
//!
//! struct Greeter;
//!
//! impl Greeter {
//!     fn new(_config: &Config) -> Result<Greeter> {
//!         Ok(Greeter)
//!     }
//!     fn greet(&self, job: &Job) -> Result {
//!         let payload = job.payload()?;
//!         job.info("greeting", &[Field::text("name", payload.string("name")?)]);
//!         Ok(Outcome::Done)
//!     }
//! }
//!
//! plugin! {
//!     Plugin::new("greeter", env!("CARGO_PKG_VERSION")),
//!     state: Greeter = Greeter::new,
//!     job_type!(Greeter::greet, "greeting.send").max_attempts(5),
//! }
//! ```
//!
//! The library is a `cdylib`. The threads of all slots call a handler at the same time, and share one state. A
//! panic ends at the plugin's boundary, and the job is retried. An error that leaves a handler with `?` is
//! retried too. `Failure::fail` ends the job, because a retry would fail again. Tests without a runtime use
//! `testing::FakeJob`.
//!
//! This crate needs Rust 1.63 and no other crate.

pub mod abi;
mod config;
mod declare;
pub mod entry;
mod job;
mod json;
mod log;
mod result;
pub mod testing;

pub use config::{Config, Secret};
pub use declare::{JobType, Plugin};
pub use job::{Job, NewJob};
pub use json::{quote, Json};
pub use log::{Field, Level};
pub use result::{Failure, Outcome, Result};
