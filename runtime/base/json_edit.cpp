#include "base/json_edit.hpp"

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdint>

namespace sluice::base {

namespace {

/// Takes the reader's events and writes them again.
class Editor {
 public:
  explicit Editor(const std::function<bool(std::string&)>& edit) : edit_(edit), writer_(buffer_) {}

  bool Null() { return writer_.Null(); }
  bool Bool(bool value) { return writer_.Bool(value); }
  bool StartObject() { return writer_.StartObject(); }
  bool EndObject(rapidjson::SizeType) { return writer_.EndObject(); }
  bool StartArray() { return writer_.StartArray(); }
  bool EndArray(rapidjson::SizeType) { return writer_.EndArray(); }
  bool String(const char* text, rapidjson::SizeType size, bool) { return write(edited(text, size)); }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    const std::string key = edited(text, size);
    return writer_.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
  }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    const std::string number = edited(text, size);
    return number == std::string_view(text, size) ? writer_.RawValue(text, size, rapidjson::kNumberType)
                                                  : write(number);
  }
  // Numbers come as texts, so these are never called.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }

  bool changed() const { return changed_; }
  std::string text() const { return {buffer_.GetString(), buffer_.GetSize()}; }

 private:
  std::string edited(const char* text, rapidjson::SizeType size) {
    std::string value(text, size);
    changed_ = edit_(value) || changed_;
    return value;
  }
  bool write(const std::string& text) {
    return writer_.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  }

  const std::function<bool(std::string&)>& edit_;
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_;
  bool changed_ = false;
};

}  // namespace

std::optional<std::string> edited_json(std::string_view json, const std::function<bool(std::string&)>& edit) {
  rapidjson::MemoryStream stream(json.data() ? json.data() : "", json.size());
  Editor editor(edit);
  constexpr auto flags = rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;
  if (rapidjson::Reader().Parse<flags>(stream, editor).IsError() || !editor.changed()) return std::nullopt;
  return editor.text();
}

}  // namespace sluice::base
