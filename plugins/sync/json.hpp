// JSON from servers and payloads, read and written without losing digits. No text can exhaust the stack:
// nesting is bounded.
//
// A number is kept as the text that it came as, digit for digit, in a string value with a mark before it. So
// whether a value is a number or a text is asked here, not of RapidJSON.
#pragma once

#include <rapidjson/document.h>
#include <rapidjson/pointer.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace data_sync {

/// Text that is no JSON, or nested too deeply.
class BadJson : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Of members with one name the last one counts. Throws BadJson.
rapidjson::Document parse_json(std::string_view text);

/// The same; several objects one after the other (NDJSON, JSON sequences) come as an array of them. `lines`
/// says that the text is meant to be that, even where it holds but one.
rapidjson::Document parse_json_or_lines(std::string_view text, bool lines);

/// As it was parsed, each number with its digits.
std::string to_text(const rapidjson::Value& value);

/// A JSON pointer as it is written.
std::string to_text(const rapidjson::Pointer& pointer);

bool is_number(const rapidjson::Value& value);
bool is_text(const rapidjson::Value& value);

/// The characters of a text, the digits of a number, and the JSON text of anything else.
std::string plain(const rapidjson::Value& value);

/// A text as a value of its own, whatever it begins with.
rapidjson::Document text_value(std::string_view text);

/// Whether a NUL character is anywhere in it, which PostgreSQL's text can't hold.
bool holds_nul(const rapidjson::Value& value);

/// A JSON pointer (RFC 6901). Throws std::invalid_argument for what is none.
rapidjson::Pointer pointer_of(const std::string& text);

}  // namespace data_sync
