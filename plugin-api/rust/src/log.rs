//! Structured log lines, of a job or of the plugin as a whole.

use crate::abi;
use std::borrow::Cow;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Level {
    Trace = abi::LOG_TRACE,
    Debug = abi::LOG_DEBUG,
    Info = abi::LOG_INFO,
    Warn = abi::LOG_WARN,
    Error = abi::LOG_ERROR,
}

/// One key and value of a log line.
#[derive(Debug, Clone)]
pub struct Field<'a> {
    key: &'a str,
    value: Cow<'a, str>,
    kind: u32,
}

impl<'a> Field<'a> {
    pub fn text(key: &'a str, value: impl Into<Cow<'a, str>>) -> Field<'a> {
        Field {
            key,
            value: value.into(),
            kind: abi::FIELD_TEXT,
        }
    }

    /// One JSON value: a number's `to_string()`, `"true"`, `"null"`, an object.
    pub fn json(key: &'a str, value: impl Into<Cow<'a, str>>) -> Field<'a> {
        Field {
            key,
            value: value.into(),
            kind: abi::FIELD_JSON,
        }
    }
}

/// Calls `write` with the fields in the ABI's form, an array of pointers.
pub(crate) fn with_raw(fields: &[Field], write: impl FnOnce(*const *const abi::Field, usize)) {
    let raw: Vec<abi::Field> = fields
        .iter()
        .map(|field| abi::Field {
            size: std::mem::size_of::<abi::Field>() as u32,
            kind: field.kind,
            key: abi::Str::of(field.key),
            value: abi::Str::of(&field.value),
        })
        .collect();
    let pointers: Vec<*const abi::Field> = raw.iter().map(|field| field as *const _).collect();
    write(pointers.as_ptr(), pointers.len());
}
