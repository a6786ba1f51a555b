// What --json prints.
#pragma once

#include "base/json_writer.hpp"

namespace sluice::cli {

using base::JsonWriter;
using base::member;
using base::raw_member;

/// `json` as it is.
inline void raw_member(JsonWriter& writer, const char* key, const std::string& json) {
  writer.Key(key);
  writer.RawValue(json.data(), json.size(), rapidjson::kObjectType);
}

}  // namespace sluice::cli
