// The dashboard as `sluice run` and `sluice dashboard` serve it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/address.hpp"
#include "cli/command.hpp"
#include "dashboard/pulse.hpp"
#include "dashboard/site.hpp"
#include "http/server.hpp"

namespace sluice::cli {

/// Why nobody could see the dashboard at `address`, with what to do; empty if somebody can.
std::string dashboard_problem(const config::Config& config, const base::Address& address);

/// The dashboard of the configured database. Throws base::UsageError if the file of tokens is invalid.
/// `extra` is a token besides those in the file.
std::unique_ptr<dashboard::Site> open_dashboard(
    const config::Config& config, const base::Address& address,
    const std::optional<dashboard::TokenEntry>& extra = std::nullopt);

http::ServerOptions server_options(const config::Config& config);

/// When the server stops, requests that are being answered have this long.
inline constexpr std::chrono::seconds last_answers{1};

/// Where pages get their answers from: a store of its own, whose statements have time limits.
dashboard::Sources page_sources(const config::Config& config);

/// The JSON pointers of values of a type's jobs that nobody sees; of all types if it is empty.
std::vector<std::string> redacted_pointers(const config::Config& config, const std::string& type);

}  // namespace sluice::cli
