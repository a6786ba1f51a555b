//! What a handler returns.

use std::fmt::Display;
use std::time::Duration;

/// How an attempt that did not fail ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The job's work is done.
    Done,
    /// It is not time yet: run again after the delay; this attempt is not counted.
    Snooze(Duration),
    /// It stopped because `Job::is_cancelled` said so.
    Cancelled,
}

/// How an attempt failed: made by `Failure::retry` and `Failure::fail`, or with `?` from any error, which
/// then is tried again. It is no error itself, so that `?` can tell the two apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub(crate) permanent: bool,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) delay: Option<Duration>,
}

impl Failure {
    /// It may succeed later: tried again, with the type's backoff or after `after`, until its attempts are
    /// used up. `message` is a sentence for people.
    pub fn retry(message: impl Display) -> Failure {
        Failure {
            permanent: false,
            code: String::new(),
            message: message.to_string(),
            delay: None,
        }
    }

    /// It would fail again: not retried until a person asks for it.
    pub fn fail(message: impl Display) -> Failure {
        Failure {
            permanent: true,
            ..Failure::retry(message)
        }
    }

    /// A short stable name of your own, such as `smtp-421`.
    pub fn code(self, code: &str) -> Failure {
        Failure {
            code: code.to_string(),
            ..self
        }
    }

    /// The delay before a retry, in place of the type's backoff.
    pub fn after(self, delay: Duration) -> Failure {
        Failure {
            delay: Some(delay),
            ..self
        }
    }

    /// The same, with the place where it was found.
    pub(crate) fn at(self, place: &str) -> Failure {
        Failure {
            message: format!("{place}: {}", self.message),
            ..self
        }
    }

    /// The same, but tried again.
    pub(crate) fn retried(self) -> Failure {
        Failure {
            permanent: false,
            ..self
        }
    }

    pub fn message(&self) -> &str {
        &self.message
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Failure {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        Failure::retry(message).code("error")
    }
}

pub type Result<T = Outcome> = std::result::Result<T, Failure>;
