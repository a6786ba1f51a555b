// The store in memory, for tests: the same semantics as PostgreSQL's behind one mutex, and a clock that
// a test moves instead of sleeping. The store has to outlive its sessions; all of it is safe from any
// thread.
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

  // What an application, an operator or time does.
  void put(Row row);  ///< inserts or replaces
  void erase(const std::string& id);
  void advance(std::chrono::microseconds time);
  /// Every call throws Unavailable until it is set back.
  void set_available(bool available);

  std::optional<Row> row(const std::string& id) const;
  std::optional<std::string> output(const std::string& id) const;
  bool scheduled(const std::string& id) const;
  std::vector<Failure> failures() const;  ///< oldest first
  std::vector<Trace> traces() const;      ///< oldest first
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

  struct Claim {
    RuntimeId runtime = 0;
    int pump = 0;
    std::set<std::string> ids;
    bool marked = false;  ///< all of them are in processing
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

  static int next_attempt(const Row& row);
  /// Of a row that a claim names, the attempt that runs.
  static int this_attempt(const Row& row);
  static double lease_of(const Runtime& runtime);

  void notify() REQUIRES(mutex_);
  void check_available() const REQUIRES(mutex_);
  double now() const REQUIRES(mutex_);
  bool is_alive(const Runtime& runtime) const REQUIRES(mutex_);
  /// The row of a claimed job; none when it is somebody else's by now.
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
  /// Named by a claim, though it is pending.
  bool claimed(const std::string& id) const REQUIRES(mutex_);
  std::vector<Throughput> throughput(double window) const REQUIRES(mutex_);

  mutable base::Mutex mutex_;
  base::Condition inserted_;
  std::int64_t insertions_ GUARDED_BY(mutex_) = 0;  ///< those that were notified
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
