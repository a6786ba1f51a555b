// Which user the hosts of a plugin run as.
#pragma once

#include <optional>
#include <string>

#include "config/config.hpp"
#include "job/host_user.hpp"

namespace sluice::config {

/// The user of the plugin's table, then that of [plugins]. Nullopt: the runtime's own, which is the only one
/// that a runtime which is not root can give.
std::optional<job::HostUser> user_of(const std::string& plugin, const Config& config);

/// As whom a plugin is loaded about which nothing is known yet: the user of [plugins]. Without one, but if a
/// plugin has a user, it is somebody without rights.
std::optional<job::HostUser> first_user(const Config& config);

/// Throws base::UsageError if there is no such user, or if this process can't give its hosts that user.
void check_users(const Config& config);

/// A warning that plugins run as root; empty if they don't.
std::string root_warning(const Config& config);

}  // namespace sluice::config
