// Which of several plugins may have a name or a job type that more than one of them declares: pure functions
// of values. A plugin at work keeps what it has. Otherwise no plugin gets it, because nothing tells which one
// should.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::fleet {

/// A plugin that is to serve together with others.
struct Contender {
  std::string path;
  std::string name;
  std::vector<std::string> types;  ///< types that it declares
  bool has_name = false;           ///< it, or what it replaces, is at work under this name
};

/// The plugin that serves a job type now.
struct Server {
  std::string path;
  std::string name;
};

/// The contenders that must not start, by their index, each with the reason that another has its name.
std::map<std::size_t, std::string> name_conflicts(const std::vector<Contender>& contenders);

/// What one contender gets.
struct Share {
  std::vector<std::string> types;
  std::map<std::string, std::string> refused;  ///< type → why it does not get it
};

/// Divides the types among the contenders, and returns a Share for each. `owners`: type → plugin, for the
/// types whose plugin the configuration names. `servers`: by type.
std::vector<Share> share_types(const std::vector<Contender>& contenders,
                               const std::map<std::string, std::string>& owners,
                               const std::map<std::string, Server>& servers);

}  // namespace sluice::fleet
