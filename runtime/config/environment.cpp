// Reads the configuration's variables from the environment.
#include <algorithm>
#include <cctype>
#include <set>

#include "config/config.hpp"
#include "config/config_key.hpp"

namespace sluice::config {

namespace {

using Variables = std::map<std::string, std::string>;

template <class Owner>
struct TableVariable {
  std::string part;  ///< HELLO of SLUICE_PLUGIN_HELLO_SLOTS; empty if the variable is not of the section
  const ConfigKey<Owner>* key = nullptr;
};

template <class Owner>
TableVariable<Owner> table_variable(const std::vector<ConfigKey<Owner>>& keys, const std::string& variable) {
  const std::string start = "SLUICE_" + variable_part(keys.front().section) + "_";
  for (const auto& key : keys) {
    const std::string end = "_" + variable_part(key.path());
    if (variable.size() <= start.size() + end.size()) continue;
    if (!variable.starts_with(start) || !variable.ends_with(end)) continue;
    return {variable.substr(start.size(), variable.size() - start.size() - end.size()), &key};
  }
  return {};
}

/// Reads the variables over a configuration, and collects the errors.
class Reader {
 public:
  Reader(const Variables& variables, Config& config) : variables_(variables), config_(config) {}

  void read() {
    refuse_two_databases();
    for (const auto& key : config_keys()) read_key(key);
    read_tables("plugin", plugin_keys(), config_.plugins);
    read_tables("type", type_keys(), config_.types);
    if (!complaints_.empty()) throw base::UsageError(complaints_);
  }

 private:
  /// A variable that is empty counts as absent.
  std::string first_set(const std::vector<std::string>& names) const {
    for (const std::string& name : names) {
      const auto found = variables_.find(name);
      if (found != variables_.end() && !found->second.empty()) return name;
    }
    return "";
  }

  void complain(const std::string& text) { complaints_ += (complaints_.empty() ? "" : "\n") + text; }

  void refuse_two_databases() {
    const std::string url = first_set({"SLUICE_DATABASE_URL", "DATABASE_URL"});
    const std::string file = first_set({"SLUICE_DATABASE_URL_FILE", "DATABASE_URL_FILE"});
    if (!url.empty() && !file.empty()) {
      complain("the variables " + url + " and " + file + " are both set; keep one");
    }
  }

  void read_key(const ConfigKey<Config>& key) {
    std::vector<std::string> names{variable_name(key.section, key.name)};
    names.insert(names.end(), key.other_variables.begin(), key.other_variables.end());
    const std::string name = first_set(names);
    if (!name.empty()) set(key, config_, variables_.at(name), name, key.section + "." + key.name);
  }

  template <class Owner>
  void set(const ConfigKey<Owner>& key, Owner& owner, const std::string& value, const std::string& variable,
           const std::string& path) {
    if (!key.set(owner, value)) {
      complain("the variable " + variable +
               (key.problem ? ": " + key.problem(value) : " must be " + key.takes) +
               (key.secret ? "" : ", found '" + value + "'"));
    }
    config_.origins[path] = variable;
  }

  template <class Owner>
  void read_tables(const std::string& section, const std::vector<ConfigKey<Owner>>& keys,
                   std::map<std::string, Owner>& owners) {
    for (const auto& [variable, value] : variables_) {
      if (value.empty()) continue;
      const auto [part, key] = table_variable(keys, variable);
      if (part.empty()) continue;
      for (const std::string& name : names(section, part, owners)) {
        set(*key, owners[name], value, variable, section + "." + name + "." + key->path());
      }
    }
  }

  template <class Owner>
  static std::vector<std::string> names(const std::string& section, const std::string& part,
                                        const std::map<std::string, Owner>& owners) {
    std::vector<std::string> found;
    for (const auto& [name, owner] : owners) {
      if (variable_part(name) == part) found.push_back(name);
    }
    if (!found.empty()) return found;
    std::string guess;
    for (const char c : part) {
      guess += section == "type" && c == '_' ? '.'
                                             : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return {guess};
  }

  const Variables& variables_;
  Config& config_;
  std::string complaints_;
};

}  // namespace

void read_environment(const std::map<std::string, std::string>& variables, Config& config) {
  Reader(variables, config).read();
}

std::vector<std::string> unknown_variables(const std::map<std::string, std::string>& variables) {
  std::set<std::string> known{"SLUICE_CONFIG"};
  for (const auto& key : config_keys()) {
    known.insert(variable_name(key.section, key.name));
    known.insert(key.other_variables.begin(), key.other_variables.end());
  }
  std::vector<std::string> unknown;
  for (const auto& [variable, value] : variables) {
    if (!variable.starts_with("SLUICE_") || known.contains(variable) ||
        !table_variable(plugin_keys(), variable).part.empty() ||
        !table_variable(type_keys(), variable).part.empty()) {
      continue;
    }
    unknown.push_back(variable);
  }
  return unknown;
}

}  // namespace sluice::config
