#include "json.hpp"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstddef>
#include <sluice/detail/json_text.hpp>
#include <utility>

namespace data_sync {

namespace {

constexpr int deepest = 100;

/// Put before the digits of a number, and before a text that begins with this character.
constexpr char mark = '\x01';

constexpr std::string_view blanks =
    " \t\r\n\x1e";  // the last one begins a record of a JSON sequence (RFC 7464)

std::string_view characters(const rapidjson::Value& value) {
  return {value.GetString(), value.GetStringLength()};
}

bool is_marked(std::string_view text) {
  return !text.empty() && text.front() == mark;
}

class Reader : public rapidjson::Document {
 public:
  /// Reads one value; the stream is then at the character after it.
  rapidjson::ParseResult read(rapidjson::MemoryStream& stream) {
    constexpr unsigned flags = rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag |
                               rapidjson::kParseValidateEncodingFlag | rapidjson::kParseStopWhenDoneFlag;
    rapidjson::ParseResult result;
    auto fill = [&](rapidjson::Document&) {
      rapidjson::Reader reader;
      result = reader.Parse<flags>(stream, *this);
      return !result.IsError();
    };
    Populate(fill);
    return result;
  }

  bool RawNumber(const char* digits, rapidjson::SizeType size, bool) { return marked({digits, size}); }
  bool String(const char* text, rapidjson::SizeType size, bool copy) {
    if (is_marked({text, size})) return marked({text, size});
    return rapidjson::Document::String(text, size, copy);
  }
  bool StartObject() { return ++depth_ <= deepest && rapidjson::Document::StartObject(); }
  bool EndObject(rapidjson::SizeType members) {
    --depth_;
    return rapidjson::Document::EndObject(members);
  }
  bool StartArray() { return ++depth_ <= deepest && rapidjson::Document::StartArray(); }
  bool EndArray(rapidjson::SizeType elements) {
    --depth_;
    return rapidjson::Document::EndArray(elements);
  }

 private:
  bool marked(std::string_view text) {
    const std::string with_mark = mark + std::string(text);
    return rapidjson::Document::String(with_mark.data(), static_cast<rapidjson::SizeType>(with_mark.size()),
                                       true);
  }

  int depth_ = 0;
};

class Writer : public rapidjson::Writer<rapidjson::StringBuffer> {
 public:
  using Base = rapidjson::Writer<rapidjson::StringBuffer>;
  using Base::Base;
  bool String(const char* text, rapidjson::SizeType size, bool = false) {
    const std::string_view characters(text, size);
    if (!is_marked(characters)) return Base::String(text, size);
    if (is_marked(characters.substr(1))) return Base::String(text + 1, size - 1);
    return RawValue(text + 1, size - 1, rapidjson::kNumberType);
  }
  bool Key(const char* text, rapidjson::SizeType size, bool = false) { return Base::String(text, size); }
};

/// Stops the visit by returning false at the first NUL.
struct NulFinder : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, NulFinder> {
  bool String(const char* text, rapidjson::SizeType size, bool) {
    return std::string_view(text, size).find('\0') == std::string_view::npos;
  }
  bool Key(const char* text, rapidjson::SizeType size, bool copy) { return String(text, size, copy); }
};

[[noreturn]] void refuse(rapidjson::ParseErrorCode code, std::size_t offset) {
  const bool too_deep = code == rapidjson::kParseErrorTermination;
  throw BadJson("invalid JSON at byte " + std::to_string(offset) + ": " +
                (too_deep ? "nested more than 100 levels deep" : rapidjson::GetParseError_En(code)));
}

rapidjson::Document read_value(rapidjson::MemoryStream& stream) {
  Reader document;
  const rapidjson::ParseResult result = document.read(stream);
  if (result.IsError()) refuse(result.Code(), result.Offset());
  sluice::detail::keep_last_members(document, document.GetAllocator());
  return rapidjson::Document(std::move(document));
}

bool only_blanks(std::string_view text) {
  return text.find_first_not_of(blanks) == std::string_view::npos;
}

void skip_blanks(rapidjson::MemoryStream& stream) {
  while (stream.Tell() < stream.size_ && blanks.find(stream.Peek()) != std::string_view::npos) stream.Take();
}

}  // namespace

rapidjson::Document parse_json(std::string_view text) {
  rapidjson::MemoryStream stream(text.data() == nullptr ? "" : text.data(), text.size());
  rapidjson::Document document = read_value(stream);
  if (only_blanks(text.substr(stream.Tell()))) return document;
  refuse(rapidjson::kParseErrorDocumentRootNotSingular, stream.Tell());
}

rapidjson::Document parse_json_or_lines(std::string_view text, bool lines) {
  rapidjson::MemoryStream stream(text.data() == nullptr ? "" : text.data(), text.size());
  skip_blanks(stream);
  if (lines && stream.Tell() == text.size()) return rapidjson::Document(rapidjson::kArrayType);
  rapidjson::Document first = read_value(stream);
  skip_blanks(stream);
  if (stream.Tell() == text.size() && !(lines && first.IsObject())) return first;
  rapidjson::Document all(rapidjson::kArrayType);
  for (rapidjson::Document next = std::move(first);; next = read_value(stream)) {
    // Only objects are records. Two arrays one after the other are an error.
    if (!next.IsObject()) refuse(rapidjson::kParseErrorDocumentRootNotSingular, stream.Tell());
    all.PushBack(rapidjson::Value(next, all.GetAllocator()), all.GetAllocator());
    skip_blanks(stream);
    if (stream.Tell() == text.size()) return all;
  }
}

std::string to_text(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

std::string to_text(const rapidjson::Pointer& pointer) {
  rapidjson::StringBuffer buffer;
  pointer.Stringify(buffer);
  return {buffer.GetString(), buffer.GetSize()};
}

bool is_number(const rapidjson::Value& value) {
  if (value.IsNumber()) return true;
  return value.IsString() && is_marked(characters(value)) && !is_marked(characters(value).substr(1));
}

bool is_text(const rapidjson::Value& value) {
  return value.IsString() && !is_number(value);
}

std::string plain(const rapidjson::Value& value) {
  if (!value.IsString()) return to_text(value);
  const std::string_view text = characters(value);
  return std::string(is_marked(text) ? text.substr(1) : text);
}

rapidjson::Document text_value(std::string_view text) {
  std::string marked = is_marked(text) ? std::string(1, mark) : std::string();
  marked += text;
  rapidjson::Document value;
  value.SetString(marked.data(), static_cast<rapidjson::SizeType>(marked.size()), value.GetAllocator());
  return value;
}

bool holds_nul(const rapidjson::Value& value) {
  NulFinder finder;
  return !value.Accept(finder);
}

rapidjson::Pointer pointer_of(const std::string& text) {
  rapidjson::Pointer pointer(text.c_str(), text.size());
  const bool fragment = !text.empty() && text.front() != '/';
  if (fragment || !pointer.IsValid()) throw std::invalid_argument("expected a JSON pointer like /data/items");
  return pointer;
}

}  // namespace data_sync
