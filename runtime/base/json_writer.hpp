// Writes JSON for programs: what --json prints, and what the dashboard's API answers.
#pragma once

#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <cmath>
#include <concepts>
#include <string>
#include <vector>

namespace sluice::base {

using JsonWriter = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

inline void member(JsonWriter& writer, const char* key, const std::string& value) {
  writer.Key(key);
  writer.String(value.c_str(), static_cast<rapidjson::SizeType>(value.size()));
}

template <std::integral Number>
void member(JsonWriter& writer, const char* key, Number value) {
  writer.Key(key);
  if constexpr (std::same_as<Number, bool>) {
    writer.Bool(value);
  } else {
    writer.Int64(value);
  }
}

/// Writes null if `value` is not finite, because JSON can't represent that.
inline void member(JsonWriter& writer, const char* key, double value) {
  writer.Key(key);
  if (std::isfinite(value)) {
    writer.Double(value);
  } else {
    writer.Null();
  }
}

inline void member(JsonWriter& writer, const char* key, const std::vector<std::string>& values) {
  writer.Key(key);
  writer.StartArray();
  for (const std::string& value : values)
    writer.String(value.c_str(), static_cast<rapidjson::SizeType>(value.size()));
  writer.EndArray();
}

/// `json` as it is written. It must be valid.
inline void raw_member(JsonWriter& writer, const char* key, const std::string& json) {
  writer.Key(key);
  writer.RawValue(json.data(), json.size(), rapidjson::kObjectType);
}

/// An object for each of `rows`; `each` writes its members.
template <class Rows, class Each>
void array_member(JsonWriter& writer, const char* key, const Rows& rows, Each each) {
  writer.Key(key);
  writer.StartArray();
  for (const auto& row : rows) {
    writer.StartObject();
    each(row);
    writer.EndObject();
  }
  writer.EndArray();
}

/// An object, whose members `write` writes.
template <class Write>
void object_member(JsonWriter& writer, const char* key, Write write) {
  writer.Key(key);
  writer.StartObject();
  write();
  writer.EndObject();
}

}  // namespace sluice::base
