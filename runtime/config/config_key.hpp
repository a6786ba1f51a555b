// Every key of sluice.toml, once: what it takes, which variables set it, its meaning, and how it is written
// into the settings. The file, the environment, the sample, the manual page and the tests of
// docs/configuration.md all go by these tables, so that they can't differ. Constant; any thread may read.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace sluice::config {

/// How the file writes a value.
enum class Kind { text, number, truth, table };

/// A key of the settings in an Owner: Config, PluginSettings or TypeSettings.
template <class Owner>
struct ConfigKey {
  std::string section;  ///< "database", "plugin", "type"
  std::string name;
  Kind kind = Kind::text;
  std::string takes = {};    ///< in words: "a whole number from 1 to 16"
  std::string summary = {};  ///< sentences, without the first capital and the last full stop
  std::string example = {};  ///< for a sample, as the file writes it, where there is no default
  /// Takes a value as a variable writes it, which is as in the file but for the quotes of a text. False, and
  /// nothing done, where it is not what the key takes.
  std::function<bool(Owner&, const std::string&)> set = {};
  /// The value as `set` takes it; none where it is absent.
  std::function<std::optional<std::string>(const Owner&)> get = {};
  std::vector<std::string> other_variables = {};  ///< beside the regular one
  bool secret = false;                            ///< never shown as it is
};

const std::vector<ConfigKey<Config>>& config_keys();
const std::vector<ConfigKey<PluginSettings>>& plugin_keys();
const std::vector<ConfigKey<TypeSettings>>& type_keys();

/// What a section is for, in a sentence.
std::string_view section_summary(std::string_view section);

/// The regular variable of a key: SLUICE_DATABASE_PUMPS; with a table's name, SLUICE_PLUGIN_HELLO_SLOTS.
std::string variable_name(std::string_view section, std::string_view key, std::string_view name = "");

/// Part of a variable's name: capitals and digits, everything else is "_".
std::string variable_part(std::string_view name);

/// `value` of a key as the file writes it: quoted where it is text.
std::string as_toml(Kind kind, const std::string& value);

/// A commented sluice.toml with every key, each at its default and commented out.
std::string sample_config();

}  // namespace sluice::config
