//! A small JSON reader for payloads and configurations, so that a plugin needs no other crate. For typed payloads,
//! pass `Job::payload_text` to serde_json.

use crate::result::{Failure, Result};

/// Arrays and objects nested deeper than this are refused, because the reader is recursive.
const DEEPEST: usize = 200;

/// Whole numbers up to this are exact in a double.
const BEYOND_EXACT: f64 = 9007199254740992.0; // 2^53

/// One value. Reading a member checks it. If it is absent, null or of another type, the result is a permanent failure
/// that names the member. `?` passes it on.
///
/// ```
/// use sluice_plugin::{Json, Result};
///
/// fn total(payload: &Json) -> Result<i64> {
///     let discount = payload.integer_or("discount", 0)?;
///     let lines = payload.items("lines", |line| {
///         Ok(line.integer("cents")? * line.integer_or("count", 1)?)
///     })?;
///     Ok(lines.iter().sum::<i64>() - discount)
/// }
///
/// let payload = Json::parse(r#"{"lines": [{"cents": 250, "count": 2}, {"cents": 199}]}"#).unwrap();
/// assert_eq!(total(&payload).unwrap(), 699);
///
/// let payload = Json::parse(r#"{"lines": [{"cents": 250}, {"cents": "199"}]}"#).unwrap();
/// assert_eq!(
///     total(&payload).unwrap_err().message(),
///     "member \"lines\", item 1: member \"cents\": expected an integer, found a string"
/// );
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    /// A whole number that an i64 holds.
    Integer(i64),
    /// A larger one that a u64 holds.
    Unsigned(u64),
    Number(f64),
    String(String),
    Array(Vec<Json>),
    /// In the order of the text. If several members have the same name, the last one counts.
    Object(Vec<(String, Json)>),
}

impl Json {
    pub fn parse(text: &str) -> std::result::Result<Json, String> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.space();
        match reader.peek() {
            None => Ok(value),
            Some(_) => Err(reader.expected("the end")),
        }
    }

    /// A member of an object; `None` if it is absent or null.
    pub fn find(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => members
                .iter()
                .rev()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value)
                .filter(|value| **value != Json::Null),
            _ => None,
        }
    }

    // ---- Required members of an object

    pub fn string(&self, key: &str) -> Result<&str> {
        self.member(key, Json::as_string)
    }
    /// A whole number, without loss; 3.0 and 3e2 are whole numbers too.
    pub fn integer(&self, key: &str) -> Result<i64> {
        self.member(key, Json::as_integer)
    }
    /// A whole number, 0 or greater, without loss.
    pub fn unsigned(&self, key: &str) -> Result<u64> {
        self.member(key, Json::as_unsigned)
    }
    /// Integers beyond 2^53 lose their last digits.
    pub fn number(&self, key: &str) -> Result<f64> {
        self.member(key, Json::as_number)
    }
    pub fn boolean(&self, key: &str) -> Result<bool> {
        self.member(key, Json::as_boolean)
    }
    pub fn object(&self, key: &str) -> Result<&Json> {
        self.member(key, Json::as_object)
    }
    pub fn array(&self, key: &str) -> Result<&[Json]> {
        self.member(key, Json::as_array)
    }
    /// The results of `take` for the items of an array. If `take` fails, the failure names the item.
    ///
    /// ```
    /// # use sluice_plugin::Json;
    /// let payload = Json::parse(r#"{"to": ["ada", "grace"], "at": [1, null]}"#).unwrap();
    /// assert_eq!(payload.items("to", Json::as_string).unwrap(), ["ada", "grace"]);
    /// assert_eq!(
    ///     payload.items("at", Json::as_integer).unwrap_err().message(),
    ///     "member \"at\", item 1: expected an integer, found nothing"
    /// );
    /// ```
    pub fn items<'a, T>(
        &'a self,
        key: &str,
        take: impl Fn(&'a Json) -> Result<T>,
    ) -> Result<Vec<T>> {
        let items = self.array(key)?.iter().enumerate();
        items
            .map(|(at, item)| {
                take(item).map_err(|failure| failure.at(&format!("member \"{key}\", item {at}")))
            })
            .collect()
    }

    // ---- The same, with a fallback for an absent or null member; another type still fails

    pub fn string_or<'a>(&'a self, key: &str, fallback: &'a str) -> Result<&'a str> {
        self.member_or(key, fallback, Json::as_string)
    }
    pub fn integer_or(&self, key: &str, fallback: i64) -> Result<i64> {
        self.member_or(key, fallback, Json::as_integer)
    }
    pub fn unsigned_or(&self, key: &str, fallback: u64) -> Result<u64> {
        self.member_or(key, fallback, Json::as_unsigned)
    }
    pub fn number_or(&self, key: &str, fallback: f64) -> Result<f64> {
        self.member_or(key, fallback, Json::as_number)
    }
    pub fn boolean_or(&self, key: &str, fallback: bool) -> Result<bool> {
        self.member_or(key, fallback, Json::as_boolean)
    }
    /// Like `items`; an empty list if the member is absent or null.
    pub fn items_or_none<'a, T>(
        &'a self,
        key: &str,
        take: impl Fn(&'a Json) -> Result<T>,
    ) -> Result<Vec<T>> {
        match self.find(key) {
            None => Ok(Vec::new()),
            Some(_) => self.items(key, take),
        }
    }

    // ---- This value itself

    pub fn as_string(&self) -> Result<&str> {
        match self {
            Json::String(text) => Ok(text),
            _ => Err(self.unexpected("a string")),
        }
    }
    pub fn as_integer(&self) -> Result<i64> {
        match *self {
            Json::Integer(number) => Ok(number),
            Json::Number(number) if is_whole(number) => Ok(number as i64),
            Json::Unsigned(_) => Err(self.found("an integer", "one too large")),
            Json::Number(number) => Err(self.found("an integer", no_integer(number))),
            _ => Err(self.unexpected("an integer")),
        }
    }
    pub fn as_unsigned(&self) -> Result<u64> {
        let wanted = "an integer from 0 on";
        match *self {
            Json::Unsigned(number) => Ok(number),
            Json::Integer(number) if number >= 0 => Ok(number as u64),
            Json::Number(number) if is_whole(number) && number >= 0.0 => Ok(number as u64),
            Json::Integer(_) => Err(self.found(wanted, "one below 0")),
            Json::Number(number) if number < 0.0 => Err(self.found(wanted, "one below 0")),
            Json::Number(number) => Err(self.found(wanted, no_integer(number))),
            _ => Err(self.unexpected(wanted)),
        }
    }
    pub fn as_number(&self) -> Result<f64> {
        match *self {
            Json::Integer(number) => Ok(number as f64),
            Json::Unsigned(number) => Ok(number as f64),
            Json::Number(number) if number.is_finite() => Ok(number),
            Json::Number(_) => Err(self.found("a number", "one too large for a double")),
            _ => Err(self.unexpected("a number")),
        }
    }
    pub fn as_boolean(&self) -> Result<bool> {
        match *self {
            Json::Bool(truth) => Ok(truth),
            _ => Err(self.unexpected("a boolean")),
        }
    }
    pub fn as_object(&self) -> Result<&Json> {
        match self {
            Json::Object(_) => Ok(self),
            _ => Err(self.unexpected("an object")),
        }
    }
    pub fn as_array(&self) -> Result<&[Json]> {
        match self {
            Json::Array(items) => Ok(items),
            _ => Err(self.unexpected("an array")),
        }
    }

    /// The names of an object's members, in the order of the text; empty for any other value.
    ///
    /// ```
    /// # use sluice_plugin::Json;
    /// let prices = Json::parse(r#"{"tea": 250, "cake": 399}"#).unwrap();
    /// assert_eq!(prices.keys().collect::<Vec<_>>(), ["tea", "cake"]);
    /// ```
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.members().map(|(name, _)| name)
    }
    /// An object's members, in the order of the text; empty for any other value.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Json)> {
        let members: &[(String, Json)] = match self {
            Json::Object(members) => members,
            _ => &[],
        };
        members.iter().map(|(name, value)| (name.as_str(), value))
    }
    pub fn is_null(&self) -> bool {
        *self == Json::Null
    }

    fn member<'a, T>(&'a self, key: &str, take: impl Fn(&'a Json) -> Result<T>) -> Result<T> {
        take(self.find(key).unwrap_or(&Json::Null))
            .map_err(|failure| failure.at(&format!("member \"{key}\"")))
    }
    fn member_or<'a, T>(
        &'a self,
        key: &str,
        fallback: T,
        take: impl Fn(&'a Json) -> Result<T>,
    ) -> Result<T> {
        match self.find(key) {
            None => Ok(fallback),
            Some(_) => self.member(key, take),
        }
    }

    fn unexpected(&self, wanted: &str) -> Failure {
        self.found(wanted, self.kind())
    }
    fn found(&self, wanted: &str, found: &str) -> Failure {
        Failure::fail(format!("expected {wanted}, found {found}")).code("bad-payload")
    }

    fn kind(&self) -> &'static str {
        match self {
            Json::Null => "nothing",
            Json::Bool(_) => "a boolean",
            Json::Integer(_) | Json::Unsigned(_) | Json::Number(_) => "a number",
            Json::String(_) => "a string",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        }
    }
}

fn is_whole(number: f64) -> bool {
    number.abs() <= BEYOND_EXACT && number == number.trunc()
}

fn no_integer(number: f64) -> &'static str {
    if number.abs() > BEYOND_EXACT {
        "one too large"
    } else {
        "a fraction"
    }
}

/// `text` as a JSON string, quotes included.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\u{0}'..='\u{1f}' => quoted.push_str(&format!("\\u{:04x}", character as u32)),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

type Read<T> = std::result::Result<T, String>;

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
    fn expected(&self, what: &str) -> String {
        match self.text[self.at..].chars().next() {
            Some(found) => format!(
                "invalid JSON: expected {what} at byte {}, found {found:?}",
                self.at
            ),
            None => format!("invalid JSON: expected {what}, found the end"),
        }
    }
    fn skip(&mut self, wanted: &str) -> Read<()> {
        if !self.text[self.at..].starts_with(wanted) {
            return Err(self.expected(wanted));
        }
        self.at += wanted.len();
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Read<Json> {
        if depth > DEEPEST {
            return Err(format!("nested deeper than {DEEPEST} levels"));
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b't') => self.skip("true").map(|()| Json::Bool(true)),
            Some(b'f') => self.skip("false").map(|()| Json::Bool(false)),
            Some(b'n') => self.skip("null").map(|()| Json::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.expected("a value")),
        }
    }

    /// True after a comma, when the list continues; false at its `end`.
    fn goes_on(&mut self, end: &str) -> Read<bool> {
        self.space();
        if self.peek() == Some(b',') {
            self.at += 1;
            return Ok(true);
        }
        self.skip(end).map(|()| false)
    }

    fn array(&mut self, depth: usize) -> Read<Json> {
        self.skip("[")?;
        self.space();
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if !self.goes_on("]")? {
                return Ok(Json::Array(items));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Read<Json> {
        self.skip("{")?;
        self.space();
        let mut members = Vec::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            self.skip(":")?;
            members.push((name, self.value(depth + 1)?));
            if !self.goes_on("}")? {
                return Ok(Json::Object(members));
            }
        }
    }

    fn digits(&mut self) -> Read<()> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.expected("a digit"));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Read<Json> {
        let begin = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = &self.text[begin..self.at];
        if let Ok(whole) = text.parse() {
            return Ok(Json::Integer(whole));
        }
        if let Ok(whole) = text.parse() {
            return Ok(Json::Unsigned(whole));
        }
        text.parse()
            .map(Json::Number)
            .map_err(|_| format!("the number {text} can't be read"))
    }

    fn string(&mut self) -> Read<String> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("a string"));
        }
        self.at += 1;
        let mut read = String::new();
        loop {
            match self.text[self.at..].chars().next() {
                Some('"') => {
                    self.at += 1;
                    return Ok(read);
                }
                Some('\\') => read.push(self.escape()?),
                Some(character) if character >= ' ' => {
                    read.push(character);
                    self.at += character.len_utf8();
                }
                _ => return Err(self.expected("the end of a string")),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        self.at += 1;
        let character = match self.peek() {
            Some(plain @ (b'"' | b'\\' | b'/')) => plain as char,
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.expected("an escape")),
        };
        self.at += 1;
        Ok(character)
    }

    /// Reads from the u of `\uXXXX` on. A pair of surrogates is one character; a single surrogate is U+FFFD.
    fn unicode(&mut self) -> Read<char> {
        let first = self.hex()?;
        if (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u") {
            let before = self.at;
            self.at += 1;
            let second = self.hex()?;
            if (0xdc00..0xe000).contains(&second) {
                let whole = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(whole).unwrap_or('\u{fffd}'));
            }
            self.at = before;
        }
        Ok(char::from_u32(first).unwrap_or('\u{fffd}'))
    }

    fn hex(&mut self) -> Read<u32> {
        let digits = self.text.get(self.at + 1..self.at + 5).unwrap_or("");
        if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(self.expected("four hexadecimal digits"));
        }
        self.at += 5;
        u32::from_str_radix(digits, 16).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_kind_of_value() {
        let read = Json::parse(
            r#" {"a": [null, true, -1, 2.5e1], "b": {"c": ""}, "a2": 9223372036854775808,
                "a3": 18446744073709551616} "#,
        );
        let number = |value| Json::Number(value);
        let expected = Json::Object(vec![
            (
                "a".into(),
                Json::Array(vec![
                    Json::Null,
                    Json::Bool(true),
                    Json::Integer(-1),
                    number(25.0),
                ]),
            ),
            (
                "b".into(),
                Json::Object(vec![("c".into(), Json::String(String::new()))]),
            ),
            ("a2".into(), Json::Unsigned(9223372036854775808)),
            ("a3".into(), number(18446744073709551616.0)),
        ]);
        assert_eq!(read, Ok(expected));
    }

    #[test]
    fn reads_escapes_and_pairs_of_surrogates() {
        let read = Json::parse(r#""\"\\\/\b\f\n\r\t\u00e9 \ud83d\ude00 \ud83dx é😀""#);
        assert_eq!(
            read,
            Ok(Json::String(
                "\"\\/\u{8}\u{c}\n\r\té 😀 \u{fffd}x é😀".into()
            ))
        );
    }

    #[test]
    fn refuses_invalid_json() {
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\"}",
            "{\"a\":1,}",
            "01",
            "1.",
            "-",
            "1e",
            "tru",
            "nul",
            "\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\u12",
            "\"\n\"",
            "1 2",
            "{a:1}",
            "[1 2]",
            "é",
            "\"\\u+123\"",
        ] {
            assert!(Json::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn refuses_deep_nesting_instead_of_overflowing_the_stack() {
        assert!(Json::parse(&"[".repeat(100_000))
            .unwrap_err()
            .contains("nested"));
    }

    #[test]
    fn names_what_a_member_lacks() {
        let json = Json::parse(r#"{"name": 1, "name": 2}"#).unwrap();
        assert_eq!(
            json.string("name").unwrap_err().message(),
            "member \"name\": expected a string, found a number"
        );
        assert_eq!(
            json.string("other").unwrap_err().message(),
            "member \"other\": expected a string, found nothing"
        );
        assert_eq!(json.integer("name").unwrap(), 2);
        assert_eq!(json.string_or("other", "x").unwrap(), "x");
    }

    fn words<T: std::fmt::Debug>(result: Result<T>) -> String {
        let failure = result.unwrap_err();
        assert!(failure.permanent);
        assert_eq!(failure.code, "bad-payload");
        failure.message
    }

    #[test]
    fn reads_whole_numbers_without_loss() {
        let json = Json::parse(
            r#"{"least": -9223372036854775808, "most": 9223372036854775807, "large": 18446744073709551615,
                "huge": 1e300, "whole": 3e2, "half": 2.5, "text": "1"}"#,
        )
        .unwrap();
        assert_eq!(json.integer("least").unwrap(), i64::MIN);
        assert_eq!(json.integer("most").unwrap(), i64::MAX);
        assert_eq!(json.integer("whole").unwrap(), 300);
        assert_eq!(json.unsigned("large").unwrap(), u64::MAX);
        assert_eq!(json.unsigned("most").unwrap(), i64::MAX as u64);
        assert_eq!(json.unsigned("whole").unwrap(), 300);
        assert_eq!(json.number("large").unwrap(), 18446744073709551616.0);
        assert_eq!(json.number("half").unwrap(), 2.5);
        for (found, expected) in [
            (
                words(json.integer("large")),
                "an integer, found one too large",
            ),
            (
                words(json.integer("huge")),
                "an integer, found one too large",
            ),
            (words(json.integer("half")), "an integer, found a fraction"),
            (words(json.integer("text")), "an integer, found a string"),
            (
                words(json.unsigned("least")),
                "an integer from 0 on, found one below 0",
            ),
            (
                words(json.unsigned("half")),
                "an integer from 0 on, found a fraction",
            ),
            (
                words(json.unsigned("huge")),
                "an integer from 0 on, found one too large",
            ),
        ] {
            assert!(found.ends_with(expected), "{found}");
        }
        let infinite = Json::parse("1e999").unwrap();
        assert!(words(infinite.as_number()).ends_with("found one too large for a double"));
    }

    #[test]
    fn has_defaults_for_absent_and_null_members_only() {
        let json = Json::parse(r#"{"null": null, "list": [1, 2], "text": "x"}"#).unwrap();
        for key in ["null", "absent"] {
            assert_eq!(json.string_or(key, "s").unwrap(), "s");
            assert_eq!(json.integer_or(key, -1).unwrap(), -1);
            assert_eq!(json.unsigned_or(key, 1).unwrap(), 1);
            assert_eq!(json.number_or(key, 0.5).unwrap(), 0.5);
            assert!(json.boolean_or(key, true).unwrap());
            assert!(json
                .items_or_none(key, Json::as_integer)
                .unwrap()
                .is_empty());
        }
        assert_eq!(
            json.items_or_none("list", Json::as_integer).unwrap(),
            [1, 2]
        );
        assert!(words(json.integer_or("list", 1)).contains("found an array"));
        assert!(words(json.unsigned_or("list", 1)).contains("found an array"));
        assert!(words(json.number_or("list", 1.0)).contains("found an array"));
        assert!(words(json.boolean_or("list", true)).contains("found an array"));
        assert!(words(json.string_or("list", "")).contains("found an array"));
        assert!(words(json.items_or_none("text", Json::as_integer)).contains("found a string"));
    }

    #[test]
    fn names_the_place_of_an_item() {
        let json = Json::parse(r#"{"rows": [{"cells": [true, 1]}]}"#).unwrap();
        let cells = json.items("rows", |row| row.items("cells", Json::as_boolean));
        assert_eq!(
            words(cells),
            "member \"rows\", item 0: member \"cells\", item 1: expected a boolean, found a number"
        );
        let busy = json.items("rows", |_| -> Result<()> {
            Err(Failure::retry("busy").code("b"))
        });
        assert_eq!(
            busy,
            Err(Failure::retry("member \"rows\", item 0: busy").code("b"))
        );
    }

    #[test]
    fn lists_members() {
        let json = Json::parse(r#"{"b": 1, "a": {"c": null}}"#).unwrap();
        assert_eq!(json.keys().collect::<Vec<_>>(), ["b", "a"]);
        assert!(json
            .members()
            .any(|(name, value)| name == "b" && *value == Json::Integer(1)));
        assert!(json
            .object("a")
            .unwrap()
            .members()
            .all(|(_, value)| value.is_null()));
        assert_eq!(Json::Null.keys().count(), 0);
        assert_eq!(json.as_object().unwrap(), &json);
        assert!(words(json.as_array()).ends_with("expected an array, found an object"));
        assert!(words(json.as_string()).ends_with("expected a string, found an object"));
    }

    #[test]
    fn reads_back_what_it_quotes() {
        let text = "a\"b\\c\n\u{1}é😀";
        assert_eq!(Json::parse(&quote(text)), Ok(Json::String(text.into())));
    }
}
