// Configurations of plugins, made fit to be shown.
#pragma once

#include <string>

namespace sluice::cli {

/// `json` on one line, with *** for each text whose key, or whose parent's, is a secret's by its name, and
/// for the password in each URL. `json` has to be valid.
std::string masked_json(const std::string& json);
/// The same without masks.
std::string compact_json(const std::string& json);

/// True for "password", "api_token", "Authorization", but not for "password_file".
bool is_secret_key(const std::string& key);
/// True for "password_file", "secret_file", "token_file", "url_file".
bool is_secret_file_key(const std::string& key);

}  // namespace sluice::cli
