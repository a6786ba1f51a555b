// Reading JSON with checks: `payload().object("to").string("address")`. If a value is absent or has the wrong
// type, this throws a PermanentError that names the place: "payload /to/address: expected a string, found a
// number".
//
// A Json is a view of one value. It is valid as long as the Job or Config that it came from. Views may be
// read from several threads.
#pragma once

#if !__has_include(<rapidjson/document.h>)
#error \
    "RapidJSON was not found: install rapidjson-dev, or define SLUICE_WITHOUT_RAPIDJSON to read payloads by other means"
#endif
#include <rapidjson/document.h>
#include <sluice/detail/json_text.hpp>
#include <sluice/result.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

class Json {
 public:
  class Iterator;

  /// `subject` is what errors call the document ("payload"), `path` the JSON pointer of `value` in it, and
  /// `document` the text that it was read from, if available.
  Json(const rapidjson::Value& value, const char* subject, std::string path = {},
       std::string_view document = {})
      : value_(&value), subject_(subject), path_(std::move(path)), document_(document) {}

  // The members of an object. Each throws PermanentError if the member is absent or has another type.
  std::string string(std::string_view key) const { return member(key).as_string(); }
  std::int64_t integer(std::string_view key) const { return member(key).as_integer(); }
  double number(std::string_view key) const { return member(key).as_number(); }
  bool boolean(std::string_view key) const { return member(key).as_boolean(); }
  Json object(std::string_view key) const { return member(key).as_object(); }
  Json array(std::string_view key) const { return member(key).as_array(); }

  // The same, with a fallback for an absent or null member. Another type still throws PermanentError.
  std::string string_or(std::string_view key, std::string_view fallback) const {
    const auto member = find(key);
    return member ? member->as_string() : std::string(fallback);
  }
  std::int64_t integer_or(std::string_view key, std::int64_t fallback) const {
    const auto member = find(key);
    return member ? member->as_integer() : fallback;
  }
  double number_or(std::string_view key, double fallback) const {
    const auto member = find(key);
    return member ? member->as_number() : fallback;
  }
  bool boolean_or(std::string_view key, bool fallback) const {
    const auto member = find(key);
    return member ? member->as_boolean() : fallback;
  }

  /// The member with that name; nullopt if it is absent or null. Throws PermanentError if this is not an
  /// object.
  std::optional<Json> find(std::string_view key) const {
    Json found = member(key);
    if (found.value_->IsNull()) return std::nullopt;
    return found;
  }
  /// The member with that name, null included. Throws PermanentError if it is absent.
  Json at(std::string_view key) const {
    Json found = member(key);
    if (found.absent_) throw found.unexpected("a value");
    return found;
  }

  // This value itself. Each throws PermanentError if it has another type.
  std::string as_string() const {
    if (!value_->IsString()) throw unexpected("a string");
    return {value_->GetString(), value_->GetStringLength()};
  }
  /// A string, or the digits of a number as they were written, because ids and amounts come as either.
  std::string as_text() const {
    if (value_->IsNumber()) return json();
    if (!value_->IsString()) throw unexpected("a string or a number");
    return as_string();
  }
  /// A whole number within 64 bits; 3.0 and 3e2 are whole numbers too.
  std::int64_t as_integer() const {
    if (value_->IsInt64()) return value_->GetInt64();
    if (!value_->IsNumber()) throw unexpected("an integer");
    constexpr double beyond_exact = 9007199254740992.0;  // 2^53
    const double number = value_->GetDouble();
    if (value_->IsUint64() || std::fabs(number) > beyond_exact)
      throw unexpected("an integer", "one too large");
    if (number != std::trunc(number)) throw unexpected("an integer", "a fraction");
    return static_cast<std::int64_t>(number);
  }
  /// A finite number; integers beyond 2^53 lose their last digits.
  double as_number() const {
    if (!value_->IsNumber()) throw unexpected("a number");
    const double number = value_->GetDouble();
    if (!std::isfinite(number)) throw unexpected("a number", "one too large for a double");
    return number;
  }
  bool as_boolean() const {
    if (!value_->IsBool()) throw unexpected("a boolean");
    return value_->GetBool();
  }
  Json as_object() const {
    if (!value_->IsObject()) throw unexpected("an object");
    return *this;
  }
  Json as_array() const {
    if (!value_->IsArray()) throw unexpected("an array");
    return *this;
  }

  // The elements of an array; none if it is not an array. An Iterator must not outlive its Json.
  std::size_t size() const { return value_->IsArray() ? value_->Size() : 0; }
  Iterator begin() const;
  Iterator end() const;

  // The value belongs to the document and outlives this view, which GCC 13 and later can't see.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 13
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdangling-reference"
#endif
  /// RapidJSON's own value, for everything else. It is valid as long as the Job or Config, not only as long
  /// as this view. A number beyond the range of a double is an infinite double in it.
  const rapidjson::Value& value() const {
    return *value_;
  }
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 13
#pragma GCC diagnostic pop
#endif
  /// The value's original JSON text. Each number keeps its digits, as in 1.10, even beyond a double.
  std::string json() const {
    const std::string_view text = detail::text_at(document_, path_);
    return text.empty() ? detail::JsonWriter().write(*value_) : std::string(text);
  }
  /// The JSON pointer of this value, empty for the whole document.
  const std::string& path() const {
    return path_;
  }

 private:
  Json member(std::string_view key) const {
    static const rapidjson::Value absent;
    if (!value_->IsObject()) throw unexpected("an object");
    const rapidjson::Value name(rapidjson::StringRef(key.data() ? key.data() : "", key.size()));
    const auto place = value_->FindMember(name);
    const bool is_absent = place == value_->MemberEnd();
    Json found(is_absent ? absent : place->value, subject_, path_of(key), document_);
    found.absent_ = is_absent;
    return found;
  }
  std::string path_of(std::string_view key) const {
    std::string path = path_ + '/';
    for (const char c : key) {
      if (c == '~' || c == '/') {
        path += c == '~' ? "~0" : "~1";
      } else {
        path += c;
      }
    }
    return path;
  }
  const char* kind() const {
    if (absent_) return "nothing";
    static constexpr const char* kinds[] = {"null",     "a boolean", "a boolean", "an object",
                                            "an array", "a string",  "a number"};
    return kinds[value_->GetType()];
  }
  PermanentError unexpected(const char* expected, const char* found = nullptr) const {
    const std::string place = path_.empty() ? subject_ : std::string(subject_) + ' ' + path_;
    return {std::string("bad-") + subject_,
            place + ": expected " + expected + ", found " + (found == nullptr ? kind() : found)};
  }

  const rapidjson::Value* value_;
  const char* subject_;
  std::string path_;
  std::string_view document_;
  bool absent_ = false;
};

class Json::Iterator {
 public:
  Iterator(const Json& array, std::size_t index) : array_(&array), index_(index) {}
  Json operator*() const {
    const auto index = static_cast<rapidjson::SizeType>(index_);
    return {(*array_->value_)[index], array_->subject_, array_->path_of(std::to_string(index_)),
            array_->document_};
  }
  Iterator& operator++() {
    ++index_;
    return *this;
  }
  bool operator!=(const Iterator& other) const { return index_ != other.index_; }

 private:
  const Json* array_;
  std::size_t index_;
};

inline Json::Iterator Json::begin() const {
  return {*this, 0};
}
inline Json::Iterator Json::end() const {
  return {*this, size()};
}

}  // namespace sluice
