//! Job type `greet.rust`: greets a person in the log.

use sluice_plugin::{job_type, plugin, quote, Config, Field, Job, Outcome, Plugin, Result};

/// One value is made from the operator's configuration. All slots use it at the same time.
pub struct Handler {
    greeting: String,
}

impl Handler {
    pub fn new(config: &Config) -> Result<Handler> {
        let greeting = config.json().string_or("greeting", "Hello")?.to_string();
        Ok(Handler { greeting })
    }

    pub fn run(&self, job: &Job) -> Result {
        let payload = job.payload()?;
        let name = payload.string("name")?;
        if job.is_cancelled() {
            return Ok(Outcome::Cancelled);
        }
        job.info(&self.greeting, &[Field::text("name", name)]);
        job.output(&format!("{{\"greeted\": {}}}", quote(name)));
        Ok(Outcome::Done)
    }
}

plugin! {
    Plugin::new("hello-rust", env!("CARGO_PKG_VERSION"))
        .summary("Greets people in the log")
        .config_schema(r#"{"properties": {"greeting": {"type": "string"}}}"#),
    state: Handler = Handler::new,
    job_type!(Handler::run, "greet.rust")
        .summary("Greets a person")
        .schema(include_str!("../schema.json"))
        .example(include_str!("../example.json"))
        .timeout_ms(30_000)
        .max_attempts(5),
}
