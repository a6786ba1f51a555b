// What a service tells systemd, which started it with NOTIFY_SOCKET; elsewhere all of it does nothing. Any
// thread may call.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace sluice::systemd {

/// The service is up, or up again after reloading().
void ready(const std::string& status);
void reloading();
void stopping();
/// A line for `systemctl status`.
void status(const std::string& text);

/// How long alive() may be silent before systemd ends the service; none where it doesn't watch.
std::optional<std::chrono::microseconds> watchdog();
void alive();

}  // namespace sluice::systemd
