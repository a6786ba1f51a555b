// Logs once that the database is lost or refuses statements, and once that it is back, however many threads
// notice.
#pragma once

#include <chrono>
#include <exception>
#include <optional>
#include <set>
#include <string>

#include "engine/clock.hpp"

namespace sluice::engine {

class Outage {
 public:
  /// `who` can't work with the database, because of `reason`.
  void down(const void* who, const std::string& reason);
  /// The same, with a message that depends on the kind of error, because the database may have answered.
  void down(const void* who, const std::exception& error);
  /// `who` can work with it (again).
  void up(const void* who);
  /// The heart has just had an answer, whatever happens to other calls.
  void beaten();
  /// How long the database has been lost; nullopt if it is not.
  std::optional<std::chrono::milliseconds> lasting() const;
  std::string reason() const;

 private:
  void down(const void* who, const char* what, const std::string& reason);
  const char* kind_of(const std::exception& error) const;

  mutable base::Mutex mutex_;
  std::set<const void*> affected_ GUARDED_BY(mutex_);
  Clock::time_point since_ GUARDED_BY(mutex_){};
  std::string reason_ GUARDED_BY(mutex_);
  std::set<const char*> logged_ GUARDED_BY(mutex_);  // kinds of trouble that were logged
  std::optional<Clock::time_point> beaten_ GUARDED_BY(mutex_);
};

/// The wait before the next try after `failures` consecutive failures: 100 ms, doubled up to 5 s.
std::chrono::milliseconds reconnect_delay(int failures);

}  // namespace sluice::engine
