// The control groups of a runtime's plugin hosts, as the configuration wants them.
#pragma once

#include <memory>

#include "config/config.hpp"
#include "fleet/control_group.hpp"

namespace sluice::cli {

/// Null: the runtime watches the limits of its hosts. The log says which. Throws base::UsageError if the
/// configuration requires them and there can't be any.
std::unique_ptr<fleet::ControlGroups> open_control_groups(const config::Config& config);

}  // namespace sluice::cli
