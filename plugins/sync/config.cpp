#include "config.hpp"

#include <cctype>
#include <fstream>
#include <stdexcept>

#include "config_reading.hpp"
#include "trouble.hpp"

namespace data_sync {

namespace {

using sluice::Json;

/// Calls `take(name, table)` for each table below `key`.
template <class Take>
void for_each_named(const Json& json, const std::string& key, Take take) {
  const auto tables = json.find(key);
  if (!tables) return;
  for (const auto& member : tables->as_object().value().GetObject()) {
    const std::string name(member.name.GetString(), member.name.GetStringLength());
    take(name, tables->object(name));
  }
}

}  // namespace

Config read_config(const sluice::Config& json) {
  Config config;
  for_each_named(json, "sources", [&](const std::string& name, const Json& source) {
    config.sources.emplace(name, read_source(source));
  });
  for_each_named(json, "targets", [&](const std::string& name, const Json& target) {
    config.targets.emplace(name, read_target(target));
  });
  if (config.targets.empty()) {
    throw std::runtime_error(
        "the plugin is not configured: set at least one target, like [plugin.sync.config.targets.database] "
        "with kind, table, key and columns");
  }
  return config;
}

std::string read_secret(const std::string& file) {
  std::string secret;
  std::getline(std::ifstream(file), secret);
  while (!secret.empty() && std::isspace(static_cast<unsigned char>(secret.back())) != 0) secret.pop_back();
  if (secret.empty()) {
    throw Trouble("secret-file", "the file '" + file + "' can't be read, or its first line is empty");
  }
  return secret;
}

}  // namespace data_sync
