#include "engine/care/published_settings.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "config/config_key.hpp"

namespace sluice::engine {

namespace {

/// The database is the one in which they are published.
constexpr std::array<std::string_view, 4> left_out{"database.url", "database.url_file", "database.direct_url",
                                                   "http.listen"};

std::string quoted(const std::string& text) {
  return base::json_quote(base::valid_utf8(text));
}

template <class Owner>
void add(std::string& members, const std::string& prefix, const std::vector<config::ConfigKey<Owner>>& keys,
         const Owner& owner) {
  const Owner fallback{};
  for (const auto& key : keys) {
    const std::string path = (prefix.empty() ? key.section + "." : prefix) + key.path();
    const auto value = key.get(owner);
    if (!value || value == key.get(fallback)) continue;
    if (std::find(left_out.begin(), left_out.end(), path) != left_out.end()) continue;
    members += (members.empty() ? "" : ",") + quoted(path) + ":" +
               quoted(key.secret ? "set" : config::as_toml(key.kind, *value));
  }
}

}  // namespace

std::string published_settings(const config::Config& config) {
  std::string members;
  add(members, "", config::config_keys(), config);
  for (const auto& [name, settings] : config.plugins)
    add(members, "plugin." + name + ".", config::plugin_keys(), settings);
  for (const auto& [name, settings] : config.types)
    add(members, "type." + name + ".", config::type_keys(), settings);
  return "{" + members + "}";
}

}  // namespace sluice::engine
