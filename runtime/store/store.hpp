// The store: everything that Sluice needs from the database, as interfaces. PostgreSQL implements them
// (runtime/postgres), and so does an in-memory store for tests (tests/store/memory_store.hpp). Both pass the
// conformance suite in tests/store.
//
// A Store is a factory, safe from any thread. Each session that it opens is used by one thread and owns one
// connection. Opening it does not connect; its first call does. Every call may throw the exceptions in
// errors.hpp.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/threads.hpp"
#include "job/job.hpp"
#include "store/care.hpp"
#include "store/claiming.hpp"
#include "store/desk.hpp"
#include "store/errors.hpp"
#include "store/finishing.hpp"
#include "store/insight.hpp"

namespace sluice::store {

class Store {
 public:
  virtual ~Store() = default;
  /// `listens`: it listens for new jobs, if the store supports that.
  virtual std::unique_ptr<ClaimSession> claims(RuntimeId runtime, int pump, bool listens) = 0;
  virtual std::unique_ptr<FinishSession> finishes() = 0;
  /// Committing one job's follow-up jobs and effects is ended after `limit`.
  virtual std::unique_ptr<EffectSession> effects(std::chrono::microseconds limit) = 0;
  /// A beat without an answer within `patience` is given up.
  virtual std::unique_ptr<HeartSession> heart(std::chrono::milliseconds patience) = 0;
  virtual std::unique_ptr<CareSession> care() = 0;
  /// For jobs in `status`, which is done or error, that were created longer ago than `older_than` and that
  /// nothing will try again.
  virtual std::unique_ptr<PruneSession> prunes(const std::string& status, job::Microseconds older_than) = 0;
  virtual std::unique_ptr<DeskSession> desk() = 0;
  /// Null if the store has no such session.
  virtual std::unique_ptr<InsightSession> insight() { return nullptr; }
  /// No call of any session continues beyond `when`. Later calls throw Unavailable at once. It may be set
  /// again. [any-thread]
  virtual void limit(base::Clock::time_point when) = 0;
};

}  // namespace sluice::store
