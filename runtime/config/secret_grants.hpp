// [plugin.NAME.secrets]: which secret a plugin gets, and where the runtime finds it.
#pragma once

#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "job/secrets.hpp"

namespace sluice::config {

/// Where one secret is: one of the two is set.
struct SecretGrant {
  std::string file;
  std::string variable;  ///< of the runtime's environment
};
using SecretGrants = std::map<std::string, SecretGrant>;

/// Its words follow "secrets ".
class BadGrants : public std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// Reads {"smtp_password": {"file": "/run/secrets/smtp"}}. Throws BadGrants.
SecretGrants parse_grants(std::string_view json);

/// Reads the secrets of a plugin from their files and variables.
job::GrantedSecrets secrets_of(const std::string& plugin, const Config& config);

/// The variables that hold secrets of plugins. No plugin host may have them in its environment.
std::set<std::string> secret_variables(const Config& config);

/// The files that hold secrets of plugins.
std::set<std::string> secret_files(const Config& config);

}  // namespace sluice::config
