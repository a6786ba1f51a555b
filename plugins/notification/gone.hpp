// The endpoints that answered 410 to this process. The database knows it too, and owes them nothing more:
// this spares them the jobs that were owed before.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace notification {

/// May be used from any thread. A revival counts the endpoint's generation up, so nothing here goes stale.
class Gone {
 public:
  void add(const std::string& endpoint, std::int64_t generation) {
    const std::lock_guard<std::mutex> lock(mutex_);
    all_.emplace(endpoint, generation);
  }
  bool holds(const std::string& endpoint, std::int64_t generation) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return all_.count({endpoint, generation}) != 0;
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::pair<std::string, std::int64_t>> all_;
};

}  // namespace notification
