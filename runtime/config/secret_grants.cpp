#include "config/secret_grants.hpp"

#include <rapidjson/document.h>

#include <cstdlib>
#include <utility>

#include "base/secret_file.hpp"

namespace sluice::config {

namespace {

constexpr std::size_t longest_name = 128;

bool is_secret_name(std::string_view name) {
  return !name.empty() && name.size() <= longest_name &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
             std::string_view::npos;
}

SecretGrant grant_in(const rapidjson::Value& value, const std::string& name) {
  const char* const expected = " must be { file = \"PATH\" } or { env = \"VARIABLE\" }";
  if (!value.IsObject() || value.MemberCount() != 1) throw BadGrants("'" + name + "'" + expected);
  const auto& member = *value.MemberBegin();
  const std::string_view key = member.name.GetString();
  if (!member.value.IsString() || member.value.GetStringLength() == 0 || (key != "file" && key != "env"))
    throw BadGrants("'" + name + "'" + expected);
  const std::string source(member.value.GetString(), member.value.GetStringLength());
  return key == "file" ? SecretGrant{source, ""} : SecretGrant{"", source};
}

std::string from_variable(const std::string& name) {
  const char* const value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nothing writes it
  if (value == nullptr || *value == '\0') throw base::UsageError("the variable " + name + " is not set");
  std::string secret(value);
  if (secret.size() <= job::longest_secret) return secret;
  throw base::UsageError("the variable " + name + " has more than " + std::to_string(job::longest_secret) +
                         " bytes");
}

std::string value_of(const SecretGrant& grant) {
  return grant.file.empty() ? from_variable(grant.variable)
                            : base::read_secret(grant.file, job::longest_secret);
}

std::string remedy_for(const SecretGrant& grant) {
  return grant.file.empty() ? "set the variable in sluice's environment, and restart sluice"
                            : "make it a file that holds only the secret and that sluice's user may read, "
                              "and run sluice reload";
}

SecretGrants grants_of(const PluginSettings& settings) {
  return settings.secrets.empty() ? SecretGrants{} : parse_grants(settings.secrets);
}

template <class Take>
void for_each_grant(const Config& config, Take take) {
  for (const auto& [plugin, settings] : config.plugins) {
    for (const auto& [name, grant] : grants_of(settings)) take(grant);
  }
}

}  // namespace

SecretGrants parse_grants(std::string_view json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  if (document.HasParseError() || !document.IsObject()) throw BadGrants("must be a table");
  if (document.MemberCount() > job::most_secrets)
    throw BadGrants("has more than " + std::to_string(job::most_secrets) + " secrets");
  SecretGrants grants;
  for (const auto& member : std::as_const(document).GetObject()) {
    const std::string name(member.name.GetString(), member.name.GetStringLength());
    if (!is_secret_name(name))
      throw BadGrants("has the name '" + name +
                      "', but a name has 1 to 128 characters from a-z A-Z 0-9 . _ -");
    if (!grants.emplace(name, grant_in(member.value, name)).second)
      throw BadGrants("has '" + name + "' twice");
  }
  return grants;
}

job::GrantedSecrets secrets_of(const std::string& plugin, const Config& config) {
  job::GrantedSecrets granted;
  const auto settings = config.plugins.find(plugin);
  if (settings == config.plugins.end()) return granted;
  for (const auto& [name, grant] : grants_of(settings->second)) {
    try {
      granted.values[name] = value_of(grant);
    } catch (const base::UsageError& error) {
      granted.missing = {name, error.what(), remedy_for(grant)};
      return granted;
    }
  }
  return granted;
}

std::set<std::string> secret_variables(const Config& config) {
  std::set<std::string> variables;
  for_each_grant(config, [&](const SecretGrant& grant) { variables.insert(grant.variable); });
  variables.erase("");
  return variables;
}

std::set<std::string> secret_files(const Config& config) {
  std::set<std::string> files;
  for_each_grant(config, [&](const SecretGrant& grant) { files.insert(grant.file); });
  files.erase("");
  return files;
}

}  // namespace sluice::config
