// Says once that the database is lost, or refuses what it is asked, and once that it is back, however many
// threads meet it.
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
  /// The same, in words that fit the kind of the error: the database may have answered.
  void down(const void* who, const std::exception& error);
  /// `who` can work with it (again).
  void up(const void* who);
  /// The heart had an answer just now, whatever becomes of other calls.
  void beaten();
  /// How long it has been lost; none when it is not.
  std::optional<std::chrono::milliseconds> lasting() const;
  std::string reason() const;

 private:
  void down(const void* who, const char* what, const std::string& reason);
  const char* kind_of(const std::exception& error) const;

  mutable base::Mutex mutex_;
  std::set<const void*> affected_ GUARDED_BY(mutex_);
  Clock::time_point since_ GUARDED_BY(mutex_){};
  std::string reason_ GUARDED_BY(mutex_);
  std::set<const char*> said_ GUARDED_BY(mutex_);  // kinds of trouble, each once
  std::optional<Clock::time_point> beaten_ GUARDED_BY(mutex_);
};

/// The wait before the next try after `failures` in a row: 100 ms doubled up to 5 s.
std::chrono::milliseconds reconnect_delay(int failures);

}  // namespace sluice::engine
