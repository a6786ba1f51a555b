#include "base/systemd.hpp"

#include <systemd/sd-daemon.h>

#include <cstdint>

#include "base/threads.hpp"

namespace sluice::systemd {

void ready(const std::string& status) {
  sd_notifyf(0, "READY=1\nSTATUS=%s", status.c_str());
}

/// Newer versions of systemd require the time, by the monotonic clock.
void reloading() {
  const auto now =
      std::chrono::duration_cast<std::chrono::microseconds>(base::Clock::now().time_since_epoch());
  sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reloading", static_cast<long long>(now.count()));
}

void stopping() {
  sd_notify(0, "STOPPING=1\nSTATUS=stopping: waiting for started jobs");
}

void status(const std::string& text) {
  sd_notifyf(0, "STATUS=%s", text.c_str());
}

std::optional<std::chrono::microseconds> watchdog() {
  std::uint64_t interval = 0;
  if (sd_watchdog_enabled(0, &interval) <= 0) return std::nullopt;
  return std::chrono::microseconds(interval);
}

void alive() {
  sd_notify(0, "WATCHDOG=1");
}

}  // namespace sluice::systemd
