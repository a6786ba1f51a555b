// The sessions of MemoryStore.
#pragma once

#include <optional>
#include <utility>

#include "store/memory_store.hpp"

namespace sluice::store {

class MemoryClaims : public ClaimSession {
 public:
  MemoryClaims(MemoryStore& store, RuntimeId runtime, int pump, bool listens);

  Claimed claim(const std::vector<LaneRequest>& lanes, bool durable) override;
  void reconcile(const std::vector<std::int64_t>& known, std::int64_t newest) override;
  void use(RuntimeId runtime) override { runtime_ = runtime; }
  bool want(bool wanted) override;
  std::int64_t wait(base::Clock::time_point end) override;
  void interrupt() override;

 private:
  void check_enlisted() const REQUIRES(store_.mutex_);
  void lock_rows(MemoryTransaction& transaction, const LaneRequest& lane, std::size_t index,
                 const std::vector<std::string>& seen, Claimed& claimed) REQUIRES(store_.mutex_);
  void look_again(Claimed& claimed) const REQUIRES(store_.mutex_);
  void record(Claimed& claimed) REQUIRES(store_.mutex_);
  bool try_reconcile(MemoryTransaction& transaction, const std::vector<std::int64_t>& known,
                     std::int64_t newest) REQUIRES(store_.mutex_);

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
  std::vector<Unwritten> finish_with_care(const std::vector<job::Settlement>& settlements,
                                          const std::vector<std::int64_t>& closing) override;
  std::vector<std::string> mark(const std::vector<job::Ref>& jobs,
                                const std::vector<std::int64_t>& filled) override;
  std::vector<std::int64_t> living(const std::vector<std::int64_t>& claims) override;
  void surrender(const std::vector<std::int64_t>& claims) override;

 private:
  struct Batch {
    const std::vector<job::Settlement>& settlements;
    std::vector<std::optional<Unwritten>> refused;  ///< by settlement: why it is not written
    std::vector<std::int64_t> versions;             ///< of the rows, in the statement's snapshot
  };

  std::vector<Unwritten> write(const std::vector<job::Settlement>& settlements,
                               const std::vector<std::int64_t>& closing, bool in_place);
  void look(MemoryTransaction& transaction, Batch& batch);
  void take_row(MemoryTransaction& transaction, Batch& batch, std::size_t i, bool waits);
  void find_row(MemoryTransaction& transaction, Batch& batch, std::size_t i);
  bool is_untouched(const job::Settlement& settlement) const;
  std::pair<std::string, std::int64_t> present(const job::Ref& job) const;
  std::vector<Unwritten> commit(Batch& batch, const std::vector<std::int64_t>& closing);

  MemoryStore& store_;
};

class MemoryHeart : public HeartSession {
 public:
  explicit MemoryHeart(MemoryStore& store) : store_(store) {}

  std::optional<double> beat(RuntimeId runtime) override;

 private:
  MemoryStore& store_;
  RuntimeId runtime_ = 0;  ///< of the last beat
  double started_at_ = 0;  ///< these identify its row
  double beat_at_ = 0;
};

class MemoryEffects : public EffectSession {
 public:
  explicit MemoryEffects(MemoryStore& store) : store_(store) {}

  std::vector<Unwritten> commit(const std::vector<job::Settlement>& settlements) override;

 private:
  std::optional<Unwritten> commit_one(const job::Settlement& settlement);
  void apply(const job::Settlement& settlement) REQUIRES(store_.mutex_);

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
  std::string blocker(const std::optional<std::string>&) override { return {}; }  // nobody locks anything
  std::vector<std::string> paused_types() override;
  std::vector<std::string> cancel_requests(RuntimeId runtime) override;
  void publish(RuntimeId runtime, const std::vector<PluginReport>& plugins) override;
  void show_running(RuntimeId runtime, const RunningChanges& changes) override;
  void count(const std::vector<OutcomeCount>& outcomes) override;
  void trace(RuntimeId runtime, const std::vector<Trace>& traces, job::Microseconds keep) override;
  void announce(const std::string&) override {}  // nothing listens
  Tidied tidy(std::size_t limit, job::Microseconds keep_audit) override;

 private:
  struct Due {
    std::string id;
    MemoryStore::Schedule schedule;
  };

  std::vector<Due> due(std::size_t limit) const REQUIRES(store_.mutex_);
  void promote(const Due& one, bool locked, Promoted& promoted) REQUIRES(store_.mutex_);
  std::vector<RuntimeId> dead(const Judge& judge, Rescued& rescued) const REQUIRES(store_.mutex_);
  bool try_bury(MemoryTransaction& transaction, RuntimeId runtime) REQUIRES(store_.mutex_);
  void await_claims(MemoryTransaction& transaction, RuntimeId runtime);
  void bury(RuntimeId runtime) REQUIRES(store_.mutex_);
  std::vector<std::int64_t> buried() const REQUIRES(store_.mutex_);
  void settle_buried(MemoryTransaction& transaction, std::int64_t claim, const job::RetryPolicy& fallback,
                     Rescued& rescued) REQUIRES(store_.mutex_);
  void rescue_job(MemoryStore::Row& row, const MemoryStore::Runtime& lost, const std::string& code,
                  const job::RetryPolicy& fallback, Rescued& rescued) REQUIRES(store_.mutex_);

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
