// Notifications from a service to systemd. They do nothing if systemd did not start the process with
// NOTIFY_SOCKET. Any thread may call.
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

/// The longest time between two calls of alive() before systemd ends the service; nullopt without a watchdog.
std::optional<std::chrono::microseconds> watchdog();
void alive();

}  // namespace sluice::systemd
