//! The plugin's configuration and its host, as the function sees them that makes the plugin's state.

use crate::abi;
use crate::json::Json;
use crate::log::{with_raw, Field, Level};
use crate::result::{Failure, Result};
use std::time::Duration;

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
            .map_err(|error| Failure::fail(format!("the configuration can't be parsed: {error}")))?;
        Ok(Config { host, json })
    }

    /// What the operator wrote under `[plugin.NAME.config]`, an object.
    pub fn json(&self) -> &Json {
        &self.json
    }

    /// The secret that is `key`, or the first line of the file that `<key>_file` names. A file is read once, to
    /// see that it can be. Fails, and names the key, when there is neither, both, or an unusable file.
    ///
    /// ```
    /// # use sluice_plugin::testing::with_config;
    /// let token = with_config(r#"{"token": "abc"}"#, |config| config.secret("token")).unwrap();
    /// assert_eq!(token.get().unwrap(), "abc");
    /// let none = with_config("{}", |config| config.secret("token")).unwrap_err();
    /// assert_eq!(
    ///     none.message(),
    ///     "configuration \"token\": expected a string, or a file in token_file, found neither"
    /// );
    /// ```
    pub fn secret(&self, key: &str) -> Result<Secret> {
        Secret::of(&self.json, key)
    }

    /// The same; none when there is neither.
    pub fn find_secret(&self, key: &str) -> Result<Option<Secret>> {
        Secret::find(&self.json, key)
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

/// A password, a token, a key: a text of the configuration, or the first line of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    key: String,
    text: String,
    file: String,
}

impl Secret {
    /// As `Config::secret`, of a table in the configuration: `Secret::of(config.json().object("oauth")?, "token")`.
    pub fn of(table: &Json, key: &str) -> Result<Secret> {
        Secret::find(table, key)?.ok_or_else(|| {
            refusal(
                key,
                &format!("expected a string, or a file in {key}_file, found neither"),
            )
        })
    }

    /// The same; none when there is neither.
    pub fn find(table: &Json, key: &str) -> Result<Option<Secret>> {
        let file_key = format!("{key}_file");
        let text = table.string_or(key, "")?.to_string();
        let file = table.string_or(&file_key, "")?.to_string();
        if text.is_empty() && file.is_empty() {
            return Ok(None);
        }
        if !text.is_empty() && !file.is_empty() {
            let why = format!("there is {key}, too; keep one of them");
            return Err(refusal(&file_key, &why));
        }
        let key = key.to_string();
        let secret = Secret { key, text, file };
        secret.get()?;
        Ok(Some(secret))
    }

    /// A file is read anew each time, so that a changed secret needs no restart; blanks at the line's end are no
    /// part of it. When it can't be read, or that line is empty, it is a retry a minute later.
    pub fn get(&self) -> Result<String> {
        if self.file.is_empty() {
            return Ok(self.text.clone());
        }
        let unusable = |why: String| {
            refusal(&format!("{}_file", self.key), &why)
                .retried()
                .code("secret-file")
                .after(Duration::from_secs(60))
        };
        let bytes = std::fs::read(&self.file).map_err(|error| {
            unusable(format!("the file '{}' can't be read: {error}", self.file))
        })?;
        let text = String::from_utf8_lossy(&bytes);
        let line = text.split('\n').next().unwrap_or("").trim_end();
        if line.is_empty() {
            return Err(unusable(format!(
                "the first line of '{}' is empty",
                self.file
            )));
        }
        Ok(line.to_string())
    }
}

/// Without the secret itself.
impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Secret({:?})", self.key)
    }
}

fn refusal(key: &str, why: &str) -> Failure {
    Failure::fail(format!("configuration \"{key}\": {why}")).code("bad-configuration")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(json: &str) -> String {
        let table = Json::parse(json).unwrap();
        Secret::of(&table, "token")
            .unwrap_err()
            .message()
            .to_string()
    }

    #[test]
    fn a_secret_is_text_or_the_first_line_of_a_file_read_anew() {
        let path = std::env::temp_dir().join(format!("sluice-secret-{}", std::process::id()));
        let table = Json::parse(&format!(
            r#"{{"token_file": {}}}"#,
            crate::quote(path.to_str().unwrap())
        ))
        .unwrap();
        std::fs::write(&path, "old \r\nsecond\n").unwrap();
        let secret = Secret::of(&table, "token").unwrap();
        assert_eq!(secret.get().unwrap(), "old");
        std::fs::write(&path, "new").unwrap();
        assert_eq!(secret.get().unwrap(), "new");
        std::fs::write(&path, "\nsecond\n").unwrap();
        let failure = secret.get().unwrap_err();
        assert!(!failure.permanent);
        assert_eq!(failure.code, "secret-file");
        assert!(failure.message().ends_with("is empty"), "{failure:?}");
        std::fs::remove_file(&path).unwrap();
        let failure = Secret::of(&table, "token").unwrap_err();
        let words = format!(
            "configuration \"token_file\": the file '{}' can't be read: No such file",
            path.display()
        );
        assert!(failure.message().starts_with(&words), "{failure:?}");
    }

    #[test]
    fn what_is_no_secret_is_told_by_its_key() {
        assert_eq!(
            message(r#"{"token": "a", "token_file": "b"}"#),
            "configuration \"token_file\": there is token, too; keep one of them"
        );
        assert_eq!(
            message(r#"{"token": ""}"#),
            "configuration \"token\": expected a string, or a file in token_file, found neither"
        );
        assert!(message(r#"{"token": 1}"#).contains("\"token\": expected a string, found a number"));
        assert_eq!(Secret::find(&Json::Null, "token").unwrap(), None);
    }

    #[test]
    fn a_secret_is_not_printed() {
        let table = Json::parse(r#"{"token": "hidden"}"#).unwrap();
        let secret = Secret::of(&table, "token").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(\"token\")");
    }
}
