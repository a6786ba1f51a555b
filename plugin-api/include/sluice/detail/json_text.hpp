// JSON text to RapidJSON's values and back, for documents of any depth and numbers of any size. Neither
// direction uses the stack for the depth.
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
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace sluice::detail {

// Numbers are read as text, because RapidJSON 1.1 misreads some that are just beyond a double.
constexpr unsigned parse_flags = rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;

/// The nearest double, or an infinity beyond the largest. Independent of the process's locale.
inline double to_double(std::string_view token) {
  static const locale_t c_locale = newlocale(LC_ALL_MASK, "C", nullptr);
  return strtod_l(std::string(token).c_str(), nullptr, c_locale);
}

/// A document that stores each number as the narrowest of int64, uint64 and double that holds it.
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

/// `text`, with each number beyond a double replaced by an infinity, padded to the same length. It is to be
/// read with kParseNanAndInfFlag. An "I" or "N" in the original text, which JSON does not allow, stays an
/// error.
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

inline std::string_view characters(const rapidjson::Value& text) {
  return {text.GetString(), text.GetStringLength()};
}

/// For few members, whether two have the same name; for many, true without checking.
inline bool may_repeat_members(const rapidjson::Value& object) {
  constexpr rapidjson::SizeType few = 16;
  if (object.MemberCount() > few) return true;
  const auto members = object.GetObject();
  for (auto one = members.MemberBegin(); one != members.MemberEnd(); ++one) {
    for (auto other = members.MemberBegin(); other != one; ++other) {
      if (characters(one->name) == characters(other->name)) return true;
    }
  }
  return false;
}

/// Which members have no later one with the same name; empty if no name is repeated.
inline std::vector<bool> last_members(const rapidjson::Value& object) {
  if (!may_repeat_members(object)) return {};
  std::vector<std::pair<std::string_view, std::size_t>> names;
  names.reserve(object.MemberCount());
  for (const auto& member : object.GetObject()) names.emplace_back(characters(member.name), names.size());
  std::sort(names.begin(), names.end());
  std::vector<bool> last(names.size(), true);
  bool repeated = false;
  for (std::size_t i = 1; i < names.size(); ++i) {
    if (names[i].first != names[i - 1].first) continue;
    last[names[i - 1].second] = false;
    repeated = true;
  }
  return repeated ? last : std::vector<bool>();
}

// By number, because clang finds comparing RapidJSON's iterators ambiguous in C++20.
inline rapidjson::Value::Member& member_at(rapidjson::Value& object, rapidjson::SizeType index) {
  return *(object.MemberBegin() + static_cast<std::ptrdiff_t>(index));
}

/// If several members have the same name, the last one stays, at any depth, as with JSON.parse.
inline void keep_last_members(rapidjson::Value& root, rapidjson::Document::AllocatorType& memory) {
  std::vector<rapidjson::Value*> open{&root};
  const auto open_if_filled = [&](rapidjson::Value& value) {
    if ((value.IsObject() && value.MemberCount() > 0) || (value.IsArray() && !value.Empty()))
      open.push_back(&value);
  };
  while (!open.empty()) {
    rapidjson::Value& value = *open.back();
    open.pop_back();
    if (value.IsArray()) {
      for (rapidjson::Value& element : value.GetArray()) open_if_filled(element);
    } else if (value.IsObject()) {
      if (const auto last = last_members(value); !last.empty()) {
        rapidjson::Value kept(rapidjson::kObjectType);
        for (rapidjson::SizeType i = 0; i < value.MemberCount(); ++i) {
          rapidjson::Value::Member& member = member_at(value, i);
          if (last[i]) kept.AddMember(member.name, member.value, memory);
        }
        value = kept;
      }
      for (rapidjson::SizeType i = 0; i < value.MemberCount(); ++i) open_if_filled(member_at(value, i).value);
    }
  }
}

// Where values stand in text that is JSON. None of these needs the stack for its depth.

inline std::size_t after_blanks(std::string_view json, std::size_t at) {
  return std::min(json.find_first_not_of(" \t\r\n", at), json.size());
}

/// The end of the string that begins at `at`.
inline std::size_t string_end(std::string_view json, std::size_t at) {
  for (++at; at < json.size() && json[at] != '"'; ++at) {
    if (json[at] == '\\') ++at;
  }
  return std::min(at + 1, json.size());
}

/// The end of the value that begins at `at`.
inline std::size_t value_end(std::string_view json, std::size_t at) {
  std::size_t depth = 0;
  while (at < json.size()) {
    if (json[at] == '"') {
      at = string_end(json, at);
    } else if (json[at] == '{' || json[at] == '[') {
      ++depth;
      ++at;
      continue;
    } else if (json[at] == '}' || json[at] == ']') {
      --depth;
      ++at;
    } else if (depth > 0) {
      at = std::min(json.find_first_of("\"{[}]", at), json.size());
      continue;
    } else {
      return std::min(json.find_first_of(",]} \t\r\n", at), json.size());
    }
    if (depth == 0) break;
  }
  return at;
}

/// The characters of a JSON string.
inline std::string unquoted(std::string_view json) {
  if (json.find('\\') == std::string_view::npos) return std::string(json.substr(1, json.size() - 2));
  rapidjson::Document string;
  string.Parse(json.data(), json.size());
  return string.IsString() ? std::string(characters(string)) : std::string();
}

/// The text of a member of `json`, the last with that name, or of an element; empty if there is none.
inline std::string_view text_within(std::string_view json, const std::string& step) {
  std::string_view found;
  const bool is_object = !json.empty() && json.front() == '{';
  const char end_mark = is_object ? '}' : ']';
  const std::size_t wanted = is_object ? 0 : std::strtoull(step.c_str(), nullptr, 10);
  std::size_t at = after_blanks(json, 1);
  for (std::size_t index = 0; at < json.size() && json[at] != end_mark; ++index) {
    bool is_wanted = !is_object && index == wanted;
    if (is_object) {
      const std::size_t end = string_end(json, at);
      is_wanted = unquoted(json.substr(at, end - at)) == step;
      at = after_blanks(json, after_blanks(json, end) + 1);  // behind the colon
    }
    const std::size_t end = value_end(json, at);
    if (is_wanted) found = json.substr(at, end - at);
    at = after_blanks(json, end);
    if (at < json.size() && json[at] == ',') at = after_blanks(json, at + 1);
  }
  return found;
}

/// The original text of the value at a JSON pointer into `json`; empty if there is none.
inline std::string_view text_at(std::string_view json, std::string_view pointer) {
  const std::size_t begin = after_blanks(json, 0);
  std::string_view found = json.substr(begin, value_end(json, begin) - begin);
  while (!pointer.empty() && !found.empty()) {
    pointer.remove_prefix(1);
    const std::size_t size = std::min(pointer.find('/'), pointer.size());
    std::string step;
    for (std::size_t i = 0; i < size; ++i) {
      const bool escaped = pointer[i] == '~' && i + 1 < size;
      step += !escaped ? pointer[i] : (pointer[++i] == '1' ? '/' : '~');
    }
    pointer.remove_prefix(size);
    found = text_within(found, step);
  }
  return found;
}

/// If several members have the same name, the last one counts. Throws PermanentError if `text` is not valid
/// JSON; `subject` is what the error calls it.
inline rapidjson::Document parse_json(std::string_view text, const char* subject) {
  NumberTyper document;
  rapidjson::ParseResult result = document.parse<parse_flags>(text);
  if (result.Code() == rapidjson::kParseErrorNumberTooBig) {
    result = document.parse<parse_flags | rapidjson::kParseNanAndInfFlag>(with_infinities(text));
  }
  if (result.IsError()) {
    throw PermanentError(std::string("bad-") + subject, std::string(subject) + ": invalid JSON at byte " +
                                                            std::to_string(result.Offset()) + ": " +
                                                            rapidjson::GetParseError_En(result.Code()));
  }
  keep_last_members(document, document.GetAllocator());
  return rapidjson::Document(std::move(document));
}

class JsonWriter {
 public:
  /// Throws PermanentError for NaN and infinities, which JSON does not have.
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
      throw PermanentError("bad-output", "output: NaN and infinite numbers are not valid JSON");
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
