// Every key of sluice.toml, once: what it takes, which variables set it, what it means, and how it is written
// into the settings. These tables are used for the file, the environment, the sample, the manual page and the
// tests of docs/configuration.md, so they can't differ. Constant; any thread may read.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace sluice::config {

/// How the file writes a value.
enum class Kind { text, number, truth, table, list };

/// A key of the settings in an Owner: Config, PluginSettings or TypeSettings.
template <class Owner>
struct ConfigKey {
  std::string section;  ///< "database", "plugin", "plugin.limits", "type"
  std::string name;
  Kind kind = Kind::text;
  std::string takes = {};    ///< in words: "a whole number from 1 to 16"
  std::string summary = {};  ///< sentences, without the first capital and the last full stop
  std::string example = {};  ///< for the sample file, as written there, if there is no default
  /// Sets a value, written as in a variable: like in the file, but without the quotes around text. Returns
  /// false and changes nothing if the value is invalid.
  std::function<bool(Owner&, const std::string&)> set = {};
  /// The value as `set` takes it; nullopt if it is absent.
  std::function<std::optional<std::string>(const Owner&)> get = {};
  /// Why `set` refuses a value, as a sentence after the key's name; absent: `takes` says enough.
  std::function<std::string(const std::string&)> problem = {};
  std::vector<std::string> other_variables = {};  ///< besides the regular one
  bool secret = false;                            ///< shown only masked

  /// Within its table: "slots" of [plugin.NAME], "limits.memory" of [plugin.NAME.limits].
  std::string path() const {
    const auto dot = section.find('.');
    return dot == std::string::npos ? name : section.substr(dot + 1) + "." + name;
  }
};

const std::vector<ConfigKey<Config>>& config_keys();
const std::vector<ConfigKey<PluginSettings>>& plugin_keys();
const std::vector<ConfigKey<TypeSettings>>& type_keys();

/// What a section is for, in a sentence.
std::string_view section_summary(std::string_view section);

/// The regular variable of a key: SLUICE_DATABASE_PUMPS; with a table's name, SLUICE_PLUGIN_HELLO_SLOTS and
/// SLUICE_PLUGIN_HELLO_LIMITS_MEMORY.
std::string variable_name(std::string_view section, std::string_view key, std::string_view name = "");

/// Part of a variable's name: capitals and digits, everything else is "_".
std::string variable_part(std::string_view name);

/// A key's `value` as written in the file: text is quoted.
std::string as_toml(Kind kind, const std::string& value);

/// A commented sluice.toml with every key, each at its default and commented out.
std::string sample_config();

}  // namespace sluice::config
