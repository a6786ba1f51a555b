#include "config/config.hpp"

#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "base/duration.hpp"
#include "config/config_key.hpp"

namespace sluice::config {

namespace {

constexpr std::array<std::string_view, 3> format_names{"auto", "human", "json"};

/// The value whose number is the index of `name` in `names`.
template <class Value, class Names>
std::optional<Value> parse_name(const Names& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Value>(found - names.begin());
}

/// Collects complaints, so they can all be reported at once.
struct Complaints {
  std::string path;
  std::vector<std::pair<std::uint32_t, std::string>> list;

  void add(const toml::node& node, const std::string& text) {
    list.emplace_back(node.source().begin.line, text);
  }

  [[noreturn]] void raise() {
    std::stable_sort(list.begin(), list.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::string message;
    for (const auto& [line, text] : list) {
      message += (message.empty() ? "" : "\n") + path + ":" + std::to_string(line) + ": " + text;
    }
    throw base::UsageError(message);
  }
};

/// "text in quotes" for text, because missing quotes are the likely mistake.
template <class Owner>
std::string expectation(const ConfigKey<Owner>& key) {
  return key.takes == "text" ? "text in quotes" : key.takes;
}

std::string found(const toml::node& node) {
  std::ostringstream text;
  if (node.is_table() || node.is_array()) {
    text << "a " << node.type();
  } else {
    node.visit([&](const auto& value) { text << value; });
  }
  return text.str();
}

/// The value as a variable would hold it; nullopt if the value in the file has the wrong type.
std::optional<std::string> as_text(Kind kind, const toml::node& node) {
  switch (kind) {
    case Kind::text:
      return node.value_exact<std::string>();
    case Kind::number:
      if (const auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
      return std::nullopt;
    case Kind::truth:
      if (const auto truth = node.value_exact<bool>()) return *truth ? "true" : "false";
      return std::nullopt;
    case Kind::table:
      if (!node.is_table()) return std::nullopt;
      break;
    case Kind::list:
      if (!node.is_array()) return std::nullopt;
      break;
  }
  std::ostringstream json;
  if (node.is_table()) json << toml::json_formatter{*node.as_table()};
  if (node.is_array()) json << toml::json_formatter{*node.as_array()};
  return json.str();
}

/// The names of the tables in a section's table: "limits" of "plugin".
template <class Owner>
std::set<std::string> inner_tables(std::string_view section, const std::vector<ConfigKey<Owner>>& keys) {
  const std::string start = std::string(section) + ".";
  std::set<std::string> names;
  for (const auto& key : keys) {
    if (key.section.starts_with(start)) names.insert(key.section.substr(start.size()));
  }
  return names;
}

/// Reads a file's tables over a configuration, and collects the errors.
class Reader {
 public:
  Reader(const std::string& path, Config& config) : complaints_{path, {}}, config_(config) {}

  void read(const toml::table& root) {
    refuse_variables(root);
    std::set<std::string> sections;
    for (const auto& key : config_keys()) sections.insert(key.section);
    for (const std::string& section : sections) {
      if (const toml::node* node = root.get(section)) {
        read_table(*node, section + ".", section, config_keys(), config_);
      }
    }
    sections.insert({"plugin", "type"});
    refuse_unknown(root, "", sections);
    read_tables(root, "plugin", plugin_keys(), config_.plugins);
    read_tables(root, "type", type_keys(), config_.types);
    if (!complaints_.list.empty()) complaints_.raise();
  }

 private:
  /// Variables are not expanded in any value, but whoever writes one expects it. So they are errors.
  void refuse_variables(const toml::node& node) {
    if (const toml::table* table = node.as_table()) {
      for (const auto& [key, one] : *table) refuse_variables(one);
    } else if (const toml::array* array = node.as_array()) {
      for (const toml::node& one : *array) refuse_variables(one);
    } else if (const auto text = node.value_exact<std::string>()) {
      static const std::regex variable(R"(^\$[A-Za-z_][A-Za-z0-9_]*$|\$\{[A-Za-z_][A-Za-z0-9_]*\})");
      std::smatch found;
      if (!std::regex_search(*text, found, variable)) return;
      complaints_.add(
          node,
          found.str() +
              " would be taken literally, because variables are not expanded in this file. Leave the key out "
              "and set it in the environment: every key has a variable (see docs/configuration.md)");
    }
  }

  template <class Owner>
  void read_table(const toml::node& node, const std::string& prefix, std::string_view section,
                  const std::vector<ConfigKey<Owner>>& keys, Owner& owner) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return expect(node, prefix.substr(0, prefix.size() - 1), "a table");
    std::set<std::string> known;
    for (const auto& key : keys) {
      if (key.section != section) continue;
      known.insert(key.name);
      const toml::node* value = table->get(key.name);
      if (value == nullptr) continue;
      const auto text = as_text(key.kind, *value);
      if (!text || !key.set(owner, *text)) refuse_value(*value, prefix + key.name, key, text);
      config_.origins[prefix + key.name] =
          complaints_.path + ":" + std::to_string(value->source().begin.line);
    }
    for (const std::string& inner : inner_tables(section, keys)) {
      known.insert(inner);
      if (const toml::node* one = table->get(inner)) {
        read_table(*one, prefix + inner + ".", std::string(section) + "." + inner, keys, owner);
      }
    }
    if (section == "database" && table->contains("url") && table->contains("url_file")) {
      complaints_.add(*table->get("url_file"),
                      "'database.url_file' and 'database.url' are both set; keep one");
    }
    refuse_unknown(*table, prefix, known);
  }

  template <class Owner>
  void read_tables(const toml::table& root, const std::string& section,
                   const std::vector<ConfigKey<Owner>>& keys, std::map<std::string, Owner>& owners) {
    const toml::node* node = root.get(section);
    if (node == nullptr) return;
    const toml::table* all = node->as_table();
    if (all == nullptr) return expect(*node, section, "a table");
    for (const auto& [name, one] : *all) {
      const std::string plain(name.str());
      config_.origins[section + "." + plain] =
          complaints_.path + ":" + std::to_string(one.source().begin.line);
      read_table(one, section + "." + plain + ".", section, keys, owners[plain]);
    }
  }

  void refuse_unknown(const toml::table& table, const std::string& prefix,
                      const std::set<std::string>& known) {
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      if (known.contains(name)) continue;
      std::string text = "unknown key '" + prefix + name + "'; known here:";
      for (const std::string& one : known) text += " " + one;
      complaints_.add(node, text);
    }
  }

  template <class Owner>
  void refuse_value(const toml::node& node, const std::string& path, const ConfigKey<Owner>& key,
                    const std::optional<std::string>& text) {
    if (text && key.problem) return complaints_.add(node, "'" + path + "': " + key.problem(*text));
    expect(node, path, key.kind == Kind::table ? "a table" : expectation(key));
  }

  void expect(const toml::node& node, const std::string& key, const std::string& what) {
    complaints_.add(node, "'" + key + "' must be " + what + ", found " + found(node));
  }

  Complaints complaints_;
  Config& config_;
};

}  // namespace

std::optional<log::Level> parse_log_level(std::string_view name) {
  return parse_name<log::Level>(log::level_names, name);
}

std::string_view log_level_name(log::Level level) {
  return log::level_names.at(static_cast<std::size_t>(level));
}

std::optional<log::Format> parse_log_format(std::string_view name) {
  return parse_name<log::Format>(format_names, name);
}

std::string_view log_format_name(log::Format format) {
  return format_names.at(static_cast<std::size_t>(format));
}

std::vector<std::string> changed_keys(const Config& before, const Config& after) {
  std::vector<std::string> keys;
  for (const ConfigKey<Config>& key : config_keys()) {
    if (key.get(before) != key.get(after)) keys.push_back(key.section + "." + key.name);
  }
  return keys;
}

void parse_config(std::string_view text, const std::string& path, Config& config) {
  try {
    Reader(path, config).read(toml::parse(text, path));
  } catch (const toml::parse_error& error) {
    throw base::UsageError(path + ":" + std::to_string(error.source().begin.line) +
                           ": invalid TOML: " + std::string(error.description()));
  }
}

void read_config(const std::string& path, Config& config) {
  const std::string failed = "reading the configuration file '" + path + "' failed: ";
  struct stat status {};
  const bool there = stat(path.c_str(), &status) == 0;
  if (there && S_ISDIR(status.st_mode)) {
    throw base::UsageError(failed + "it is a directory; give the path of a file, for example '" + path +
                           "/sluice.toml'");
  }
  if (there && S_ISREG(status.st_mode) && status.st_size == 0) {
    throw base::UsageError(
        failed +
        "it is empty, perhaps because writing it was interrupted. Write it again (sluice config sample "
        "prints one) or delete it");
  }
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) {
    throw base::UsageError(failed + "it is missing or unreadable; check the path and the permissions");
  }
  parse_config(text, path, config);
}

void set_option(Config& config, const std::string& key, const std::string& value, const std::string& option) {
  const auto found = std::find_if(config_keys().begin(), config_keys().end(),
                                  [&](const auto& one) { return one.section + "." + one.name == key; });
  if (!found->set(config, value)) {
    throw base::UsageError(option + " must be " + found->takes + ", found '" + value + "'");
  }
  config.origins[key] = option;
}

void check_config(const Config& config) {
  if (config.http.certificate.empty() != config.http.key.empty())
    throw base::UsageError("'http.certificate' and 'http.key' belong together; set both or neither");
  if (config.lease >= 3 * config.heartbeat) return;
  throw base::UsageError("'runtime.lease' (" + base::write_duration(config.lease) +
                         ") must be at least three times 'runtime.heartbeat' (" +
                         base::write_duration(config.heartbeat) +
                         "); otherwise a runtime that misses one heartbeat could be presumed dead");
}

}  // namespace sluice::config
