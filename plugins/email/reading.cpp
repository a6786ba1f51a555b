#include "reading.hpp"

#include <sluice/result.hpp>

#include "address.hpp"
#include "encoding.hpp"

namespace email {

std::string place_of(const sluice::Json& json) {
  return json.path().empty() ? "payload" : "payload " + json.path();
}

std::string text_of(const sluice::Json& json) {
  std::string text = json.as_text();
  if (!is_utf8(text)) {
    throw sluice::PermanentError("bad-payload", place_of(json) + ": found invalid UTF-8");
  }
  return text;
}

std::string line_of(const sluice::Json& json) {
  std::string text = json.as_text();
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  check_header_text(text, place_of(json));
  return text;
}

std::optional<sluice::Json> filled(const sluice::Json& object, std::string_view key) {
  auto member = object.find(key);
  if (member && member->value().IsString() && trimmed(member->value().GetString()).empty())
    return std::nullopt;
  return member;
}

}  // namespace email
