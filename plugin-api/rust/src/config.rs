//! The plugin's configuration and its host, for the function that makes the plugin's state.

use crate::abi;
use crate::json::Json;
use crate::log::{with_raw, Field, Level};
use crate::result::{Failure, Result};
use std::time::Duration;

/// Valid only in the call that gets it. Copy what you want to keep.
pub struct Config<'a> {
    host: &'a abi::Host,
    json: Json,
}

impl<'a> Config<'a> {
    /// # Safety
    /// `host` must be a host's complete struct, and `config` must be valid during this call.
    pub(crate) unsafe fn new(host: &'a abi::Host, config: abi::Str) -> Result<Config<'a>> {
        let json = Json::parse(&String::from_utf8_lossy(config.bytes())).map_err(|error| {
            Failure::fail(format!("the configuration can't be parsed: {error}"))
        })?;
        Ok(Config { host, json })
    }

    /// The operator's table `[plugin.NAME.config]`, an object.
    pub fn json(&self) -> &Json {
        &self.json
    }

    /// The secret that `[plugin.NAME.secrets]` grants as `key`; else that in `key`, or in the first line of the file
    /// that `<key>_file` names. The file is read once, to check that it can be read. Fails and names the key if none
    /// is granted and neither or both are set, or if the file is unusable.
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
        match self.granted(key) {
            Some(granted) => Ok(granted),
            None => Secret::of(&self.json, key),
        }
    }

    /// The same; `None` if there is none.
    pub fn find_secret(&self, key: &str) -> Result<Option<Secret>> {
        match self.granted(key) {
            Some(granted) => Ok(Some(granted)),
            None => Secret::find(&self.json, key),
        }
    }

    /// The bytes that the operator granted under that name, in `[plugin.NAME.secrets]`; `None` if none are granted.
    pub fn granted_secret(&self, name: &str) -> Option<&'a [u8]> {
        let id = abi::Str::of(abi::EXTENSION_SECRETS);
        unsafe { abi::Secrets::find((self.host.get_extension)(self.host, id), name) }
    }

    fn granted(&self, key: &str) -> Option<Secret> {
        self.granted_secret(key).map(|bytes| Secret {
            key: key.to_string(),
            text: String::from_utf8_lossy(bytes).into_owned(),
            file: String::new(),
        })
    }

    /// How many slots this process has. Each slot runs one job at a time.
    pub fn slots(&self) -> u32 {
        self.host.slots
    }

    /// Writes a log line that does not belong to a job.
    pub fn log(&self, level: Level, message: &str, fields: &[Field]) {
        with_raw(fields, |raw, count| unsafe {
            (self.host.log)(self.host, level as i32, abi::Str::of(message), raw, count)
        });
    }
}

/// A password, a token or a key: granted by the operator, a string in the configuration, or the first line of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    key: String,
    text: String,
    file: String,
}

impl Secret {
    /// Like `Config::secret`, from a table in the configuration: `Secret::of(config.json().object("oauth")?, "token")`.
    pub fn of(table: &Json, key: &str) -> Result<Secret> {
        Secret::find(table, key)?.ok_or_else(|| {
            refusal(
                key,
                &format!("expected a string, or a file in {key}_file, found neither"),
            )
        })
    }

    /// The same; `None` if neither is set.
    pub fn find(table: &Json, key: &str) -> Result<Option<Secret>> {
        let file_key = format!("{key}_file");
        let text = table.string_or(key, "")?.to_string();
        let file = table.string_or(&file_key, "")?.to_string();
        if text.is_empty() && file.is_empty() {
            return Ok(None);
        }
        if !text.is_empty() && !file.is_empty() {
            let why = format!("{key} is set too; keep one of them");
            return Err(refusal(&file_key, &why));
        }
        let key = key.to_string();
        let secret = Secret { key, text, file };
        secret.get()?;
        Ok(Some(secret))
    }

    /// A file is read each time, so a changed secret needs no restart. Blanks at the end of the line are dropped. If
    /// the file can't be read or the line is empty, the failure is a retry after a minute.
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

/// Prints the key, not the secret.
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
    fn a_secret_is_text_or_the_first_line_of_a_file_that_is_read_each_time() {
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
    fn a_granted_secret_comes_before_the_configuration() {
        use crate::testing::with_secrets;
        let get = |json: &str, secrets: &[(&str, &str)]| {
            with_secrets(json, secrets, |config| config.secret("token")?.get()).unwrap()
        };
        assert_eq!(get("{}", &[("token", "granted")]), "granted");
        assert_eq!(
            get(r#"{"token": "old"}"#, &[("token", "granted")]),
            "granted"
        );
        assert_eq!(get(r#"{"token": "old"}"#, &[("other", "granted")]), "old");
        let other = with_secrets("{}", &[("token", "granted")], |config| {
            Ok(config.granted_secret("other").is_none())
        });
        assert!(other.unwrap());
    }

    #[test]
    fn an_invalid_secret_is_reported_with_its_key() {
        assert_eq!(
            message(r#"{"token": "a", "token_file": "b"}"#),
            "configuration \"token_file\": token is set too; keep one of them"
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
