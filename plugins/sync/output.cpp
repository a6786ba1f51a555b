#include "output.hpp"

#include <algorithm>

namespace data_sync {

namespace {

constexpr std::size_t most_named = 20;

}  // namespace

void Output::put(const std::string& text) {
  writer_.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void Output::put(const Skipped& record) {
  const auto member = [&](const char* name, const std::string& text) {
    if (text.empty()) return;
    writer_.Key(name);
    put(text);
  };
  writer_.StartObject();
  member("record", record.place);
  if (!record.key.empty()) add_json("key", record.key);
  member("column", record.column);
  member("value", record.value);
  member("code", record.code);
  member("error", record.error);
  writer_.EndObject();
}

void Output::add(const std::string& name, std::size_t count) {
  writer_.Key(name.c_str());
  writer_.Uint64(count);
}

void Output::add_boolean(const std::string& name, bool value) {
  writer_.Key(name.c_str());
  writer_.Bool(value);
}

void Output::add_json(const std::string& name, const std::string& json) {
  writer_.Key(name.c_str());
  writer_.RawValue(json.data(), json.size(), rapidjson::kObjectType);
}

void Output::add_skipped(const std::vector<Skipped>& skipped) {
  if (skipped.empty()) return;
  add("skipped", skipped.size());
  writer_.Key("skippedRecords");
  writer_.StartArray();
  for (std::size_t i = 0; i < std::min(skipped.size(), most_named); ++i) put(skipped[i]);
  writer_.EndArray();
}

void Output::add_warnings(const std::vector<std::string>& warnings) {
  if (warnings.empty()) return;
  writer_.Key("warnings");
  writer_.StartArray();
  for (const std::string& warning : warnings) put(warning);
  writer_.EndArray();
}

std::string Output::text() {
  writer_.EndObject();
  return {buffer_.GetString(), buffer_.GetSize()};
}

}  // namespace data_sync
