#include "fleet/conflict.hpp"

#include <algorithm>

namespace sluice::fleet {

namespace {

using Indexes = std::vector<std::size_t>;

/// Another one of `all` than `one`; if one of them has the name or type, that one.
const Contender& rival(const std::vector<Contender>& contenders, const Indexes& all, std::size_t one,
                       std::optional<std::size_t> keeper) {
  if (keeper) return contenders[*keeper];
  return contenders[all[0] == one ? all[1] : all[0]];
}

/// Which of `declaring` serves the type now: the one with the server's name, which a plugin keeps when its
/// file is renamed, or else the one with its file.
std::optional<std::size_t> keeper_of(const std::vector<Contender>& contenders, const Indexes& declaring,
                                     const Server& server) {
  for (const std::size_t one : declaring) {
    if (contenders[one].name == server.name) return one;
  }
  for (const std::size_t one : declaring) {
    if (contenders[one].path == server.path) return one;
  }
  return std::nullopt;
}

std::string conflict(const std::string& type, const Contender& one, const Contender& other, bool served) {
  return one.path + ": found job type '" + type + "' in " + other.path + " too" +
         (served ? ", which serves it" : "") + ", expected one plugin for each type; set plugin = \"" +
         one.name + "\" under [type.\"" + type + "\"] in the configuration, or remove one of the plugins";
}

}  // namespace

std::map<std::size_t, std::string> name_conflicts(const std::vector<Contender>& contenders) {
  std::map<std::string, Indexes> by_name;
  for (std::size_t i = 0; i < contenders.size(); ++i) by_name[contenders[i].name].push_back(i);
  std::map<std::size_t, std::string> refused;
  for (const auto& [name, same] : by_name) {
    if (same.size() < 2) continue;
    const auto kept =
        std::find_if(same.begin(), same.end(), [&](auto one) { return contenders[one].has_name; });
    const auto keeper = kept == same.end() ? std::nullopt : std::optional(*kept);
    for (const std::size_t one : same) {
      if (one == keeper) continue;
      refused[one] = contenders[one].path + ": found the plugin name '" + name + "' in " +
                     rival(contenders, same, one, keeper).path +
                     " too, expected each name once; remove one of the files from the plugin directory";
    }
  }
  return refused;
}

std::vector<Share> share_types(const std::vector<Contender>& contenders,
                               const std::map<std::string, std::string>& owners,
                               const std::map<std::string, Server>& servers) {
  std::map<std::string, Indexes> by_type;
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    for (const std::string& type : contenders[i].types) by_type[type].push_back(i);
  }
  std::vector<Share> shares(contenders.size());
  for (const auto& [type, declaring] : by_type) {
    const auto owner = owners.find(type);
    const auto server = servers.find(type);
    std::optional<std::size_t> keeper;
    if (declaring.size() == 1) {
      keeper = declaring[0];
    } else if (server != servers.end()) {
      keeper = keeper_of(contenders, declaring, server->second);
    }
    for (const std::size_t one : declaring) {
      if (owner == owners.end() ? one == keeper : owner->second == contenders[one].name) {
        shares[one].types.push_back(type);
      } else if (owner != owners.end()) {
        shares[one].refused[type] = "the configuration assigns it to plugin '" + owner->second + "'";
      } else {
        shares[one].refused[type] =
            conflict(type, contenders[one], rival(contenders, declaring, one, keeper), keeper.has_value());
      }
    }
  }
  return shares;
}

}  // namespace sluice::fleet
