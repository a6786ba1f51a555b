#include "store/memory_transaction.hpp"

namespace sluice::store {

MemoryTransaction::~MemoryTransaction() {
  const base::Lock lock(store_.mutex_);
  release();
}

void MemoryTransaction::release() {
  for (const std::string& name : locked_) store_.locks_.erase(name);
  for (const std::int64_t claim : claims_) store_.shared_claims_.extract(claim);
  for (const RuntimeId runtime : runtimes_) store_.shared_runtimes_.extract(runtime);
}

void MemoryTransaction::pause(Step step) const {
  if (store_.pause_) store_.pause_(step);
}

bool MemoryTransaction::try_lock(const std::string& name) {
  if (locked_.contains(name)) return true;
  if (!store_.locks_.insert(name).second) return false;
  locked_.insert(name);
  return true;
}

void MemoryTransaction::unlock(const std::string& name) {
  if (locked_.erase(name) > 0) store_.locks_.erase(name);
}

bool MemoryTransaction::lock(const std::string& name, base::Clock::duration patience) {
  const auto until = base::Clock::now() + patience;
  for (;;) {
    {
      const base::Lock lock(store_.mutex_);
      if (try_lock(name)) return true;
    }
    if (base::Clock::now() >= until) return false;
    pause(Step::waits);
  }
}

void MemoryTransaction::share_claim(std::int64_t claim) {
  claims_.insert(claim);
  store_.shared_claims_.insert(claim);
}

void MemoryTransaction::share_runtime(RuntimeId runtime) {
  runtimes_.insert(runtime);
  store_.shared_runtimes_.insert(runtime);
}

}  // namespace sluice::store
