#include "cli/runtime/control_groups.hpp"

#include "base/log.hpp"
#include "base/usage_error.hpp"

namespace sluice::cli {

std::unique_ptr<fleet::ControlGroups> open_control_groups(const config::Config& config) {
  constexpr const char* watched = "the runtime watches the limits of plugin hosts";
  if (config.control_groups == job::ControlGroups::off) {
    log::info(watched, {{"reason", "plugins.control_groups is \"off\""}});
    return nullptr;
  }
  try {
    auto groups = std::make_unique<fleet::ControlGroups>();
    log::info("control groups enforce the limits of plugin hosts", {{"group", groups->path()}});
    return groups;
  } catch (const fleet::NoControlGroups& error) {
    if (config.control_groups == job::ControlGroups::require) {
      throw base::UsageError(
          std::string("plugins.control_groups is \"require\", but there can't be control groups: ") +
          error.what() +
          "; start sluice in a control group of its own that it may change (systemd: Delegate=yes and "
          "ProtectControlGroups=no; a container: cgroup v2, writable), or set control_groups = \"auto\"");
    }
    log::info(watched, {{"reason", std::string("there can't be control groups: ") + error.what()}});
    return nullptr;
  }
}

}  // namespace sluice::cli
