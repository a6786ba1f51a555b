#include "cli/masked.hpp"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <cctype>
#include <string_view>

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

/// "postgresql://ada:***@host/app" for a URL with a password; else the text.
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

void mask_in(rapidjson::Value& value, bool secret, rapidjson::Document::AllocatorType& memory) {
  if (value.IsObject()) {
    for (auto& member : value.GetObject()) {
      mask_in(member.value, secret || is_secret_key(member.name.GetString()), memory);
    }
  } else if (value.IsArray()) {
    for (auto& item : value.GetArray()) mask_in(item, secret, memory);
  } else if (secret && (value.IsString() || value.IsNumber())) {
    value.SetString(mask.data(), static_cast<rapidjson::SizeType>(mask.size()), memory);
  } else if (value.IsString()) {
    const std::string text = masked_url(value.GetString());
    value.SetString(text.c_str(), static_cast<rapidjson::SizeType>(text.size()), memory);
  }
}

std::string written(const std::string& json, bool masked) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.c_str());
  if (masked) mask_in(document, false, document.GetAllocator());
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  document.Accept(writer);
  return buffer.GetString();
}

}  // namespace

std::string masked_json(const std::string& json) {
  return written(json, true);
}

std::string compact_json(const std::string& json) {
  return written(json, false);
}

bool is_secret_key(const std::string& key) {
  return has_secret_word(key) && !lowered(key).ends_with("_file");
}

bool is_secret_file_key(const std::string& key) {
  return lowered(key).ends_with("_file") && (has_secret_word(key) || lowered(key) == "url_file");
}

}  // namespace sluice::cli
