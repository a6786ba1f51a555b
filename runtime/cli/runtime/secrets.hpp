// Secrets in a configuration: made fit to be shown, and whether everybody can read them.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"

namespace sluice::cli {

/// `json` on one line, with *** for each text whose key, or whose parent's, is a secret's by its name, and
/// for the password in each URL. `json` has to be valid.
std::string masked_json(const std::string& json);

/// Sentences about the files with secrets that everybody can read: those that the plugins' configurations
/// name, by the names of their keys, and `file`, the configuration, where a secret is in it.
std::vector<std::string> secret_warnings(const config::Config& config, const std::string& file);

}  // namespace sluice::cli
