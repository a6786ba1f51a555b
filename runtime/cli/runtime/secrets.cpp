#include "cli/runtime/secrets.hpp"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>

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
  return warnings;
}

}  // namespace sluice::cli
