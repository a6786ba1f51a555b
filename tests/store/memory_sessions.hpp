// The sessions of MemoryStore.
#pragma once

#include "store/memory_store.hpp"

namespace sluice::store {

class MemoryClaims : public ClaimSession {
 public:
  MemoryClaims(MemoryStore& store, RuntimeId runtime, int pump, bool listens);

  Claimed claim(const std::vector<LaneRequest>& lanes, bool durable) override;
  void reconcile(const std::vector<std::int64_t>& known) override;
  void use(RuntimeId runtime) override { runtime_ = runtime; }
  bool want(bool wanted) override;
  std::int64_t wait(base::Clock::time_point end) override;
  void interrupt() override;

 private:
  MemoryStore& store_;
  RuntimeId runtime_;
  const int pump_;
  const bool listens_;
  std::int64_t heard_ GUARDED_BY(store_.mutex_) =
      0;  ///< how many of the store's insertions it was notified of
  bool interrupted_ GUARDED_BY(store_.mutex_) = false;
};

class MemoryFinishes : public FinishSession {
 public:
  explicit MemoryFinishes(MemoryStore& store) : store_(store) {}

  std::vector<Unwritten> finish(const std::vector<job::Settlement>& settlements,
                                const std::vector<std::int64_t>& closing) override;
  std::vector<std::string> mark(const std::vector<job::Ref>& jobs,
                                const std::vector<std::int64_t>& filled) override;
  std::vector<std::int64_t> living(const std::vector<std::int64_t>& claims) override;

 private:
  MemoryStore& store_;
};

class MemoryHeart : public HeartSession {
 public:
  explicit MemoryHeart(MemoryStore& store) : store_(store) {}

  std::optional<double> beat(RuntimeId runtime) override;

 private:
  MemoryStore& store_;
};

class MemoryEffects : public EffectSession {
 public:
  explicit MemoryEffects(MemoryStore& store) : store_(store) {}

  std::vector<Unwritten> commit(const std::vector<job::Settlement>& settlements) override;

 private:
  MemoryStore& store_;
};

class MemoryCare : public CareSession {
 public:
  explicit MemoryCare(MemoryStore& store) : store_(store) {}

  RuntimeId enlist(const RuntimeInfo& info) override;
  void serve(RuntimeId runtime, const std::vector<ServedType>& types) override;
  void leave(RuntimeId runtime, const Unfinished& unfinished) override;
  Promoted promote_due(std::size_t limit) override;
  Rescued rescue(const Judge& judge, const job::RetryPolicy& fallback) override;
  std::string blocker(const std::optional<std::string>&) override { return {}; }  // there are no locks
  std::vector<std::string> cancel_requests(RuntimeId) override { return {}; }
  void publish(RuntimeId runtime, const std::vector<PluginReport>& plugins) override;
  void show_running(RuntimeId runtime, const RunningChanges& changes) override;
  void count(const std::vector<Throughput>& outcomes) override;
  void trace(RuntimeId runtime, const std::vector<Trace>& traces, job::Microseconds keep) override;
  void announce(const std::string&) override {}  // nothing listens
  Tidied tidy(std::size_t limit) override;

 private:
  std::set<std::string> take_claims_of(RuntimeId runtime) REQUIRES(store_.mutex_);
  void rescue_job(const std::string& id, const MemoryStore::Runtime& lost, const job::RetryPolicy& fallback,
                  Rescued& rescued) REQUIRES(store_.mutex_);

  MemoryStore& store_;
};

class MemoryPrunes : public PruneSession {
 public:
  MemoryPrunes(MemoryStore& store, std::string status, job::Microseconds older_than)
      : store_(store), status_(std::move(status)), older_than_(older_than) {}

  Pruned prune(std::size_t limit) override;

 private:
  MemoryStore& store_;
  const std::string status_;
  const job::Microseconds older_than_;
};

class MemoryDesk : public DeskSession {
 public:
  explicit MemoryDesk(MemoryStore& store) : store_(store) {}

  std::vector<std::string> init() override { return {}; }
  std::vector<std::string> set_indexes(Indexes) override { return {}; }
  void check_schema() override {}
  Enqueued enqueue(const EnqueueRequest& request) override;
  Report report(bool exact) override;
  Aggregate aggregate(std::chrono::seconds since) override;
  std::vector<QueueDepth> depths(std::size_t most) override;
  std::vector<Failure> recent_failures(std::size_t limit) override;

 private:
  void report_jobs(Report& report) const REQUIRES(store_.mutex_);
  void report_runtimes(Report& report) const REQUIRES(store_.mutex_);

  MemoryStore& store_;
};

}  // namespace sluice::store
