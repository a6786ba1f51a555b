// JSON from servers and payloads, read and written without losing digits. No text can exhaust the stack:
// nesting is bounded.
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

/// A number that neither 64 bits nor a double hold digit for digit comes as a string of its digits: a
/// database reads both alike. Throws BadJson.
rapidjson::Document parse_json(std::string_view text);

/// Doubles in the fewest digits that read back the same.
std::string to_text(const rapidjson::Value& value);

/// Whether a NUL character is anywhere in it, which PostgreSQL's text can't hold.
bool holds_nul(const rapidjson::Value& value);

/// A JSON pointer (RFC 6901). Throws std::invalid_argument for what is none.
rapidjson::Pointer pointer_of(const std::string& text);

}  // namespace data_sync
