// Secrets that the operator granted to a plugin, by the names under which it asks for them.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace sluice::job {

constexpr std::size_t longest_secret = 64 * 1024;  ///< in bytes
constexpr std::size_t most_secrets = 100;          ///< of one plugin
/// Shorter ones are left in texts, because they would be found in too many.
constexpr std::size_t shortest_scrubbed = 6;

using Secrets = std::map<std::string, std::string, std::less<>>;

/// A secret that is granted but can't be had. Words for people.
struct MissingSecret {
  std::string name;
  std::string why;
  std::string remedy;
  bool operator==(const MissingSecret&) const = default;
};

/// The values of a plugin's grants.
struct GrantedSecrets {
  Secrets values;
  std::optional<MissingSecret> missing;  ///< the first one
  bool operator==(const GrantedSecrets&) const = default;
};

}  // namespace sluice::job
