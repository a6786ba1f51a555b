//! What a handler returns.

use std::fmt::Display;
use std::time::Duration;

/// How an attempt that did not fail ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The job's work is done.
    Done,
    /// It is too early for the job. It runs again after the delay. This attempt is not counted.
    Snooze(Duration),
    /// The job stopped because `Job::is_cancelled` returned true.
    Cancelled,
}

/// How an attempt failed. `Failure::retry` and `Failure::fail` create it. `?` makes a retry of any error. `Failure`
/// does not implement `Error`, so that `?` can convert errors and pass failures on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub(crate) permanent: bool,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) delay: Option<Duration>,
}

impl Failure {
    /// The job may succeed later. It is tried again, after the type's backoff or the delay of `after`, until its
    /// attempts are used up. `message` is a sentence for people.
    pub fn retry(message: impl Display) -> Failure {
        Failure {
            permanent: false,
            code: String::new(),
            message: message.to_string(),
            delay: None,
        }
    }

    /// The job would fail again. It is not retried unless a person requests it.
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

    /// The delay before a retry, instead of the type's backoff.
    pub fn after(self, delay: Duration) -> Failure {
        Failure {
            delay: Some(delay),
            ..self
        }
    }

    /// The same failure, with the place in front of its message.
    pub(crate) fn at(self, place: &str) -> Failure {
        Failure {
            message: format!("{place}: {}", self.message),
            ..self
        }
    }

    /// The same failure, as a retry.
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
