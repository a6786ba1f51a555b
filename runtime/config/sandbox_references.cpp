#include "config/sandbox_references.hpp"

#include <rapidjson/document.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::config {

namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

/// The keys of "config:/a/*/b/..", and how many folders the path goes up.
struct Reference {
  Words keys;
  int up = 0;
};

Reference parsed(std::string_view entry) {
  Reference reference;
  entry.remove_prefix(job::reference_mark.size() + 1);
  while (!entry.empty()) {
    const std::size_t end = std::min(entry.find('/'), entry.size());
    reference.keys.emplace_back(entry.substr(0, end));
    entry.remove_prefix(std::min(end + 1, entry.size()));
  }
  for (; !reference.keys.empty() && reference.keys.back() == ".."; reference.keys.pop_back()) ++reference.up;
  return reference;
}

void add_scalar(const rapidjson::Value& value, Words& values) {
  if (value.IsString() && value.GetStringLength() > 0) values.emplace_back(value.GetString());
  if (value.IsUint()) values.push_back(std::to_string(value.GetUint()));
}

/// Adds the texts and numbers at the end of the keys, "*" being every member.
void gather(const rapidjson::Value& value, const Words& keys, std::size_t depth, Words& values) {
  if (depth == keys.size()) {
    if (!value.IsArray()) return add_scalar(value, values);
    for (const auto& one : value.GetArray()) add_scalar(one, values);
    return;
  }
  if (!value.IsObject()) return;
  for (const auto& member : value.GetObject()) {
    if (keys[depth] == "*" || keys[depth] == member.name.GetString())
      gather(member.value, keys, depth + 1, values);
  }
}

class Resolution {
 public:
  explicit Resolution(const std::string& config) {
    config_.Parse<rapidjson::kParseIterativeFlag>(config.c_str());
    if (config_.HasParseError()) config_.SetObject();
  }

  void replace_paths(std::optional<Words>& entries) const {
    replace(entries, [&](const std::string& entry) { return paths_at(parsed(entry)); });
  }
  void replace_peers(std::optional<Words>& entries) const {
    replace(entries, [&](const std::string& entry) { return ports_at(parsed(entry)); });
  }
  bool has(const std::string& entry) const { return !values_at(parsed(entry)).empty(); }

 private:
  template <class Resolve>
  static void replace(std::optional<Words>& entries, Resolve resolve) {
    if (!entries) return;
    Words all;
    for (std::string& entry : *entries) {
      Words found = job::is_reference(entry) ? resolve(entry) : Words{std::move(entry)};
      std::move(found.begin(), found.end(), std::back_inserter(all));
    }
    std::set<std::string> known;
    std::erase_if(all, [&](const std::string& one) { return !known.insert(one).second; });
    entries = std::move(all);
  }

  Words values_at(const Reference& reference) const {
    Words values;
    gather(config_, reference.keys, 0, values);
    return values;
  }

  /// The plugin itself says what is wrong if a path does not exist.
  Words paths_at(const Reference& reference) const {
    Words paths;
    for (const std::string& value : values_at(reference)) {
      std::error_code error;
      const fs::path path = fs::absolute(value, error);
      add_path(path.lexically_normal(), reference.up, paths);
      if (reference.up > 0) add_path(fs::weakly_canonical(path, error), reference.up, paths);
    }
    return paths;
  }
  /// A folder such as /etc is too much for the sake of one file.
  static void add_path(fs::path path, int up, Words& paths) {
    fs::path folder = path;
    for (; up > 0; --up) folder = folder.parent_path();
    if (folder.parent_path() != folder.root_path()) path = folder;
    std::error_code error;
    if (fs::exists(path, error)) paths.push_back(path.string());
  }

  Words ports_at(const Reference& reference) const {
    Words ports;
    for (const std::string& value : values_at(reference)) {
      if (value.find("://") == std::string::npos) {
        ports.push_back(value);
      } else if (const std::string port = port_of(value); is_port(port)) {
        ports.insert(ports.end(), {port, "53"});
      }
    }
    std::erase_if(ports, [](const std::string& port) { return !is_port(port); });
    return ports;
  }
  static bool is_port(const std::string& text) {
    constexpr std::size_t most_digits = 5;
    const bool digits = !text.empty() && text.size() <= most_digits &&
                        text.find_first_not_of("0123456789") == std::string::npos;
    return digits && std::stoi(text) >= 1 && std::stoi(text) <= 65535;
  }
  /// Of a URL: what it says, or its scheme's.
  static std::string port_of(std::string_view url) {
    const std::size_t scheme_end = url.find("://");
    const std::string_view scheme = url.substr(0, scheme_end);
    url.remove_prefix(scheme_end + 3);
    std::string_view authority = url.substr(0, url.find_first_of("/?#"));
    authority.remove_prefix(authority.rfind('@') == std::string_view::npos ? 0 : authority.rfind('@') + 1);
    const std::size_t colon = authority.rfind(':');
    if (colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos)
      return std::string(authority.substr(colon + 1));
    return usual_port(scheme);
  }
  static std::string usual_port(std::string_view scheme) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> usual{
        {{"http", "80"},
         {"https", "443"},
         {"smtp", "25"},
         {"smtps", "465"},
         {"postgresql", "5432"},
         {"postgres", "5432"}}};
    for (const auto& [name, port] : usual) {
      if (name == scheme) return std::string(port);
    }
    return {};
  }

  rapidjson::Document config_;
};

}  // namespace

job::SandboxTable resolved(job::SandboxTable table, const std::string& config) {
  const Resolution resolution(config);
  resolution.replace_paths(table.read);
  resolution.replace_paths(table.write);
  resolution.replace_peers(table.connect);
  if (!table.spawn_if.empty()) table.spawn = resolution.has(std::exchange(table.spawn_if, {}));
  return table;
}

}  // namespace sluice::config
