#include "config/host_users.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <utility>
#include <vector>

#include "base/usage_error.hpp"

namespace sluice::config {

namespace {

constexpr uid_t nobody = 65534;  // on each system; no file belongs to it

std::optional<job::HostUser> find_user(const std::string& name) {
  std::vector<char> buffer(16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return std::nullopt;
  return job::HostUser{name, found->pw_dir, found->pw_uid, found->pw_gid};
}

std::string name_of(uid_t user) {
  std::vector<char> buffer(16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? "user id " + std::to_string(user) : "'" + std::string(found->pw_name) + "'";
}

job::HostUser powerless(const std::string& name) {
  return {name, "/", nobody, nobody};
}

/// Those that it takes to change a process's user and to kill it afterwards, of which root may have been
/// deprived. By name, if one is missing.
std::string missing_capability() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("CapEff:")) continue;
    const unsigned long long has = std::stoull(line.substr(line.find('\t')), nullptr, 16);
    for (const auto& [number, name] : {std::pair{5U, "CAP_KILL"}, {6U, "CAP_SETGID"}, {7U, "CAP_SETUID"}}) {
      if ((has >> number & 1U) == 0) return name;
    }
  }
  return "";
}

void check_user(const std::string& key, const std::string& name) {
  if (name.empty()) return;
  const auto user = find_user(name);
  if (!user) {
    throw base::UsageError(
        "'" + key + "': found '" + name + "', expected a user of this machine; create it, " +
        "for example with useradd --system --shell /usr/sbin/nologin " + name + ", or correct the key");
  }
  if (user->uid == geteuid()) return;
  if (const std::string missing = geteuid() == 0 ? missing_capability() : ""; !missing.empty()) {
    throw base::UsageError("'" + key + "': plugin hosts can't run as '" + name +
                           "', because sluice is root "
                           "without the capability " +
                           missing + "; give it that, or take the key out");
  }
  if (geteuid() == 0) return;
  throw base::UsageError("'" + key + "': plugin hosts can't run as '" + name + "', because sluice runs as " +
                         name_of(geteuid()) + "; start sluice as root, or take the key out");
}

}  // namespace

std::optional<job::HostUser> user_of(const std::string& plugin, const Config& config) {
  const auto found = config.plugins.find(plugin);
  const bool has_own = found != config.plugins.end() && !found->second.user.empty();
  const std::string& name = has_own ? found->second.user : config.plugin_user;
  if (name.empty() || geteuid() != 0) return std::nullopt;
  const auto user = find_user(name);
  if (!user) return powerless(name);  // it has been deleted since check_users(), and that must not mean root
  return user->uid == 0 ? std::nullopt : user;
}

std::optional<job::HostUser> first_user(const Config& config) {
  if (geteuid() != 0) return std::nullopt;
  if (!config.plugin_user.empty()) return user_of("", config);
  const bool any = std::any_of(config.plugins.begin(), config.plugins.end(),
                               [](const auto& plugin) { return !plugin.second.user.empty(); });
  return any ? std::optional(powerless("nobody")) : std::nullopt;
}

void check_users(const Config& config) {
  check_user("plugins.user", config.plugin_user);
  for (const auto& [name, settings] : config.plugins) check_user("plugin." + name + ".user", settings.user);
}

std::string root_warning(const Config& config) {
  if (geteuid() != 0 || !config.plugin_user.empty()) return "";
  return "sluice runs as root, and so do all plugins without a user of their own; set user under [plugins], "
         "or "
         "run sluice as another user";
}

}  // namespace sluice::config
