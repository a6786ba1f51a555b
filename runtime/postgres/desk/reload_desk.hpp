// What sluice reload needs from PostgreSQL: which runtimes there are, and what they announce. Used by one
// thread; owns one connection. Every call may throw Unavailable or Refused.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "postgres/interface.hpp"
#include "postgres/postgres_store.hpp"

namespace sluice::postgres {

class ReloadDesk {
 public:
  virtual ~ReloadDesk() = default;

  virtual std::vector<RuntimeReport> runtimes() = 0;
  /// False if the connection can't receive announcements (CareSession::announce).
  virtual bool hears() const = 0;
  /// Calls `ready` when it can receive announcements, then `take` with each one until that returns true.
  /// Returns false if `timeout` passes first, or if `gives_up`, which is asked often, returns true.
  virtual bool hear(const std::function<void()>& ready, const std::function<bool(const std::string&)>& take,
                    std::chrono::milliseconds timeout, const std::function<bool()>& gives_up = {}) = 0;
};

std::unique_ptr<ReloadDesk> open_reload_desk(const PostgresOptions& options);

}  // namespace sluice::postgres
