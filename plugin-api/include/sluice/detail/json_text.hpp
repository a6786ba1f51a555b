// JSON text to RapidJSON's values and back, for documents of any depth and numbers of any size: both ways
// keep their place in memory, never on the stack.
#pragma once

#include <locale.h>
#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <stdlib.h>
#include <sluice/result.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace sluice::detail {

// Numbers come as text, since RapidJSON 1.1 makes garbage of some that are just beyond a double.
constexpr unsigned parse_flags = rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;

/// The nearest double, an infinity beyond the largest; whatever the process's locale is.
inline double to_double(std::string_view token) {
  static const locale_t c_locale = newlocale(LC_ALL_MASK, "C", nullptr);
  return strtod_l(std::string(token).c_str(), nullptr, c_locale);
}

/// A document that takes each number as the narrowest of int64, uint64 and double that holds it.
class NumberTyper : public rapidjson::Document {
 public:
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    const char* const end = text + size;
    std::int64_t integer = 0;
    if (const auto [rest, error] = std::from_chars(text, end, integer); error == std::errc() && rest == end) {
      return Int64(integer);
    }
    std::uint64_t large = 0;
    if (const auto [rest, error] = std::from_chars(text, end, large); error == std::errc() && rest == end) {
      return Uint64(large);
    }
    return Double(to_double({text, size}));
  }

  template <unsigned flags>
  rapidjson::ParseResult parse(std::string_view text) {
    rapidjson::ParseResult result;
    auto read = [&](rapidjson::Document&) {
      rapidjson::MemoryStream stream(text.data() ? text.data() : "", text.size());
      rapidjson::Reader reader;
      result = reader.Parse<flags>(stream, *this);
      return !result.IsError();
    };
    Populate(read);
    return result;
  }
};

/// How many bytes of `text`, which begins with a digit or a minus, are one number.
inline std::size_t number_size(std::string_view text) {
  std::size_t at = text[0] == '-' ? 1 : 0;
  const auto digits = [&] { at = std::min(text.find_first_not_of("0123456789", at), text.size()); };
  digits();
  if (text.substr(at, 1) == ".") {
    ++at;
    digits();
  }
  if (text.substr(at, 1) == "e" || text.substr(at, 1) == "E") {
    ++at;
    if (text.substr(at, 1) == "+" || text.substr(at, 1) == "-") ++at;
    digits();
  }
  return at;
}

/// `text` with an infinity, padded to the same length, for each number beyond a double, to be read with
/// kParseNanAndInfFlag. An "I" or "N" that stood there before, which JSON does not allow, stays an error.
inline std::string with_infinities(std::string_view text) {
  std::string out(text);
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c == '\\') ++at;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == 'I' || c == 'N') {
      out[at] = '?';
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      const std::size_t size = number_size(text.substr(at));
      if (std::isinf(to_double(text.substr(at, size)))) {
        std::string infinity = c == '-' ? "-Inf" : "Inf";
        infinity.resize(size, ' ');
        out.replace(at, size, infinity);
      }
      at += size - 1;
    }
  }
  return out;
}

/// Throws PermanentError when `text` is no JSON; `subject` is what the error calls it.
inline rapidjson::Document parse_json(std::string_view text, const char* subject) {
  NumberTyper document;
  rapidjson::ParseResult result = document.parse<parse_flags>(text);
  if (result.Code() == rapidjson::kParseErrorNumberTooBig) {
    result = document.parse<parse_flags | rapidjson::kParseNanAndInfFlag>(with_infinities(text));
  }
  if (result.IsError()) {
    throw PermanentError(std::string("bad-") + subject, std::string(subject) + ": no JSON, at byte " +
                                                            std::to_string(result.Offset()) + ": " +
                                                            rapidjson::GetParseError_En(result.Code()));
  }
  return rapidjson::Document(std::move(document));
}

class JsonWriter {
 public:
  /// Throws PermanentError for a number that JSON does not have: NaN or an infinity.
  std::string write(const rapidjson::Value& root) {
    begin(root);
    while (!open_.empty()) step();
    return {buffer_.GetString(), buffer_.GetSize()};
  }

 private:
  struct Level {
    const rapidjson::Value* value;
    rapidjson::SizeType next;
  };

  void begin(const rapidjson::Value& value) {
    if (value.IsObject()) {
      writer_.StartObject();
      open_.push_back({&value, 0});
    } else if (value.IsArray()) {
      writer_.StartArray();
      open_.push_back({&value, 0});
    } else if (!value.Accept(writer_)) {
      throw PermanentError("bad-output", "output: a number that is NaN or infinite is no JSON");
    }
  }

  void step() {
    const rapidjson::Value& value = *open_.back().value;
    const rapidjson::SizeType index = open_.back().next++;
    if (value.IsObject()) {
      if (index == value.MemberCount()) return end();
      const auto member = value.MemberBegin() + static_cast<std::ptrdiff_t>(index);
      writer_.Key(member->name.GetString(), member->name.GetStringLength());
      begin(member->value);
    } else {
      if (index == value.Size()) return end();
      begin(value[index]);
    }
  }

  void end() {
    if (open_.back().value->IsObject()) {
      writer_.EndObject();
    } else {
      writer_.EndArray();
    }
    open_.pop_back();
  }

  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_{buffer_};
  std::vector<Level> open_;
};

}  // namespace sluice::detail
