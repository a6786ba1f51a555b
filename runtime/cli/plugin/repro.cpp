#include "cli/plugin/repro.hpp"

#include <rapidjson/document.h>
#include <rapidjson/pointer.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/duration.hpp"
#include "base/text.hpp"
#include "base/usage_error.hpp"
#include "base/version.hpp"
#include "config/config_key.hpp"

namespace sluice::cli {

namespace {

constexpr int format_version = 1;
constexpr const char* version_key = "sluice_repro";

using Keys = std::vector<const config::ConfigKey<config::PluginSettings>*>;

/// The keys of [plugin.NAME.limits].
Keys limit_keys() {
  Keys keys;
  for (const auto& key : config::plugin_keys()) {
    if (key.section == "plugin.limits") keys.push_back(&key);
  }
  return keys;
}

void write_plugin(JsonWriter& writer, const ReproPlugin& plugin) {
  writer.Key("plugin");
  writer.StartObject();
  member(writer, "name", plugin.name);
  member(writer, "version", plugin.version);
  member(writer, "build_id", plugin.build_id);
  member(writer, "file", plugin.file);
  member(writer, "sha256", plugin.sha256);
  writer.EndObject();
}

void write_limits(JsonWriter& writer, const Repro& repro) {
  config::PluginSettings settings;
  settings.limits = repro.limits;
  writer.Key("limits");
  writer.StartObject();
  member(writer, "timeout", base::write_duration(repro.timeout));
  member(writer, "slots", repro.slots);
  for (const auto* key : limit_keys()) {
    if (const auto value = key->get(settings))
      raw_member(writer, key->name.c_str(), config::as_toml(key->kind, *value));
  }
  writer.EndObject();
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file || text.empty())
    throw base::UsageError("reading the repro '" + path +
                           "' failed: the file is missing, empty or unreadable");
  return text;
}

/// Passes the tokens of one member of the outermost object to a writer.
struct MemberText : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, MemberText> {
  MemberText(std::string_view member_name, rapidjson::Writer<rapidjson::StringBuffer>& writer)
      : name(member_name), to(writer) {}

  bool Null() {
    return scalar([&] { to.Null(); });
  }
  bool Bool(bool value) {
    return scalar([&] { to.Bool(value); });
  }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    return scalar([&] { to.RawValue(text, size, rapidjson::kNumberType); });
  }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    return scalar([&] { to.String(text, size); });
  }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    if (depth == 1) {
      wanted = std::string_view(text, size) == name;
    } else if (wanted) {
      to.Key(text, size);
    }
    return true;
  }
  bool StartObject() {
    return start([&] { to.StartObject(); });
  }
  bool StartArray() {
    return start([&] { to.StartArray(); });
  }
  bool EndObject(rapidjson::SizeType) {
    return end([&] { to.EndObject(); });
  }
  bool EndArray(rapidjson::SizeType) {
    return end([&] { to.EndArray(); });
  }

 private:
  template <class Put>
  bool scalar(Put put) {
    if (wanted) put();
    wanted = wanted && depth > 1;
    return true;
  }
  template <class Put>
  bool start(Put put) {
    if (wanted) put();
    ++depth;
    return true;
  }
  template <class Put>
  bool end(Put put) {
    if (wanted) put();
    --depth;
    wanted = wanted && depth > 1;
    return true;
  }

  const std::string_view name;
  rapidjson::Writer<rapidjson::StringBuffer>& to;
  int depth = 0;
  bool wanted = false;
};

/// A member of the outermost object of valid JSON, with its numbers as written. A document of values would
/// round them.
std::string text_of_member(const std::string& json, std::string_view name) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  MemberText member(name, writer);
  rapidjson::StringStream input(json.c_str());
  constexpr unsigned flags = rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;
  rapidjson::Reader().Parse<flags>(input, member);
  return {buffer.GetString(), buffer.GetSize()};
}

/// The members of a document of which nothing is known.
class Members {
 public:
  Members(const rapidjson::Value& object, std::string path) : object_(object), path_(std::move(path)) {}

  std::string text(const char* name) const {
    const auto* const value = find(name);
    return value != nullptr && value->IsString() ? std::string(value->GetString(), value->GetStringLength())
                                                 : std::string();
  }
  std::string required_text(const char* name) const {
    std::string found = text(name);
    if (found.empty())
      throw base::UsageError(path_ + ": has no text '" + name + "'; write it again with sluice jobs repro");
    return found;
  }
  int number(const char* name, int otherwise) const {
    const auto* const value = find(name);
    return value != nullptr && value->IsInt() ? std::max(value->GetInt(), 1) : otherwise;
  }
  const rapidjson::Value* find(const char* name) const {
    if (!object_.IsObject()) return nullptr;
    const auto found = object_.FindMember(name);
    return found == object_.MemberEnd() ? nullptr : &found->value;
  }
  Members object(const char* name) const {
    static const rapidjson::Value none(rapidjson::kObjectType);
    const auto* const value = find(name);
    return {value == nullptr ? none : *value, path_};
  }
  std::vector<std::string> texts(const char* name) const {
    std::vector<std::string> all;
    const auto* const list = find(name);
    if (list == nullptr || !list->IsArray()) return all;
    for (const auto& one : list->GetArray()) {
      if (one.IsString()) all.emplace_back(one.GetString(), one.GetStringLength());
    }
    return all;
  }

 private:
  const rapidjson::Value& object_;
  const std::string path_;
};

job::HostLimits limits_in(const Members& written) {
  config::PluginSettings settings;
  for (const auto* key : limit_keys()) {
    const auto* const value = written.find(key->name.c_str());
    if (value == nullptr) continue;
    key->set(settings, value->IsInt() ? std::to_string(value->GetInt()) : written.text(key->name.c_str()));
  }
  return settings.limits;
}

void check_version(const Members& all, const std::string& path) {
  const auto* const version = all.find(version_key);
  if (version == nullptr || !version->IsInt())
    throw base::UsageError(path + ": is not a repro; sluice jobs repro ID >FILE writes one");
  if (version->GetInt() > format_version)
    throw base::UsageError(path + ": is a repro of version " + std::to_string(version->GetInt()) +
                           ", and this sluice reads " + std::to_string(format_version) +
                           "; use a newer sluice");
}

std::string pointer_of(const std::string& dotted_key) {
  std::string pointer = "/";
  for (const char c : dotted_key)
    pointer += c == '.' ? "/" : c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return pointer;
}

std::string json_of(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

rapidjson::Document parsed(const std::string& json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.c_str());
  return document;
}

/// The value of a --set: text, unless it replaces a value of another kind.
void set(rapidjson::Document& config, const std::string& option, std::vector<std::string>& left_out) {
  const auto equals = option.find('=');
  if (equals == std::string::npos || equals == 0)
    throw base::UsageError("--set: expected KEY=VALUE, for example smtp.password=secret, found '" + option +
                           "'");
  const std::string path = pointer_of(option.substr(0, equals));
  const std::string value = option.substr(equals + 1);
  const rapidjson::Pointer pointer(path.c_str());
  const auto missing = std::find(left_out.begin(), left_out.end(), path);
  const rapidjson::Value* const before = pointer.Get(config);
  const bool is_text = missing != left_out.end() || before == nullptr || before->IsString();
  if (missing != left_out.end()) left_out.erase(missing);
  if (is_text) return static_cast<void>(pointer.Set(config, value.c_str()));
  const rapidjson::Document json = parsed(value);
  if (json.HasParseError())
    throw base::UsageError("--set: '" + option + "' is not JSON, as the value that it replaces is");
  pointer.Set(config, json);
}

}  // namespace

std::string text_of(const Repro& repro) {
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  member(writer, version_key, format_version);
  member(writer, "written_by", "sluice " + std::string(base::version()));
  member(writer, "id", repro.id);
  member(writer, "type", repro.type);
  member(writer, "status", repro.status);
  member(writer, "attempt", repro.attempt);
  member(writer, "max_attempts", repro.max_attempts);
  member(writer, "created_at", repro.created_at);
  raw_member(writer, "payload", repro.payload);
  write_plugin(writer, repro.plugin);
  raw_member(writer, "config", repro.config);
  member(writer, "left_out", repro.left_out);
  write_limits(writer, repro);
  if (!repro.last_attempt.empty()) raw_member(writer, "last_attempt", repro.last_attempt);
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

Repro read_repro(const std::string& path) {
  const std::string text = content_of(path);
  const rapidjson::Document document = parsed(text);
  if (document.HasParseError() || !document.IsObject())
    throw base::UsageError(path + ": is not valid JSON; write it again with sluice jobs repro");
  const Members all(document, path);
  check_version(all, path);
  const Members plugin = all.object("plugin");
  const Members limits = all.object("limits");
  Repro repro;
  repro.id = all.required_text("id");
  repro.type = all.required_text("type");
  repro.status = all.text("status");
  repro.attempt = all.number("attempt", 1);
  repro.max_attempts = all.number("max_attempts", repro.attempt);
  repro.created_at = all.text("created_at");
  repro.payload = text_of_member(text, "payload");
  repro.plugin = {plugin.text("name"), plugin.text("version"), plugin.text("build_id"), plugin.text("file"),
                  plugin.text("sha256")};
  if (const auto* const config = all.find("config"); config != nullptr && config->IsObject())
    repro.config = json_of(*config);
  repro.left_out = all.texts("left_out");
  repro.timeout = base::parse_duration(limits.text("timeout")).value_or(job::Microseconds(0));
  repro.slots = limits.number("slots", 1);
  repro.limits = limits_in(limits);
  if (repro.payload.empty())
    throw base::UsageError(path + ": has no 'payload'; write it again with sluice jobs repro");
  return repro;
}

std::optional<double> seconds_since_epoch(const std::string& created_at) {
  tm time{};
  const char* const rest = strptime(created_at.c_str(), "%Y-%m-%dT%H:%M:%S", &time);
  if (rest == nullptr) return std::nullopt;
  const double fraction = *rest == '.' ? std::strtod(rest, nullptr) : 0;
  return static_cast<double>(timegm(&time)) + fraction;
}

std::string dotted(const std::string& pointer) {
  std::string text = pointer.substr(std::min<std::size_t>(pointer.size(), 1));
  std::replace(text.begin(), text.end(), '/', '.');
  return text;
}

void complete(Repro& repro, const std::string& own, const std::vector<std::string>& sets) {
  rapidjson::Document config = parsed(repro.config);
  const rapidjson::Document known = parsed(own);
  std::erase_if(repro.left_out, [&](const std::string& path) {
    const rapidjson::Pointer pointer(path.c_str());
    const rapidjson::Value* const value = pointer.Get(known);
    if (value != nullptr) pointer.Set(config, *value);
    return value != nullptr;
  });
  for (const std::string& option : sets) set(config, option, repro.left_out);
  for (auto path = repro.left_out.rbegin(); path != repro.left_out.rend(); ++path)
    rapidjson::Pointer(path->c_str()).Erase(config);
  repro.config = json_of(config);
}

}  // namespace sluice::cli
