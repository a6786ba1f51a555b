//! A small reader of JSON, for payloads and configurations: enough for a plugin without other crates. For
//! typed payloads, hand `Job::payload_text` to serde_json.

use crate::result::{Failure, Result};

/// Arrays and objects nested deeper than this are refused: the reader calls itself.
const DEEPEST: usize = 200;

#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    /// A whole number that 64 bits hold.
    Integer(i64),
    Number(f64),
    String(String),
    Array(Vec<Json>),
    /// In the order of the text; of two members with one name the last counts.
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

    /// A member of an object; none where it is absent or null.
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

    /// A member, which has to be there and a string; else a permanent failure. Likewise the next ones.
    pub fn string(&self, key: &str) -> Result<&str> {
        self.member(key, "a string", |value| match value {
            Json::String(text) => Some(text.as_str()),
            _ => None,
        })
    }
    pub fn integer(&self, key: &str) -> Result<i64> {
        self.member(key, "an integer", |value| match value {
            Json::Integer(number) => Some(*number),
            _ => None,
        })
    }
    pub fn number(&self, key: &str) -> Result<f64> {
        self.member(key, "a number", |value| match value {
            Json::Integer(number) => Some(*number as f64),
            Json::Number(number) => Some(*number),
            _ => None,
        })
    }
    pub fn boolean(&self, key: &str) -> Result<bool> {
        self.member(key, "a boolean", |value| match value {
            Json::Bool(truth) => Some(*truth),
            _ => None,
        })
    }
    pub fn object(&self, key: &str) -> Result<&Json> {
        self.member(key, "an object", |value| match value {
            Json::Object(_) => Some(value),
            _ => None,
        })
    }
    pub fn array(&self, key: &str) -> Result<&[Json]> {
        self.member(key, "an array", |value| match value {
            Json::Array(items) => Some(items.as_slice()),
            _ => None,
        })
    }
    /// The fallback where the member is absent or null; another type fails.
    pub fn string_or<'a>(&'a self, key: &str, fallback: &'a str) -> Result<&'a str> {
        match self.find(key) {
            None => Ok(fallback),
            Some(_) => self.string(key),
        }
    }

    fn member<'a, T>(
        &'a self,
        key: &str,
        wanted: &str,
        take: impl Fn(&'a Json) -> Option<T>,
    ) -> Result<T> {
        let value = self.find(key).unwrap_or(&Json::Null);
        take(value).ok_or_else(|| {
            Failure::fail(format!(
                "member \"{key}\": expected {wanted}, found {}",
                value.kind()
            ))
            .code("bad-payload")
        })
    }

    fn kind(&self) -> &'static str {
        match self {
            Json::Null => "nothing",
            Json::Bool(_) => "a boolean",
            Json::Integer(_) | Json::Number(_) => "a number",
            Json::String(_) => "a string",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        }
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
                "no JSON: expected {what} at byte {}, found {found:?}",
                self.at
            ),
            None => format!("no JSON: expected {what}, found the end"),
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

    /// True when a list goes on after a comma, false at its `end`.
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
        match text.parse::<i64>() {
            Ok(whole) => Ok(Json::Integer(whole)),
            Err(_) => text
                .parse()
                .map(Json::Number)
                .map_err(|_| format!("the number {text} can't be read")),
        }
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

    /// From the u of `\uXXXX` on; two that make a pair of surrogates are one character, one alone is U+FFFD.
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
            r#" {"a": [null, true, -1, 2.5e1], "b": {"c": ""}, "a2": 9223372036854775808} "#,
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
            ("a2".into(), number(9223372036854775808.0)),
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
    fn refuses_what_is_no_json() {
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
    fn refuses_deep_nesting_in_place_of_overflowing_the_stack() {
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

    #[test]
    fn quotes_what_it_can_read_again() {
        let text = "a\"b\\c\n\u{1}é😀";
        assert_eq!(Json::parse(&quote(text)), Ok(Json::String(text.into())));
    }
}
