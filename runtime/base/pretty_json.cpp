#include "base/pretty_json.hpp"

#include <rapidjson/memorystream.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/reader.h>

#include "base/text.hpp"

namespace sluice::base {

namespace {

/// Writes what a reader finds, until the text is full.
class Relay : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Relay> {
 public:
  Relay(BoundedText& text, unsigned indent) : text_(text), writer_(text) { writer_.SetIndent(' ', indent); }

  bool Null() { return writer_.Null() && goes_on(); }
  bool Bool(bool value) { return writer_.Bool(value) && goes_on(); }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    return writer_.RawValue(text, size, rapidjson::kNumberType) && goes_on();
  }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    return writer_.String(text, size) && goes_on();
  }
  bool Key(const char* text, rapidjson::SizeType size, bool) { return writer_.Key(text, size) && goes_on(); }
  bool StartObject() { return writer_.StartObject() && goes_on(); }
  bool EndObject(rapidjson::SizeType) { return writer_.EndObject() && goes_on(); }
  bool StartArray() { return writer_.StartArray() && goes_on(); }
  bool EndArray(rapidjson::SizeType) { return writer_.EndArray() && goes_on(); }

 private:
  bool goes_on() const { return !text_.full(); }

  BoundedText& text_;
  rapidjson::PrettyWriter<BoundedText> writer_;
};

}  // namespace

Cut pretty_json(std::string_view json, std::size_t limit, unsigned indent) {
  constexpr unsigned flags = rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseIterativeFlag;
  constexpr std::size_t longest_character = 4;
  BoundedText text(limit + longest_character);  // so that the cut sees whether a character goes on
  Relay relay(text, indent);
  rapidjson::MemoryStream stream(json.data() ? json.data() : "", json.size());
  rapidjson::Reader reader;
  const bool failed = reader.Parse<flags>(stream, relay).IsError();
  if (failed && !text.full()) return {std::string(first_bytes(json, limit)), json.size() > limit};
  return {std::string(first_bytes(text.text(), limit)), text.text().size() > limit};
}

}  // namespace sluice::base
