#include "workshop/bad_configs.hpp"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>

#include "workshop/payload_generator.hpp"

namespace sluice::workshop {

namespace {

using rapidjson::Document;
using rapidjson::Value;

constexpr std::size_t most = 12;
constexpr int made_up = 6;

std::string text_of(const Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

Document parsed(const std::string& json) {
  Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  if (document.HasParseError() || !document.IsObject()) document.SetObject();
  return document;
}

/// `config` with another value under `key`.
std::string with(const Document& config, const char* key, Value value) {
  Document changed;
  changed.CopyFrom(config, changed.GetAllocator());
  changed.RemoveMember(key);
  changed.AddMember(Value(key, changed.GetAllocator()), value, changed.GetAllocator());
  return text_of(changed);
}

/// A value of another kind than `value`.
Value of_another_kind(const Value& value) {
  return value.IsString() ? Value(12345) : Value("no such thing");
}

}  // namespace

std::vector<std::string> bad_configs(const std::string& schema, const std::string& config,
                                     std::uint64_t seed) {
  std::vector<std::string> all;
  const auto add = [&all](const std::string& one) {
    if (all.size() < most && std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
  };
  const Document good = parsed(config);
  add(with(good, "sluice-check", Value(1)));
  if (!good.ObjectEmpty()) add("{}");
  for (const auto& member : good.GetObject()) {
    add(with(good, member.name.GetString(), of_another_kind(member.value)));
    if (member.value.IsString()) add(with(good, member.name.GetString(), Value("")));
  }
  PayloadGenerator generator(schema, config, seed);
  for (int i = 0; i < made_up; ++i) {
    const std::string one = i % 2 == 0 ? generator.valid() : generator.near_valid();
    Document document;
    if (!document.Parse<rapidjson::kParseIterativeFlag>(one.data(), one.size()).HasParseError() &&
        document.IsObject())
      add(one);
  }
  return all;
}

}  // namespace sluice::workshop
