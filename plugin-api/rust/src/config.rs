//! The plugin's configuration and its host, as the function sees them that makes the plugin's state.

use crate::abi;
use crate::json::Json;
use crate::log::{with_raw, Field, Level};
use crate::result::{Failure, Result};

/// Valid in the call that it is handed to: copy what you keep.
pub struct Config<'a> {
    host: &'a abi::Host,
    json: Json,
}

impl<'a> Config<'a> {
    /// # Safety
    /// `host` has to be a host's whole struct, and `config` be valid for this call.
    pub(crate) unsafe fn new(host: &'a abi::Host, config: abi::Str) -> Result<Config<'a>> {
        let json = Json::parse(&String::from_utf8_lossy(config.bytes()))
            .map_err(|error| Failure::fail(format!("the configuration is no JSON: {error}")))?;
        Ok(Config { host, json })
    }

    /// What the operator wrote under `[plugin.NAME.config]`, an object.
    pub fn json(&self) -> &Json {
        &self.json
    }

    /// How many slots this process has: as many jobs run at once.
    pub fn slots(&self) -> u32 {
        self.host.slots
    }

    /// A log line that belongs to no job.
    pub fn log(&self, level: Level, message: &str, fields: &[Field]) {
        with_raw(fields, |raw, count| unsafe {
            (self.host.log)(self.host, level as i32, abi::Str::of(message), raw, count)
        });
    }
}
