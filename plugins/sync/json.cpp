#include "json.hpp"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <system_error>
#include <utility>

namespace data_sync {

namespace {

constexpr int deepest = 100;

/// Every decimal number of that many digits reads back from a double as it was.
constexpr int exact_digits = 15;

bool is_exact(std::string_view number, double value) {
  const std::string_view digits = number.substr(0, number.find_first_of("eE"));
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto first = std::find_if(digits.begin(), digits.end(), [](char c) { return c >= '1' && c <= '9'; });
  return std::count_if(first, digits.end(), is_digit) <= exact_digits &&
         (first == digits.end() || std::isnormal(value));
}

class Reader : public rapidjson::Document {
 public:
  rapidjson::ParseResult read(std::string_view text) {
    constexpr unsigned flags = rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag |
                               rapidjson::kParseValidateEncodingFlag;
    rapidjson::ParseResult result;
    auto fill = [&](rapidjson::Document&) {
      rapidjson::MemoryStream stream(text.data() == nullptr ? "" : text.data(), text.size());
      rapidjson::Reader reader;
      result = reader.Parse<flags>(stream, *this);
      return !result.IsError();
    };
    Populate(fill);
    return result;
  }

  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    const char* const end = text + size;
    std::int64_t integer = 0;
    if (const auto [rest, error] = std::from_chars(text, end, integer); error == std::errc() && rest == end) {
      return Int64(integer);
    }
    double real = 0;
    const auto [rest, error] = std::from_chars(text, end, real);
    if (error == std::errc() && rest == end && is_exact({text, size}, real)) return Double(real);
    return String(text, size, true);
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
  int depth_ = 0;
};

class Writer : public rapidjson::Writer<rapidjson::StringBuffer> {
 public:
  using rapidjson::Writer<rapidjson::StringBuffer>::Writer;
  // RapidJSON's own doubles have now and then a digit more than they need, which a numeric column would keep.
  bool Double(double number) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    return RawValue(text.data(), static_cast<std::size_t>(end - text.data()), rapidjson::kNumberType);
  }
};

/// Ends the visit, with false, at the first NUL.
struct NulFinder : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, NulFinder> {
  bool String(const char* text, rapidjson::SizeType size, bool) {
    return std::string_view(text, size).find('\0') == std::string_view::npos;
  }
  bool Key(const char* text, rapidjson::SizeType size, bool copy) { return String(text, size, copy); }
};

}  // namespace

rapidjson::Document parse_json(std::string_view text) {
  Reader document;
  const rapidjson::ParseResult result = document.read(text);
  if (result.IsError()) {
    const bool too_deep = result.Code() == rapidjson::kParseErrorTermination;
    throw BadJson(
        "no JSON, at byte " + std::to_string(result.Offset()) + ": " +
        (too_deep ? "nested more than 100 levels deep" : rapidjson::GetParseError_En(result.Code())));
  }
  return rapidjson::Document(std::move(document));
}

std::string to_text(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
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
