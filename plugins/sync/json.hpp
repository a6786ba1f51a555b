// JSON from servers and payloads, read and written without losing digits. Nesting is limited, so no text can
// exhaust the stack.
//
// A number is kept as its text, digit for digit, in a string value with a mark before it. Use is_number() and
// is_text() instead of RapidJSON's functions to distinguish numbers and texts.
#pragma once

#include <rapidjson/document.h>
#include <rapidjson/pointer.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace data_sync {

/// Text that is not JSON, or is nested too deeply.
class BadJson : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// If a name occurs twice in an object, the last member counts. Throws BadJson.
rapidjson::Document parse_json(std::string_view text);

/// Like parse_json, but several objects one after the other (NDJSON, JSON sequences) are returned as an
/// array. With `lines`, so is a single object.
rapidjson::Document parse_json_or_lines(std::string_view text, bool lines);

/// The JSON text, with each number's digits as parsed.
std::string to_text(const rapidjson::Value& value);

/// The text of a JSON pointer.
std::string to_text(const rapidjson::Pointer& pointer);

bool is_number(const rapidjson::Value& value);
bool is_text(const rapidjson::Value& value);

/// The characters of a text, the digits of a number, and the JSON text of anything else.
std::string plain(const rapidjson::Value& value);

/// `text` as a value for which is_text() is true, even if it begins with the mark.
rapidjson::Document text_value(std::string_view text);

/// Whether it contains a NUL character at any depth, which PostgreSQL can't store as text.
bool holds_nul(const rapidjson::Value& value);

/// A JSON pointer (RFC 6901). Throws std::invalid_argument if `text` is invalid.
rapidjson::Pointer pointer_of(const std::string& text);

}  // namespace data_sync
