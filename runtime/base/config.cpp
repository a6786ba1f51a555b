#include "base/config.hpp"

#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "base/address.hpp"
#include "base/duration.hpp"

namespace sluice::base {

namespace {

/// Collects complaints, so that a person can mend them all at once.
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
    throw UsageError(message);
  }
};

/// One table of the file: each read names a key; what was never named is unknown.
class Section {
 public:
  Section(const toml::table* table, std::string prefix, Complaints& complaints)
      : table_(table), prefix_(std::move(prefix)), complaints_(complaints) {}

  ~Section() {
    if (table_ == nullptr) return;
    for (const auto& [key, node] : *table_) {
      if (known_.count(std::string(key.str())) == 0) complaints_.add(node, unknown(std::string(key.str())));
    }
  }
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

  const toml::node* find(const std::string& key) {
    known_.insert(key);
    return table_ == nullptr ? nullptr : table_->get(key);
  }

  template <class Target>
  void text(const std::string& key, Target& target) {
    if (const toml::node* node = find(key)) {
      if (const auto value = node->value_exact<std::string>()) {
        target = *value;
      } else {
        expected(*node, key, "text in quotes");
      }
    }
  }

  void boolean(const std::string& key, bool& target) {
    if (const toml::node* node = find(key)) {
      if (const auto value = node->value_exact<bool>()) {
        target = *value;
      } else {
        expected(*node, key, "true or false");
      }
    }
  }

  template <class Target>
  void integer(const std::string& key, Target& target, int low, int high) {
    if (const toml::node* node = find(key)) {
      const auto value = node->value_exact<std::int64_t>();
      if (value && *value >= low && *value <= high) {
        target = static_cast<int>(*value);
      } else {
        expected(*node, key, "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
      }
    }
  }

  template <class Target>
  void duration(const std::string& key, Target& target, std::chrono::milliseconds least = {}) {
    if (const toml::node* node = find(key)) {
      const auto text = node->value_exact<std::string>();
      const auto value = text ? parse_duration(*text) : std::nullopt;
      if (value && *value >= least) {
        target = *value;
      } else {
        expected(*node, key,
                 "a duration such as \"500ms\", \"30s\" or \"1h30m\"" +
                     (least.count() > 0 ? ", at least " + format_duration(least) : ""));
      }
    }
  }

  /// May be empty.
  void address(const std::string& key, std::string& target) {
    if (const toml::node* node = find(key)) {
      const auto text = node->value_exact<std::string>();
      if (text && (text->empty() || parse_address(*text))) {
        target = *text;
      } else {
        expected(*node, key, "an address such as \"127.0.0.1:9640\"");
      }
    }
  }

  template <class Target, class Parse>
  void choice(const std::string& key, Target& target, Parse parse, const std::string& choices) {
    if (const toml::node* node = find(key)) {
      const auto text = node->value_exact<std::string>();
      const auto value = text ? parse(*text) : std::nullopt;
      if (value) {
        target = *value;
      } else {
        expected(*node, key, "one of " + choices);
      }
    }
  }

  const toml::table* table(const std::string& key) {
    const toml::node* node = find(key);
    if (node != nullptr && !node->is_table()) expected(*node, key, "a table");
    return node == nullptr ? nullptr : node->as_table();
  }

  /// Calls `each(name, table)` for every table in the table `key`.
  template <class Each>
  void tables(const std::string& key, Each each) {
    const toml::table* all = table(key);
    if (all == nullptr) return;
    for (const auto& [name, node] : *all) {
      const std::string path = key + "." + std::string(name.str());
      if (const toml::table* one = node.as_table()) {
        each(std::string(name.str()), *one);
      } else {
        expected(node, path, "a table");
      }
    }
  }

 private:
  std::string unknown(const std::string& key) const {
    std::string text = "unknown key '" + prefix_ + key + "'; known here:";
    for (const std::string& name : known_) text += " " + name;
    return text;
  }
  void expected(const toml::node& node, const std::string& key, const std::string& what) {
    std::ostringstream found;
    if (node.is_table() || node.is_array()) {
      found << "a " << node.type();
    } else {
      node.visit([&](const auto& value) { found << value; });
    }
    complaints_.add(node, "'" + prefix_ + key + "' has to be " + what + ", found " + found.str());
  }

  const toml::table* table_;
  std::string prefix_;
  Complaints& complaints_;
  std::set<std::string> known_;
};

void read_plugin(const std::string& name, const toml::table& table, Config& config, Complaints& complaints) {
  Section section(&table, "plugin." + name + ".", complaints);
  PluginSettings& settings = config.plugins[name];
  section.integer("processes", settings.processes, 1, 64);
  section.integer("slots", settings.slots, 1, 256);
  section.text("role", settings.role);
  if (const toml::table* plugin_config = section.table("config")) {
    std::ostringstream json;
    json << toml::json_formatter{*plugin_config};
    settings.config = json.str();
  }
}

void read_type(const std::string& name, const toml::table& table, Config& config, Complaints& complaints) {
  Section section(&table, "type." + name + ".", complaints);
  TypeSettings& settings = config.types[name];
  section.text("plugin", settings.plugin);
  section.integer("max_attempts", settings.max_attempts, 1, 1000);
  section.integer("concurrency", settings.concurrency, 0, 4096);
  section.duration("backoff_first", settings.backoff_first);
  section.duration("backoff_cap", settings.backoff_cap);
}

void read_root(const toml::table& root, Config& config, Complaints& complaints) {
  Section top(&root, "", complaints);
  {
    Section section(top.table("database"), "database.", complaints);
    section.text("url", config.database_url);
    section.text("table", config.table);
    section.integer("pumps", config.pumps, 1, 16);
    section.boolean("wake", config.wake);
  }
  {
    Section section(top.table("plugins"), "plugins.", complaints);
    section.text("directory", config.plugin_directory);
    section.duration("start_timeout", config.start_timeout, std::chrono::milliseconds(10));
  }
  {
    Section section(top.table("retry"), "retry.", complaints);
    section.integer("max_attempts", config.max_attempts, 1, 1000);
    section.duration("backoff_first", config.backoff_first);
    section.duration("backoff_cap", config.backoff_cap);
  }
  {
    Section section(top.table("runtime"), "runtime.", complaints);
    section.integer("batch_max", config.batch_max, 1, 2000);
    section.duration("poll_interval", config.poll_interval, std::chrono::milliseconds(1));
    section.duration("drain_timeout", config.drain_timeout);
    section.duration("cancel_grace", config.cancel_grace);
    section.duration("heartbeat", config.heartbeat, std::chrono::milliseconds(100));
    section.duration("lease", config.lease);
  }
  {
    Section section(top.table("retention"), "retention.", complaints);
    section.duration("done", config.keep_done, std::chrono::milliseconds(1000));
    section.duration("error", config.keep_error, std::chrono::milliseconds(1000));
  }
  {
    Section section(top.table("http"), "http.", complaints);
    section.address("listen", config.http_listen);
  }
  {
    Section section(top.table("log"), "log.", complaints);
    section.choice("level", config.log_level, parse_log_level, "trace, debug, info, warn, error, off");
    section.choice("format", config.log_format, parse_log_format, "auto, human, json");
  }
  top.tables("plugin", [&](const std::string& name, const toml::table& table) {
    read_plugin(name, table, config, complaints);
  });
  top.tables("type", [&](const std::string& name, const toml::table& table) {
    read_type(name, table, config, complaints);
  });
}

}  // namespace

std::optional<log::Level> parse_log_level(std::string_view name) {
  constexpr std::string_view names[] = {"trace", "debug", "info", "warn", "error", "off"};
  const auto* found = std::find(std::begin(names), std::end(names), name);
  if (found == std::end(names)) return std::nullopt;
  return static_cast<log::Level>(found - std::begin(names));
}

std::optional<log::Format> parse_log_format(std::string_view name) {
  constexpr std::string_view names[] = {"auto", "human", "json"};
  const auto* found = std::find(std::begin(names), std::end(names), name);
  if (found == std::end(names)) return std::nullopt;
  return static_cast<log::Format>(found - std::begin(names));
}

void parse_config(std::string_view text, const std::string& path, Config& config) {
  Complaints complaints{path, {}};
  try {
    const toml::table root = toml::parse(text, path);
    read_root(root, config, complaints);
  } catch (const toml::parse_error& error) {
    throw UsageError(path + ":" + std::to_string(error.source().begin.line) +
                     ": is not valid TOML: " + std::string(error.description()));
  }
  if (complaints.list.empty() && config.lease < 2 * config.heartbeat) {
    throw UsageError(path +
                     ": 'runtime.lease' has to be at least twice 'runtime.heartbeat', else a busy runtime "
                     "would be presumed dead");
  }
  if (!complaints.list.empty()) complaints.raise();
}

void read_config(const std::string& path, Config& config) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) {
    throw UsageError("reading the configuration file '" + path +
                     "' failed: it is missing or not readable; check the path given with --config");
  }
  parse_config(text, path, config);
}

}  // namespace sluice::base
