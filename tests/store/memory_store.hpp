// The store in memory, for tests. It behaves like the one in PostgreSQL, with one mutex, and with a clock
// that a test advances instead of sleeping. The store must outlive its sessions. All functions may be called
// from any thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/threads.hpp"
#include "store/store.hpp"

namespace sluice::store {

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

  std::optional<Row> row(const std::string& id) const;
  std::optional<std::string> output(const std::string& id) const;
  bool scheduled(const std::string& id) const;
  std::vector<Failure> failures() const;  ///< oldest first
  std::vector<Trace> traces() const;      ///< oldest first
  /// The SQL of committed effects, oldest first. Effects are not run. Only this one fails:
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
    std::vector<PublishedPlugin> plugins{};    ///< the age is the time at which the state began
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

  static int next_attempt(const Row& row);
  /// The attempt that runs, if a claim names the row.
  static int this_attempt(const Row& row);
  static double lease_of(const Runtime& runtime);

  void notify() REQUIRES(mutex_);
  void check_available() const REQUIRES(mutex_);
  double now() const REQUIRES(mutex_);
  bool is_alive(const Runtime& runtime) const REQUIRES(mutex_);
  /// The row of a claimed job; null if another claim has it now, or none.
  Row* ours(const job::Ref& job) REQUIRES(mutex_);
  std::string shown_status(const Row& row) const REQUIRES(mutex_);
  void give_back(const std::string& id) REQUIRES(mutex_);
  bool settle(const job::Settlement& settlement) REQUIRES(mutex_);
  std::vector<Row*> pick(const LaneRequest& lane) REQUIRES(mutex_);
  std::vector<ClaimedJob> claim(const LaneRequest& lane, std::size_t index, std::int64_t claim)
      REQUIRES(mutex_);
  void take(Row& row, const std::string& status) REQUIRES(mutex_);
  std::set<std::string> take_claims(const std::set<std::int64_t>& claims) REQUIRES(mutex_);
  Enqueued enqueue(const EnqueueRequest& request) REQUIRES(mutex_);
  bool named(const std::string& id) const REQUIRES(mutex_);
  /// Whether a claim names the pending row.
  bool claimed(const std::string& id) const REQUIRES(mutex_);
  std::vector<Throughput> throughput(double window) const REQUIRES(mutex_);

  mutable base::Mutex mutex_;
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
