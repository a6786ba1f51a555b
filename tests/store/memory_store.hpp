// The store in memory, for tests: the same semantics as PostgreSQL's at READ COMMITTED, and a clock that a
// test moves instead of sleeping. A statement takes its snapshot first, locks rows later, and writes
// everything at its end; between these steps others may act, if a world has them act (see set_pause). The
// store has to outlive its sessions; all of it is safe from any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/threads.hpp"
#include "store/store.hpp"

namespace sluice::store {

class MemoryTransaction;

class MemoryStore : public Store {
 public:
  struct Row {
    std::string id;
    std::string type;
    std::string payload = "{}";
    std::string status = "pending";
    double created_at = 0;  ///< seconds since 1970
    double updated_at = 0;
    int attempts = 0;
    std::int64_t version = 0;  ///< how often it was written; with its id, its place
  };
  /// Where a statement stands.
  enum class Step {
    looked,   ///< it has its snapshot
    waits,    ///< for a lock
    locked,   ///< it has its locks
    written,  ///< it is about to commit
  };
  /// Sees each change in the order of the commits, under the store's mutex.
  class Watcher {
   public:
    virtual ~Watcher() = default;
    /// `taken`: those of `ids` that another claim names.
    virtual void on_claim(RuntimeId runtime, const std::set<std::string>& ids,
                          const std::set<std::string>& taken) = 0;
    /// `claim_lives`: its claim was there, and was the newest that names the job.
    virtual void on_settled(const job::Settlement& settlement, const Row& row, bool claim_lives) = 0;
    virtual void on_rescued(const Row& row) = 0;
    /// The runtime beat, and its row says so.
    virtual void on_beat(RuntimeId runtime) = 0;
    /// `judge` declared `dead` dead. It is buried later in that transaction.
    virtual void on_declared_dead(RuntimeId judge, RuntimeId dead) = 0;
    virtual void on_effect(const std::string& job, const std::string& sql) = 0;
    virtual void on_follow_up(const std::string& job, const std::string& follow_up) = 0;
  };

  std::unique_ptr<ClaimSession> claims(RuntimeId runtime, int pump, bool listens) override;
  std::unique_ptr<FinishSession> finishes() override;
  std::unique_ptr<EffectSession> effects(std::chrono::microseconds) override;
  std::unique_ptr<HeartSession> heart(std::chrono::milliseconds patience) override;
  std::unique_ptr<CareSession> care() override;
  std::unique_ptr<PruneSession> prunes(const std::string& status, job::Microseconds older_than) override;
  std::unique_ptr<DeskSession> desk() override;
  void limit(base::Clock::time_point) override {}  // no call takes any time

  // Actions of an application, of an operator, or of time.
  void put(Row row);  ///< inserts or replaces
  void erase(const std::string& id);
  void advance(std::chrono::microseconds time);
  /// While it is false, every call throws Unavailable.
  void set_available(bool available);
  /// Called between the steps of each statement, without the mutex. It may throw, which rolls back.
  void set_pause(std::function<void(Step)> pause) { pause_ = std::move(pause); }
  /// Set before the first call.
  void set_watcher(Watcher* watcher) { watcher_ = watcher; }
  /// The time instead of the wall clock's.
  void set_clock(std::function<double()> clock) { clock_ = std::move(clock); }
  /// Claims mark their rows as processing at once.
  void set_marking(bool marking) { marks_ = marking; }
  /// Outcomes for which it returns true are refused, as by a trigger.
  void set_refusing(std::function<bool(const job::Settlement&)> refuses) { refuses_ = std::move(refuses); }
  /// Asks that a job that a runtime has be cancelled.
  void request_cancel(const std::string& id);

  std::optional<Row> row(const std::string& id) const;
  std::optional<std::string> output(const std::string& id) const;
  bool scheduled(const std::string& id) const;
  std::vector<Failure> failures() const;  ///< oldest first
  std::vector<Trace> traces() const;      ///< oldest first
  /// All rows, in the order of their ids.
  std::vector<Row> rows() const;
  /// What the side tables still have, a line each, besides `runtimes` and schedules of jobs that wait for
  /// them.
  std::vector<std::string> left_over(const std::set<RuntimeId>& runtimes) const;
  RuntimeId last_enlisted() const;
  /// The jobs that claims name.
  std::set<std::string> named() const;
  /// Those that are not lost.
  std::set<RuntimeId> enlisted() const;

  // A transaction of the application: it locks rows by MemoryTransaction, and commits by these.
  void insert(Row row);
  /// Changes the row, if it is there, and counts it as written.
  bool update(const std::string& id, const std::function<bool(Row&)>& change);

  /// All tables as they are, and as they were.
  class Tables;
  std::shared_ptr<const Tables> tables() const;
  void restore(const Tables& tables);
  /// The SQL of committed effects, oldest first. Nothing is run; only this one fails:
  std::vector<std::string> effects() const;
  static constexpr std::string_view failing_effect = "SELECT 1 / 0";

 private:
  friend class MemoryClaims;
  friend class MemoryFinishes;
  friend class MemoryHeart;
  friend class MemoryEffects;
  friend class MemoryCare;
  friend class MemoryDesk;
  friend class MemoryPrunes;
  friend class MemoryTransaction;

  struct Claim {
    RuntimeId runtime = 0;
    int pump = 0;
    std::set<std::string> ids;
    bool marked = false;  ///< all of its jobs are in processing
  };
  struct Running {
    RunningJob job;
    double started_at = 0;
  };
  struct Runtime {
    RuntimeInfo info;
    std::set<std::string> types;
    double started_at = 0;
    double beat_at = 0;
    bool lost = false;                         ///< buried: its claims are being rescued
    std::vector<PublishedPlugin> plugins{};    ///< the age is when it began
    std::map<std::string, Running> running{};  ///< by job
  };
  struct Minute {
    std::int64_t number = 0;  ///< minutes since 1970
    std::string type;
    bool operator<(const Minute& other) const {
      return std::tie(number, type) < std::tie(other.number, other.type);
    }
  };
  struct Schedule {
    double due = 0;
    std::string status;
  };

  /// A claim may name it.
  static bool is_open(const Row& row);
  /// The job is given back and was never marked, so its row is not written.
  static bool leaves(const Row& row, const job::Settlement& settlement);
  static int next_attempt(const Row& row);
  /// The attempt that runs, if a claim names the row.
  static int this_attempt(const Row& row);
  static double lease_of(const Runtime& runtime);

  void notify() REQUIRES(mutex_);
  void check_available() const REQUIRES(mutex_);
  double now() const REQUIRES(mutex_);
  bool is_alive(const Runtime& runtime) const REQUIRES(mutex_);
  bool is_steady(const Runtime& runtime, double last_beat) const REQUIRES(mutex_);
  /// The row of a claimed job; null if another claim has it now, or none.
  Row* ours(const job::Ref& job) REQUIRES(mutex_);
  bool lives(const job::Ref& job) const REQUIRES(mutex_);
  static bool is_as_claimed(const Row& row, const job::Ref& job);
  static std::string place_of(const Row& row);
  void touch(Row& row) REQUIRES(mutex_);
  std::string shown_status(const Row& row) const REQUIRES(mutex_);
  void give_back(const std::string& id) REQUIRES(mutex_);
  bool end_request(const std::string& id) REQUIRES(mutex_);
  bool settle(const job::Settlement& settlement) REQUIRES(mutex_);
  void write(Row& row, const job::Settlement& settlement) REQUIRES(mutex_);
  std::vector<std::string> pick(const LaneRequest& lane) const REQUIRES(mutex_);
  static bool fits(const Row& row, const LaneRequest& lane);
  void take(Row& row, const std::string& status) REQUIRES(mutex_);
  std::set<std::string> take_claims(const std::set<std::int64_t>& claims) REQUIRES(mutex_);
  void surrender(const std::vector<std::int64_t>& claims) REQUIRES(mutex_);
  Enqueued enqueue(const EnqueueRequest& request) REQUIRES(mutex_);
  bool named(const std::string& id) const REQUIRES(mutex_);
  /// Whether a claim names the pending row.
  bool claimed(const std::string& id) const REQUIRES(mutex_);
  std::vector<Throughput> throughput(double window) const REQUIRES(mutex_);

  // constant
  std::function<void(Step)> pause_;
  std::function<double()> clock_;
  std::function<bool(const job::Settlement&)> refuses_;
  Watcher* watcher_ = nullptr;
  bool marks_ = false;

  mutable base::Mutex mutex_;
  std::set<std::string> locks_ GUARDED_BY(mutex_);  ///< of rows, by id, and others by name
  std::multiset<std::int64_t> shared_claims_ GUARDED_BY(mutex_);
  std::multiset<RuntimeId> shared_runtimes_ GUARDED_BY(mutex_);
  std::set<std::string> cancel_requests_ GUARDED_BY(mutex_);
  std::set<std::string> paused_ GUARDED_BY(mutex_);  // types
  base::Condition inserted_;
  std::int64_t insertions_ GUARDED_BY(mutex_) = 0;  ///< how many were notified
  std::set<RuntimeId> wakeful_ GUARDED_BY(mutex_);
  bool available_ GUARDED_BY(mutex_) = true;
  double offset_ GUARDED_BY(mutex_) = 0;
  std::int64_t last_number_ GUARDED_BY(mutex_) = 0;  ///< for runtimes, claims and ids
  std::map<std::string, Row> rows_ GUARDED_BY(mutex_);
  std::map<std::int64_t, Claim> claims_ GUARDED_BY(mutex_);
  std::map<RuntimeId, Runtime> runtimes_ GUARDED_BY(mutex_);
  std::map<std::string, Schedule> schedule_ GUARDED_BY(mutex_);
  std::map<std::string, std::string> outputs_ GUARDED_BY(mutex_);
  std::map<std::string, std::string> keys_ GUARDED_BY(mutex_);
  std::map<std::string, ServedType> types_ GUARDED_BY(mutex_);
  std::vector<std::string> effects_ GUARDED_BY(mutex_);
  std::vector<Failure> failures_ GUARDED_BY(mutex_);
  std::map<Minute, Throughput> throughput_ GUARDED_BY(mutex_);
  std::vector<Trace> traces_ GUARDED_BY(mutex_);
};

}  // namespace sluice::store
