// Says once that the database is lost, and once that it is back, however many threads meet it.
#pragma once

#include <chrono>
#include <exception>
#include <mutex>
#include <optional>
#include <set>
#include <string>

namespace sluice::engine {

class Outage {
 public:
  using Clock = std::chrono::steady_clock;

  /// `who` can't work with the database, because of `reason`; it `answered`: what was asked was refused, or
  /// can't be done now.
  void down(const void* who, const std::string& reason, bool answered);
  void down(const void* who, const std::exception& reason);
  /// `who` can work with it (again).
  void up(const void* who);
  /// How long it has been lost; none when it is not.
  std::optional<std::chrono::milliseconds> lasting() const;
  std::string reason() const;
  /// How long ago anybody last could.
  Clock::duration since_answer() const;

 private:
  mutable std::mutex mutex_;
  std::set<const void*> affected_;  // protected by mutex_, like all below
  Clock::time_point since_{};
  std::string reason_;
  Clock::time_point answered_ = Clock::now();
};

/// The wait before the next try after `failures` in a row: 100 ms doubled up to 5 s.
std::chrono::milliseconds reconnect_delay(int failures);

}  // namespace sluice::engine
