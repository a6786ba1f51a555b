// A transaction of the store in memory: what it holds until its end. Nobody sees what it is about to write,
// because it writes everything at its end, under the store's mutex. If it is destroyed before, it has written
// nothing. So a row that another transaction is writing can be read as it was, and locked when that one is
// over, as in PostgreSQL at READ COMMITTED. For one thread.
#pragma once

#include <set>
#include <string>

#include "store/memory_store.hpp"

namespace sluice::store {

class MemoryTransaction {
 public:
  using Step = MemoryStore::Step;

  explicit MemoryTransaction(MemoryStore& store) : store_(store) {}
  ~MemoryTransaction();
  MemoryTransaction(const MemoryTransaction&) = delete;
  MemoryTransaction& operator=(const MemoryTransaction&) = delete;

  /// Another thread may act now. Without the mutex.
  void pause(Step step) const;

  /// Locks a row, or anything else with a name; false if another transaction holds it.
  bool try_lock(const std::string& name) REQUIRES(store_.mutex_);
  void unlock(const std::string& name) REQUIRES(store_.mutex_);
  /// Like try_lock, and waits for at most `patience`. Without the mutex.
  bool lock(const std::string& name, base::Clock::duration patience);
  /// Nobody deletes or renumbers the claim while somebody shares it.
  void share_claim(std::int64_t claim) REQUIRES(store_.mutex_);
  /// The same for the row of a runtime.
  void share_runtime(RuntimeId runtime) REQUIRES(store_.mutex_);

 private:
  void release() REQUIRES(store_.mutex_);

  MemoryStore& store_;
  std::set<std::string> locked_;
  std::multiset<std::int64_t> claims_;
  std::multiset<RuntimeId> runtimes_;
};

}  // namespace sluice::store
