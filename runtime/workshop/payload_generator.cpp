#include "workshop/payload_generator.hpp"

#include <rapidjson/document.h>
#include <rapidjson/pointer.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <array>
#include <limits>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::workshop {

namespace {

using rapidjson::Document;
using rapidjson::SizeType;
using rapidjson::Value;

constexpr int deepest = 8;

/// Odd strings that handlers meet sooner or later.
constexpr std::array<std::string_view, 14> odd_texts{"",
                                                     " ",
                                                     "0",
                                                     "null",
                                                     "'; DROP TABLE users; --",
                                                     "../../etc/passwd",
                                                     "%s%n%x",
                                                     "<b>&amp;\"'</b>",
                                                     "a\tb\r\nc",
                                                     "\u00e9\u4e2d\U0001F600",
                                                     "\u202eright to left",
                                                     std::string_view("a\0b", 3),
                                                     "\x7f",
                                                     "https://[::1]:99999/?q=\xc2\xa0"};

/// A string for each format that Sluice checks.
constexpr std::array<std::pair<std::string_view, std::string_view>, 12> format_samples{
    {{"date", "2024-02-29"},
     {"date-time", "2026-12-31T23:59:60Z"},
     {"duration", "P1DT2H"},
     {"email", "o'neill+tag@example.com"},
     {"hostname", "xn--bcher-kva.example"},
     {"ipv4", "192.0.2.255"},
     {"ipv6", "::ffff:192.0.2.1"},
     {"json-pointer", "/a~1b/0"},
     {"time", "08:30:00.5+05:30"},
     {"uri", "https://user@[::1]:8080/a%20b?c=d#e"},
     {"uri-reference", "../a?b"},
     {"uuid", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"}}};

std::string text_of(const Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

const Value* find(const Value& object, const char* key) {
  if (!object.IsObject()) return nullptr;
  const auto found = object.FindMember(key);
  return found == object.MemberEnd() ? nullptr : &found->value;
}

void gather_texts(const Value& value, std::vector<std::string>& texts) {
  if (value.IsString()) texts.emplace_back(value.GetString(), value.GetStringLength());
  if (value.IsArray()) {
    for (const Value& item : value.GetArray()) gather_texts(item, texts);
  }
  if (value.IsObject()) {
    for (const auto& member : value.GetObject()) gather_texts(member.value, texts);
  }
}

}  // namespace

class PayloadGenerator::Maker {
 public:
  Maker(const std::string& schema, const std::string& example, std::uint64_t seed) : random_(seed) {
    schema_.Parse<rapidjson::kParseIterativeFlag>(schema.data(), schema.size());
    if (schema_.HasParseError() || !schema_.IsObject()) schema_.SetObject();
    example_.Parse<rapidjson::kParseIterativeFlag>(example.data(), example.size());
    if (example_.HasParseError()) example_.SetNull();
    gather_texts(example_, example_texts_);
  }

  std::string valid() {
    Document document;
    allocator_ = &document.GetAllocator();
    return text_of(make(schema_, example_.IsNull() ? nullptr : &example_, 0));
  }

  std::string near_valid() {
    Document document;
    allocator_ = &document.GetAllocator();
    Value value = make(schema_, example_.IsNull() ? nullptr : &example_, 0);
    const bool cut = one_in(10);
    if (!cut) spoil(value);
    std::string text = text_of(value);
    return cut ? text.substr(0, below(text.size() + 1)) : text;
  }

 private:
  std::size_t below(std::size_t bound) {
    return bound == 0 ? 0 : static_cast<std::size_t>(random_() % bound);
  }
  bool one_in(std::size_t count) { return below(count) == 0; }
  std::int64_t between(std::int64_t low, std::int64_t high) {
    const auto width = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
    const std::uint64_t step =
        width == std::numeric_limits<std::uint64_t>::max() ? random_() : random_() % (width + 1);
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + step);
  }
  Value copy(const Value& value) { return {value, *allocator_}; }
  Value text(std::string_view characters) {
    return {characters.data(), static_cast<SizeType>(characters.size()), *allocator_};
  }

  /// The target of `schema` if it is a reference within the document.
  const Value& resolved(const Value& schema) const {
    const Value* at = &schema;
    for (int steps = 0; steps < deepest; ++steps) {
      const Value* reference = find(*at, "$ref");
      if (reference == nullptr || !reference->IsString()) return *at;
      const Value* target = rapidjson::Pointer(reference->GetString()).Get(schema_);
      if (target == nullptr) return *at;
      at = target;
    }
    return *at;
  }

  /// A value for `schema`. `example` is the example payload's value in the same place, if there is one.
  Value make(const Value& unresolved, const Value* example, int depth) {
    if (depth > deepest) return Value();  // a schema that requires itself has no end
    const Value& schema = resolved(unresolved);
    if (const Value* constant = find(schema, "const")) return copy(*constant);
    if (const Value* choice = find(schema, "enum");
        choice != nullptr && choice->IsArray() && !choice->Empty())
      return copy((*choice)[static_cast<SizeType>(below(choice->Size()))]);
    if (example != nullptr && !example->IsObject() && !example->IsArray() && one_in(4)) return copy(*example);
    for (const char* key : {"oneOf", "anyOf"}) {
      const Value* options = find(schema, key);
      if (options != nullptr && options->IsArray() && !options->Empty())
        return make_option(schema, (*options)[static_cast<SizeType>(below(options->Size()))], example, depth);
    }
    Value value = of_kind(kind_of(schema, example), schema, example, depth);
    if (const Value* parts = find(schema, "allOf"); parts != nullptr && parts->IsArray()) {
      for (const Value& part : parts->GetArray()) merge(value, make(part, example, depth + 1));
    }
    return value;
  }

  /// One option of oneOf or anyOf, together with the rest of the schema.
  Value make_option(const Value& schema, const Value& option, const Value* example, int depth) {
    const bool has_more = find(schema, "type") != nullptr || find(schema, "properties") != nullptr;
    if (!has_more) return make(option, example, depth + 1);
    Value whole = of_kind(kind_of(schema, example), schema, example, depth);
    if (!whole.IsObject()) return make(option, example, depth + 1);
    drop_what_others_require(whole, schema, option);
    add_required(whole, schema, option, depth);
    return whole;
  }

  /// {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}: removes b if a is wanted.
  void drop_what_others_require(Value& object, const Value& schema, const Value& chosen) {
    const Value* options = find(schema, "oneOf");
    if (options == nullptr) return;
    for (const Value& other : options->GetArray()) {
      const Value* required = find(resolved(other), "required");
      if (&other == &chosen || required == nullptr || !required->IsArray()) continue;
      for (const Value& key : required->GetArray()) {
        if (key.IsString()) object.RemoveMember(key.GetString());
      }
    }
  }

  void add_required(Value& object, const Value& schema, const Value& option, int depth) {
    const Value* required = find(resolved(option), "required");
    const Value* properties = find(schema, "properties");
    if (required == nullptr || !required->IsArray()) return;
    for (const Value& key : required->GetArray()) {
      if (!key.IsString() || object.HasMember(key)) continue;
      const Value* property = properties == nullptr ? nullptr : find(*properties, key.GetString());
      object.AddMember(copy(key), property == nullptr ? anything(depth) : make(*property, nullptr, depth + 1),
                       *allocator_);
    }
  }

  void merge(Value& into, Value part) {
    if (!into.IsObject() || !part.IsObject()) return;
    for (SizeType i = 0; i < part.MemberCount(); ++i) {
      auto& [name, value] = *(part.MemberBegin() + static_cast<std::ptrdiff_t>(i));
      if (!into.HasMember(name)) into.AddMember(name, value, *allocator_);
    }
  }

  std::string kind_of(const Value& schema, const Value* example) {
    const Value* type = find(schema, "type");
    if (type != nullptr && type->IsString()) return type->GetString();
    if (type != nullptr && type->IsArray() && !type->Empty()) {
      const Value& one = (*type)[static_cast<SizeType>(below(type->Size()))];
      if (one.IsString()) return one.GetString();
    }
    if (find(schema, "properties") != nullptr || find(schema, "required") != nullptr) return "object";
    if (find(schema, "items") != nullptr) return "array";
    if (find(schema, "pattern") != nullptr || find(schema, "minLength") != nullptr) return "string";
    if (find(schema, "minimum") != nullptr || find(schema, "maximum") != nullptr) return "number";
    if (example != nullptr && example->IsObject() && !one_in(4)) return "object";
    return "any";
  }

  Value of_kind(const std::string& kind, const Value& schema, const Value* example, int depth) {
    if (kind == "object") return object(schema, example, depth);
    if (kind == "array") return array(schema, example, depth);
    if (kind == "string") return string(schema, example);
    if (kind == "integer") return integer(schema);
    if (kind == "number") return number(schema);
    if (kind == "boolean") return Value(one_in(2));
    if (kind == "null") return Value();
    return anything(depth);
  }

  Value object(const Value& schema, const Value* example, int depth) {
    Value made(rapidjson::kObjectType);
    const Value* required = find(schema, "required");
    const auto is_required = [&](const Value& name) {
      return required != nullptr && required->IsArray() &&
             std::any_of(required->Begin(), required->End(), [&](const Value& one) { return one == name; });
    };
    if (const Value* properties = find(schema, "properties");
        properties != nullptr && properties->IsObject()) {
      for (const auto& property : properties->GetObject()) {
        if (!is_required(property.name) && (depth >= deepest || one_in(2))) continue;
        const Value* shown = example == nullptr ? nullptr : find(*example, property.name.GetString());
        made.AddMember(copy(property.name), make(property.value, shown, depth + 1), *allocator_);
      }
    }
    if (required != nullptr && required->IsArray()) {
      for (const Value& key : required->GetArray()) {
        if (!key.IsString() || made.HasMember(key)) continue;
        const Value* shown = example == nullptr ? nullptr : find(*example, key.GetString());
        made.AddMember(copy(key), shown != nullptr ? copy(*shown) : anything(depth), *allocator_);
      }
    }
    add_others(made, schema, example, depth);
    return made;
  }

  /// Members that the schema does not name: the example's, and unexpected ones.
  void add_others(Value& made, const Value& schema, const Value* example, int depth) {
    const Value* more = find(schema, "additionalProperties");
    if (more != nullptr && more->IsBool() && !more->GetBool()) return;
    if (example != nullptr && example->IsObject()) {
      for (const auto& member : example->GetObject()) {
        if (!made.HasMember(member.name) && find(schema, "properties") == nullptr && !one_in(4))
          made.AddMember(copy(member.name), copy(member.value), *allocator_);
      }
    }
    if (depth >= deepest || !one_in(3)) return;
    Value key = text(odd_texts[below(odd_texts.size())]);
    if (made.HasMember(key)) return;
    made.AddMember(key,
                   more != nullptr && more->IsObject() ? make(*more, nullptr, depth + 1) : anything(depth),
                   *allocator_);
  }

  Value array(const Value& schema, const Value* example, int depth) {
    Value made(rapidjson::kArrayType);
    const auto least = bound(schema, "minItems", 0);
    const auto most = std::max(least, std::min(bound(schema, "maxItems", least + 5), least + 50));
    const auto count = depth >= deepest ? least : between(least, most);
    const Value* items = find(schema, "items");
    for (std::int64_t i = 0; i < count; ++i) {
      const Value* shown =
          example != nullptr && example->IsArray() && !example->Empty() ? &(*example)[0] : nullptr;
      const Value* each = items != nullptr && items->IsArray() && i < items->Size()
                              ? &(*items)[static_cast<SizeType>(i)]
                              : items;
      made.PushBack(each != nullptr && each->IsObject() ? make(*each, shown, depth + 1) : anything(depth),
                    *allocator_);
    }
    return made;
  }

  Value string(const Value& schema, const Value* example) {
    if (const Value* format = find(schema, "format"); format != nullptr && format->IsString()) {
      for (const auto& [name, sample] : format_samples) {
        if (name == format->GetString()) return text(sample);
      }
    }
    if (find(schema, "pattern") != nullptr) {
      if (example != nullptr && example->IsString()) return copy(*example);
      if (!example_texts_.empty()) return text(example_texts_[below(example_texts_.size())]);
    }
    const auto least = bound(schema, "minLength", 0);
    const auto most = bound(schema, "maxLength", std::max<std::int64_t>(least, one_in(20) ? 20'000 : 60));
    std::string made;
    if (one_in(2)) made = odd_texts[below(odd_texts.size())];
    for (auto left = between(least, std::max(least, most)); static_cast<std::int64_t>(made.size()) < left;)
      made += static_cast<char>('a' + static_cast<char>(below(26)));
    return text(static_cast<std::int64_t>(made.size()) <= most
                    ? made
                    : std::string(static_cast<std::size_t>(least), 'x'));
  }

  Value integer(const Value& schema) {
    constexpr std::int64_t far = std::numeric_limits<std::int64_t>::max();
    std::int64_t least = bound(schema, "minimum", -far);
    std::int64_t most = bound(schema, "maximum", far);
    if (is_true(schema, "exclusiveMinimum")) ++least;
    if (is_true(schema, "exclusiveMaximum")) --most;
    if (is_number(schema, "exclusiveMinimum"))
      least = std::max(least, bound(schema, "exclusiveMinimum", 0) + 1);
    if (is_number(schema, "exclusiveMaximum"))
      most = std::min(most, bound(schema, "exclusiveMaximum", 0) - 1);
    if (least > most) most = least;
    const std::array<std::int64_t, 7> notable{
        least, most, 0, 1, -1, between(least, most), between(-1000, 1000)};
    std::int64_t made = std::clamp(notable[below(notable.size())], least, most);
    if (const auto step = bound(schema, "multipleOf", 1); step > 1) made -= made % step;
    return Value(made);
  }

  Value number(const Value& schema) {
    const bool open_below = is_number(schema, "exclusiveMinimum");  // since draft 6
    const bool open_above = is_number(schema, "exclusiveMaximum");
    const Value* low = find(schema, open_below ? "exclusiveMinimum" : "minimum");
    const Value* high = find(schema, open_above ? "exclusiveMaximum" : "maximum");
    const double least = low != nullptr && low->IsNumber() ? low->GetDouble() : -1e308;
    const double most = high != nullptr && high->IsNumber() ? high->GetDouble() : 1e308;
    const auto excluded = [&](double made) {
      return (made == least && (open_below || is_true(schema, "exclusiveMinimum"))) ||
             (made == most && (open_above || is_true(schema, "exclusiveMaximum")));
    };
    if (one_in(3)) {
      Value whole = integer(schema);
      if (!excluded(whole.GetDouble())) return whole;
    }
    const std::array<double, 6> notable{0.5, -0.0, 1e-300, 1e300, 123456.789, -1e15};
    const double made = std::clamp(notable[below(notable.size())], least, most);
    return Value(excluded(made) ? least / 2 + most / 2 : made);
  }

  Value anything(int depth) {
    switch (below(depth >= deepest ? 5 : 8)) {
      case 0:
        return Value();
      case 1:
        return Value(one_in(2));
      case 2:
        return integer(Value(rapidjson::kObjectType));
      case 3:
        return number(Value(rapidjson::kObjectType));
      case 4:
      case 5:
        return text(odd_texts[below(odd_texts.size())]);
      case 6: {
        Value made(rapidjson::kArrayType);
        for (std::size_t i = below(4); i > 0; --i) made.PushBack(anything(depth + 1), *allocator_);
        return made;
      }
      default: {
        Value made(rapidjson::kObjectType);
        for (std::size_t i = below(4); i > 0; --i)
          made.AddMember(text("key" + std::to_string(i)), anything(depth + 1), *allocator_);
        return made;
      }
    }
  }

  /// Makes `value` wrong in one place.
  void spoil(Value& value) {
    std::vector<Value*> places;
    gather(value, places);
    Value& place = *places[below(places.size())];
    if (place.IsObject() && place.MemberCount() > 0 && one_in(2)) {
      place.EraseMember(place.MemberBegin() + static_cast<std::ptrdiff_t>(below(place.MemberCount())));
    } else if (place.IsArray() && one_in(2)) {
      for (int i = 0; i < 1000; ++i) place.PushBack(Value(i), *allocator_);
    } else if (place.IsString() && one_in(2)) {
      const std::string longer =
          std::string(place.GetString(), place.GetStringLength()) + std::string(100'000, 'x');
      place = text(longer);
    } else {
      place = anything(0);
    }
  }

  void gather(Value& value, std::vector<Value*>& places) {
    places.push_back(&value);
    if (value.IsArray()) {
      for (Value& item : value.GetArray()) gather(item, places);
    } else if (value.IsObject()) {
      for (SizeType i = 0; i < value.MemberCount(); ++i)
        gather((value.MemberBegin() + static_cast<std::ptrdiff_t>(i))->value, places);
    }
  }

  static std::int64_t bound(const Value& schema, const char* key, std::int64_t fallback) {
    const Value* value = find(schema, key);
    if (value == nullptr || !value->IsNumber()) return fallback;
    if (value->IsInt64()) return value->GetInt64();
    const double wide = value->GetDouble();
    return wide > 9e18    ? std::numeric_limits<std::int64_t>::max()
           : wide < -9e18 ? -std::numeric_limits<std::int64_t>::max()
                          : static_cast<std::int64_t>(wide);
  }
  static bool is_number(const Value& schema, const char* key) {
    const Value* value = find(schema, key);
    return value != nullptr && value->IsNumber();
  }
  static bool is_true(const Value& schema, const char* key) {
    const Value* value = find(schema, key);
    return value != nullptr && value->IsBool() && value->GetBool();
  }

  std::mt19937_64 random_;
  Document schema_;
  Document example_;
  std::vector<std::string> example_texts_;
  Document::AllocatorType* allocator_ = nullptr;  // of the payload that is being made
};

PayloadGenerator::PayloadGenerator(const std::string& schema, const std::string& example, std::uint64_t seed)
    : maker_(std::make_unique<Maker>(schema, example, seed)) {}
PayloadGenerator::~PayloadGenerator() = default;

std::string PayloadGenerator::valid() {
  return maker_->valid();
}
std::string PayloadGenerator::near_valid() {
  return maker_->near_valid();
}

}  // namespace sluice::workshop
