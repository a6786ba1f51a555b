#include "cli/runtime/secrets.hpp"

#include <rapidjson/document.h>
#include <rapidjson/pointer.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>
#include <utility>

#include "base/secret_file.hpp"
#include "config/secret_grants.hpp"
#include "postgres/link/connection_string.hpp"

namespace sluice::cli {

namespace {

constexpr std::string_view mask = "***";
constexpr std::string_view secret_words[] = {"password", "passwd", "passphrase", "secret",        "token",
                                             "api_key",  "apikey", "credential", "authorization", "cookie"};

std::string lowered(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool has_secret_word(const std::string& key) {
  const std::string small = lowered(key);
  return std::any_of(std::begin(secret_words), std::end(secret_words),
                     [&](std::string_view word) { return small.find(word) != std::string::npos; });
}

/// True for "password", "api_token", "Authorization", but not for "password_file".
bool is_secret_key(const std::string& key) {
  return has_secret_word(key) && !lowered(key).ends_with("_file");
}

/// True for "password_file", "secret_file", "token_file", "url_file".
bool is_secret_file_key(const std::string& key) {
  return lowered(key).ends_with("_file") && (has_secret_word(key) || lowered(key) == "url_file");
}

/// "postgresql://ada:***@host/app" for a URL with a password; otherwise the text unchanged.
std::string masked_url(std::string text) {
  const auto scheme = text.find("://");
  if (scheme == std::string::npos) return text;
  const auto start = scheme + 3;
  const auto at = text.rfind('@', text.find_first_of("/?#", start));
  if (at == std::string::npos || at < start) return text;
  const auto colon = text.find(':', start);
  if (colon < at) text.replace(colon + 1, at - colon - 1, mask);
  return text;
}

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void write_text(const std::string& text, Writer& writer) {
  writer.String(text.c_str(), static_cast<rapidjson::SizeType>(text.size()));
}

void write_masked(const rapidjson::Value& value, bool secret, Writer& writer) {
  if (value.IsObject()) {
    writer.StartObject();
    for (const auto& member : value.GetObject()) {
      const std::string key = member.name.GetString();
      write_text(key, writer);
      write_masked(member.value, secret || is_secret_key(key), writer);
    }
    writer.EndObject();
  } else if (value.IsArray()) {
    writer.StartArray();
    for (const auto& item : value.GetArray()) write_masked(item, secret, writer);
    writer.EndArray();
  } else if (secret && (value.IsString() || value.IsNumber())) {
    write_text(std::string(mask), writer);
  } else if (value.IsString()) {
    write_text(masked_url(value.GetString()), writer);
  } else {
    value.Accept(writer);
  }
}

/// True for "key", "signing_key" and "privateKey" too. A list of columns may have such a name.
bool may_be_key(const std::string& key, const rapidjson::Value& value) {
  return value.IsString() && lowered(key).ends_with("key");
}

/// True for "token_url" and "token_header", which a plugin needs to start and which are no secrets.
bool says_where(const std::string& key) {
  const std::string small = lowered(key);
  return small.ends_with("_url") || small.ends_with("_header");
}

using Schema = const rapidjson::Value*;  // null: there is none

Schema member_of(Schema schema, const char* name) {
  if (schema == nullptr || !schema->IsObject()) return nullptr;
  const auto found = schema->FindMember(name);
  return found == schema->MemberEnd() ? nullptr : &found->value;
}

/// The schema of an object's member.
Schema schema_of(Schema schema, const char* key) {
  const Schema own = member_of(member_of(schema, "properties"), key);
  return own != nullptr ? own : member_of(schema, "additionalProperties");
}

bool declares_secret(Schema schema) {
  const Schema write_only = member_of(schema, "writeOnly");
  const Schema format = member_of(schema, "format");
  return (write_only != nullptr && write_only->IsTrue()) ||
         (format != nullptr && format->IsString() && std::string_view(format->GetString()) == "password");
}

/// Replaces what is secret in a configuration, and notes where it was.
class Redaction {
 public:
  explicit Redaction(rapidjson::Document& document) : memory_(document.GetAllocator()) {}

  void clean(rapidjson::Value& value, Schema schema, const rapidjson::Pointer& at) {
    if (value.IsObject()) {
      for (auto member = value.MemberBegin(); member < value.MemberEnd(); ++member)
        clean_member(member->name, member->value, schema, at);
    } else if (value.IsArray()) {
      for (rapidjson::SizeType i = 0; i < value.Size(); ++i)
        clean(value[i], member_of(schema, "items"), at.Append(i));
    } else if (value.IsString() && masked_url(value.GetString()) != value.GetString()) {
      leave_out(value, at);
    }
  }
  std::vector<std::string> left_out;

 private:
  void clean_member(const rapidjson::Value& name, rapidjson::Value& value, Schema schema,
                    const rapidjson::Pointer& at) {
    const std::string key(name.GetString(), name.GetStringLength());
    const Schema own = schema_of(schema, key.c_str());
    const rapidjson::Pointer here = at.Append(key.c_str(), name.GetStringLength());
    const bool named = (is_secret_key(key) && !says_where(key)) || may_be_key(key, value);
    if (named || declares_secret(own)) return leave_out(value, here);
    clean(value, own, here);
  }
  void leave_out(rapidjson::Value& value, const rapidjson::Pointer& at) {
    rapidjson::StringBuffer pointer;
    at.Stringify(pointer);
    left_out.emplace_back(pointer.GetString(), pointer.GetSize());
    value.SetString("(left out by sluice jobs repro)", memory_);
  }

  rapidjson::Document::AllocatorType& memory_;
};

rapidjson::Document parsed(const std::string& json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.c_str());
  return document;
}

/// Adds the secret files that a configuration names; true if it contains a secret itself.
bool gather_files(const rapidjson::Value& value, const std::string& key, std::set<std::string>& files) {
  bool has_secret = false;
  if (value.IsObject()) {
    for (const auto& member : value.GetObject()) {
      has_secret = gather_files(member.value, member.name.GetString(), files) || has_secret;
    }
  } else if (value.IsArray()) {
    for (const auto& item : value.GetArray()) has_secret = gather_files(item, key, files) || has_secret;
  } else if (value.IsString() && is_secret_file_key(key)) {
    files.insert(value.GetString());
  } else if (value.IsString()) {
    return is_secret_key(key) || masked_url(value.GetString()) != value.GetString();
  }
  return has_secret;
}

}  // namespace

std::string masked_json(const std::string& json) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  write_masked(parsed(json), false, writer);
  return buffer.GetString();
}

Redacted without_secrets(const std::string& json, const std::string& schema) {
  rapidjson::Document document = parsed(json);
  const rapidjson::Document declared = parsed(schema);
  Redaction redaction(document);
  redaction.clean(document, declared.HasParseError() ? nullptr : &declared, rapidjson::Pointer());
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  document.Accept(writer);
  return {buffer.GetString(), std::move(redaction.left_out)};
}

std::vector<std::string> secret_warnings(const config::Config& config, const std::string& file) {
  std::set<std::string> files = config::secret_files(config);
  if (!config.database_url_file.empty()) files.insert(config.database_url_file);
  const auto origin = config.origins.find("database.url");
  if (!file.empty() && origin != config.origins.end() && origin->second.starts_with(file + ":") &&
      postgres::parse_connection_string(config.database_url).has_password) {
    files.insert(file);
  }
  for (const auto& [name, settings] : config.plugins) {
    const bool has_secret = gather_files(parsed(settings.config), "", files);
    if (has_secret && !file.empty()) files.insert(file);
  }
  std::vector<std::string> warnings;
  for (const std::string& one : files) {
    const std::string warning = base::secret_file_warning(one);
    if (!warning.empty()) warnings.push_back(warning);
  }
  if (const std::string warning = base::writable_file_warning(config.http.tokens); !warning.empty())
    warnings.push_back(warning);
  return warnings;
}

}  // namespace sluice::cli
