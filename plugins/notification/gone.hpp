// The endpoints that answered 410 to this process. The database knows them too and creates no more webhooks
// for them. This set also keeps the webhooks created before the 410 from being posted.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace notification {

/// Thread-safe. A revival increments the endpoint's generation, so no entry becomes wrong.
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
