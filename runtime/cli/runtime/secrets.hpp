// Masks the secrets in a configuration, and warns if everybody can read them.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"

namespace sluice::cli {

/// `json` on one line, with *** for each value whose key, or whose parent's key, names a secret, and for the
/// password in each URL. `json` must be valid.
std::string masked_json(const std::string& json);

struct Redacted {
  std::string json;
  std::vector<std::string> left_out;  ///< JSON pointers to what was replaced
};

/// `json`, an object, with a marker for each value whose key, or whose parent's key, names a secret, that is
/// a URL with a password, or that `schema`, a JSON schema, declares to be one: `writeOnly`, or format
/// `password`. Names of files stay.
Redacted without_secrets(const std::string& json, const std::string& schema);

/// Warnings about a file of tokens that others can write, and files with secrets that everybody can read: the
/// secret files that the plugins' configurations name, and `file`, the configuration file, if it contains a
/// secret.
std::vector<std::string> secret_warnings(const config::Config& config, const std::string& file);

}  // namespace sluice::cli
