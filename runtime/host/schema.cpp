#include "host/schema.hpp"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/pointer.h>
#include <rapidjson/reader.h>
#include <rapidjson/schema.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <sluice/detail/json_text.hpp>

#include <cfloat>
#include <charconv>
#include <cmath>

#include "base/text.hpp"
#include "host/refusal.hpp"

namespace sluice::host {

namespace {

constexpr std::size_t longest_rule = 200;

/// Hands a parser's events on, numbers as the narrowest type that holds them; those beyond a double
/// count as the largest double of their sign.
template <class Target>
class NumberTyper {
 public:
  explicit NumberTyper(Target& target) : target_(target) {}

  bool Null() { return target_.Null(); }
  bool Bool(bool value) { return target_.Bool(value); }
  bool Int(int value) { return target_.Int(value); }
  bool Uint(unsigned value) { return target_.Uint(value); }
  bool Int64(std::int64_t value) { return target_.Int64(value); }
  bool Uint64(std::uint64_t value) { return target_.Uint64(value); }
  bool Double(double value) {
    return target_.Double(std::isfinite(value) ? value : std::copysign(DBL_MAX, value));
  }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) { return number({text, size}); }
  bool String(const char* text, rapidjson::SizeType size, bool copy) {
    return target_.String(text, size, copy);
  }
  bool StartObject() { return target_.StartObject(); }
  bool Key(const char* text, rapidjson::SizeType size, bool copy) { return target_.Key(text, size, copy); }
  bool EndObject(rapidjson::SizeType count) { return target_.EndObject(count); }
  bool StartArray() { return target_.StartArray(); }
  bool EndArray(rapidjson::SizeType count) { return target_.EndArray(count); }

 private:
  bool number(std::string_view text) {
    const char* const end = text.data() + text.size();
    std::int64_t integer = 0;
    if (const auto [rest, error] = std::from_chars(text.data(), end, integer);
        error == std::errc() && rest == end) {
      return integer < 0 ? target_.Int64(integer) : target_.Uint64(static_cast<std::uint64_t>(integer));
    }
    std::uint64_t large = 0;
    if (const auto [rest, error] = std::from_chars(text.data(), end, large);
        error == std::errc() && rest == end) {
      return target_.Uint64(large);
    }
    return Double(detail::to_double(text));
  }

  Target& target_;
};

template <unsigned flags, class Handler>
rapidjson::ParseResult parse_once(std::string_view json, Handler& handler) {
  rapidjson::MemoryStream stream(json.data() ? json.data() : "", json.size());
  rapidjson::Reader reader;
  return reader.Parse<flags>(stream, handler);
}

/// Feeds the events of `json` to what `handler()` makes; a second time, to a new one, when the first
/// reading met a number that RapidJSON gives up on.
template <class MakeHandler>
rapidjson::ParseResult parse(std::string_view json, MakeHandler make_handler) {
  auto handler = make_handler();
  const rapidjson::ParseResult result = parse_once<detail::parse_flags>(json, handler);
  if (result.Code() != rapidjson::kParseErrorNumberTooBig) return result;
  auto again = make_handler();
  return parse_once<detail::parse_flags | rapidjson::kParseNanAndInfFlag>(detail::with_infinities(json),
                                                                          again);
}

template <class Pointer>
std::string pointer_text(const Pointer& pointer) {
  rapidjson::StringBuffer buffer;
  pointer.Stringify(buffer);
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace

struct Schema::Compiled {
  rapidjson::Document text;
  std::unique_ptr<rapidjson::SchemaDocument> schema;
  std::unique_ptr<rapidjson::SchemaValidator> validator;

  /// "maximum": 10, as the schema has it.
  std::string rule() const {
    const std::string keyword = validator->GetInvalidSchemaKeyword();
    rapidjson::StringBuffer buffer;
    const rapidjson::Value* holder = validator->GetInvalidSchemaPointer().Get(text);
    if (holder != nullptr && holder->IsObject() && holder->HasMember(keyword.c_str())) {
      rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
      (*holder)[keyword.c_str()].Accept(writer);
    }
    const std::string value(buffer.GetString(), buffer.GetSize());
    return base::json_quote(keyword) + (value.empty() ? "" : ": " + base::shortened(value, longest_rule));
  }
};

Schema::Schema(const std::string& text) {
  if (text.empty()) return;
  compiled_ = std::make_unique<Compiled>();
  compiled_->text.Parse<rapidjson::kParseIterativeFlag>(text.c_str(), text.size());
  if (compiled_->text.HasParseError() || !compiled_->text.IsObject()) {
    const std::string found = compiled_->text.HasParseError()
                                  ? "a schema that is no JSON (at byte " +
                                        std::to_string(compiled_->text.GetErrorOffset()) + ": " +
                                        rapidjson::GetParseError_En(compiled_->text.GetParseError()) + ")"
                                  : std::string("a schema that is no JSON object");
    throw Refusal(found, "JSON Schema, draft 4", "mend the schema");
  }
  compiled_->schema = std::make_unique<rapidjson::SchemaDocument>(compiled_->text);
  compiled_->validator = std::make_unique<rapidjson::SchemaValidator>(*compiled_->schema);
}

Schema::Schema(Schema&&) noexcept = default;
Schema& Schema::operator=(Schema&&) noexcept = default;
Schema::~Schema() = default;

std::optional<std::string> Schema::check(std::string_view json, const std::string& what) {
  if (!compiled_) return std::nullopt;
  rapidjson::SchemaValidator& validator = *compiled_->validator;
  const rapidjson::ParseResult result = parse(json, [&] {
    validator.Reset();
    return NumberTyper<rapidjson::SchemaValidator>(validator);
  });
  if (!validator.IsValid()) {
    const std::string where = pointer_text(validator.GetInvalidDocumentPointer());
    return what +
           (where.empty() ? " at its root (JSON pointer \"\")" : " at JSON pointer \"" + where + "\"") +
           " breaks the rule " + compiled_->rule() + " of its schema";
  }
  if (result.IsError()) {
    return what + " is no JSON: at byte " + std::to_string(result.Offset()) + ": " +
           rapidjson::GetParseError_En(result.Code());
  }
  return std::nullopt;
}

bool is_json(std::string_view text) {
  return !parse(text, [] { return rapidjson::BaseReaderHandler<>(); }).IsError();
}

}  // namespace sluice::host
