// No simulated runtime was started by systemd.
#include "base/systemd.hpp"

namespace sluice::systemd {

void ready(const std::string&) {}
void reloading() {}
void stopping() {}
void status(const std::string&) {}
std::optional<std::chrono::microseconds> watchdog() {
  return std::nullopt;
}
void alive() {}

}  // namespace sluice::systemd
