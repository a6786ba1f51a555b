// The retry policies by job type, which a reload changes while pumps run. Thread-safe. A policy that was read
// stays valid. A type that is no longer served keeps its policy, for its jobs that are under way.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/threads.hpp"
#include "job/retry_policy.hpp"

namespace sluice::engine {

class Policies {
 public:
  using ByType = std::map<std::string, job::RetryPolicy>;

  /// Shared, because a pump continues to use it while a reload sets others.
  std::shared_ptr<const ByType> now() const {
    const base::Lock lock(mutex_);
    return by_type_;
  }
  void set(ByType changed) {
    const base::Lock lock(mutex_);
    changed.insert(by_type_->begin(), by_type_->end());
    by_type_ = std::make_shared<const ByType>(std::move(changed));
  }

 private:
  mutable base::Mutex mutex_;
  std::shared_ptr<const ByType> by_type_ GUARDED_BY(mutex_) = std::make_shared<const ByType>();
};

}  // namespace sluice::engine
