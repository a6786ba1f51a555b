#include "dashboard/redaction.hpp"

#include <rapidjson/pointer.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstddef>

namespace sluice::dashboard {

namespace {

constexpr unsigned flags = rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseIterativeFlag;

/// Copies what a reader finds to a writer, without the values at the pointers.
template <class Writer>
class Filter : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Filter<Writer>> {
 public:
  Filter(Writer& writer, const std::vector<std::string>& pointers) : writer_(writer) {
    for (const std::string& one : pointers) pointers_.emplace_back(one.c_str());
  }

  bool Null() {
    return value([&] { return writer_.Null(); });
  }
  bool Bool(bool truth) {
    return value([&] { return writer_.Bool(truth); });
  }
  bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
    return value([&] { return writer_.RawValue(text, length, rapidjson::kNumberType); });
  }
  bool String(const char* text, rapidjson::SizeType length, bool) {
    return value([&] { return writer_.String(text, length); });
  }
  bool StartObject() {
    return begin(false, [&] { return writer_.StartObject(); });
  }
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    path_.back().name.assign(text, length);
    return hidden_ > 0 || writer_.Key(text, length);
  }
  bool EndObject(rapidjson::SizeType) {
    return end([&] { return writer_.EndObject(); });
  }
  bool StartArray() {
    return begin(true, [&] { return writer_.StartArray(); });
  }
  bool EndArray(rapidjson::SizeType) {
    return end([&] { return writer_.EndArray(); });
  }

 private:
  struct Step {
    bool is_array = false;
    std::size_t index = 0;
    std::string name;
  };

  template <class Write>
  bool value(Write write) {
    if (hidden_ > 0) return true;
    const bool hides = is_hidden();
    advance();
    return hides ? redact() : write();
  }

  /// The members of a hidden value are hidden, too.
  template <class Write>
  bool begin(bool is_array, Write write) {
    const bool hides = hidden_ > 0 || is_hidden();
    bool good = true;
    if (hides && hidden_++ == 0) good = redact();
    if (!hides) good = write();
    path_.push_back({is_array, 0, ""});
    return good;
  }

  template <class Write>
  bool end(Write write) {
    path_.pop_back();
    const bool hidden = hidden_ > 0;
    if (hidden) --hidden_;
    if (hidden_ == 0) advance();
    return hidden || write();
  }

  void advance() {
    if (!path_.empty() && path_.back().is_array) ++path_.back().index;
  }

  bool redact() {
    static constexpr std::string_view word = "[redacted]";
    return writer_.String(word.data(), static_cast<rapidjson::SizeType>(word.size()));
  }

  bool is_hidden() const {
    for (const auto& pointer : pointers_) {
      if (pointer.IsValid() && matches(pointer)) return true;
    }
    return false;
  }

  bool matches(const rapidjson::Pointer& pointer) const {
    if (pointer.GetTokenCount() != path_.size()) return false;
    for (std::size_t i = 0; i < path_.size(); ++i) {
      const auto& token = pointer.GetTokens()[i];
      const Step& step = path_[i];
      const std::string name = step.is_array ? std::to_string(step.index) : step.name;
      if (std::string_view(token.name, token.length) != name) return false;
    }
    return true;
  }

  Writer& writer_;
  std::vector<rapidjson::Pointer> pointers_;
  std::vector<Step> path_;
  std::size_t hidden_ = 0;  // depth within a hidden value
};

template <class Writer>
std::string copied(const std::string& json, const std::vector<std::string>& pointers) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  Filter<Writer> filter(writer, pointers);
  rapidjson::StringStream stream(json.c_str());
  rapidjson::Reader reader;
  if (reader.Parse<flags>(stream, filter).IsError()) return "\"[invalid JSON]\"";
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace

std::string redacted(const std::string& json, const std::vector<std::string>& pointers) {
  return pointers.empty() ? json : copied<rapidjson::Writer<rapidjson::StringBuffer>>(json, pointers);
}

std::string compact(const std::string& json) {
  return copied<rapidjson::Writer<rapidjson::StringBuffer>>(json, {});
}

}  // namespace sluice::dashboard
