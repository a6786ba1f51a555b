// The router knows which jobs may be claimed now: the lanes, their free room, and where in the table the
// next claim begins. Thread-safe; pumps and the event loop share it.
//
// A lane is a set of job types of one plugin that share room: all types of the plugin, except that a
// type with a concurrency of its own has its own lane. A lane's cursor is the "createdAt" of the last row
// claimed, or, after a claim that came back short, shortly before that claim: what waits for others is not
// walked over again. Late commits, retries and slow clocks put rows behind it, so that the lane starts over
// from the oldest row (a sweep) whenever a sweep is due; dues are spaced so that sweeps take a twentieth of
// the time at most; while jobs keep coming, slow ones take less, so that one may follow as soon as they end.
// A lane whose claim comes back short rests: briefly while jobs keep coming, for this lane or another, up to
// the poll interval when they do not. Lanes that rest take part in the claims of others.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/clock.hpp"
#include "engine/window.hpp"
#include "store/store.hpp"

namespace sluice::engine {

struct LaneSpec {
  std::size_t plugin = 0;
  std::vector<std::string> types;
  int concurrency = 0;  ///< most jobs in flight at once, 0: as many as slots and queue take
  bool brief = false;   ///< a repeat does no harm: its claims need not outlive a crash of the server
  bool at_most_once =
      false;  ///< claimed for idle slots alone: what is claimed and not started may not run again
};

/// Room that a pump has taken in one lane, to be given back with what came of it.
struct Reservation {
  std::size_t lane = 0;
  int limit = 0;
  bool sweep = false;
  bool durable = true;        ///< the same for all that are taken at once
  std::uint64_t changes = 0;  ///< of the router, when it was taken, like the next
  std::uint64_t doubts = 0;
};

struct ClaimResult {
  struct Claimed {
    int jobs = 0;
    std::int64_t bytes = 0;  ///< of their payloads
  };
  std::map<std::string, Claimed> by_type;
  std::optional<double> last_created_at;
  double asked_at = 0;  ///< as in store::Claimed

  void add(const std::string& type, std::int64_t bytes, double created_at) {
    Claimed& claimed = by_type[type];
    ++claimed.jobs;
    claimed.bytes += bytes;
    last_created_at = last_created_at ? std::max(*last_created_at, created_at) : created_at;
  }
  Claimed sum() const {
    Claimed all;
    for (const auto& [type, claimed] : by_type) {
      all.jobs += claimed.jobs;
      all.bytes += claimed.bytes;
    }
    return all;
  }
};

/// How busy the router is, for WakePolicy.
struct Load {
  bool resting = false;    ///< a lane found fewer jobs than it has room for
  std::int64_t finds = 0;  ///< claims that brought jobs, since the beginning
  std::int64_t jobs = 0;   ///< that they brought
  bool idle = false;       ///< no job is under way, and new ones are announced
  bool at_work = false;    ///< a claimed job is not written yet
};

/// While new jobs are announced, what nobody announced is looked for 25 times less often than poll_interval
/// says, and every 5 s where that is more often.
constexpr std::chrono::microseconds unannounced_interval(std::chrono::microseconds poll_interval) {
  constexpr std::chrono::microseconds often_enough = std::chrono::seconds(5);
  return std::max(poll_interval, std::min(25 * poll_interval, often_enough));
}

class Router {
 public:
  Router(int batch_max, std::chrono::microseconds poll_interval, std::optional<std::int64_t> budget);

  /// Of a drain, whose end waits for a sweep of each lane: none is spared then.
  void end_when_dry();
  /// These lanes and no others. Jobs under way count in the lane that has their type now; a lane with the
  /// same types as before, or with what else its plugin's types share, keeps what was measured.
  void set_lanes(std::vector<LaneSpec> lanes);
  void set_slots(std::size_t plugin, int slots);
  /// The plugin will have no slots any more.
  void close(std::size_t plugin);
  /// While jobs are being made pending behind the cursors, nothing is exhausted; afterwards, where there were
  /// `any`, the next claims look from the oldest row, at once.
  void begin_change();
  void end_change(bool any);
  /// Jobs were inserted: lanes that rest may claim at once.
  void wake();
  /// Whether wake() will be called for new jobs, so that it is enough to look for others now and then.
  void set_announced(bool announced);
  Load load() const;

  /// True when reserve() would return something.
  bool claimable(Clock::time_point now) const;
  /// When claimable() may become true by time alone.
  Clock::time_point next_due(Clock::time_point now) const;
  /// Takes room in up to store::max_lanes lanes, which are all brief or all not.
  std::vector<Reservation> reserve(Clock::time_point now);
  store::LaneRequest request(const Reservation& reservation) const;
  /// Says what a reservation's claim brought, and how long the statement took.
  void claimed(const Reservation& reservation, const ClaimResult& result, Clock::duration took,
               Clock::time_point now);
  /// Gives back a reservation that was not used.
  void unclaimed(const Reservation& reservation);

  /// A job of `type` with so many `bytes` of payload left its plugin host. `ran` says for how long it ran;
  /// none: it never started.
  void returned(const std::string& type, std::int64_t bytes, std::optional<job::Microseconds> ran,
                Clock::time_point now);
  /// Jobs of `type` waited for a slot for so long that they were given back.
  void waited(const std::string& type, Clock::duration time, Clock::time_point now);
  /// So many more jobs of `type`, or fewer, have left their plugin host and take room of their lane all the
  /// same.
  void held(const std::string& type, int jobs);
  /// The outcome of a job that was said to be settled is to be written after all.
  void awaited();
  /// Its outcome is written; `again`: it is pending once more, or another job is, that it asked for.
  void settled(bool again);

  /// Nothing is due and nothing is under way: a sweep of each open lane came back short after the
  /// last change, no outcome is unwritten; or the budget is used up. What `drain` waits for.
  bool exhausted() const;

 private:
  struct Lane {
    LaneSpec spec;
    int slots = 0;
    bool closed = false;
    int reservations = 0;             ///< under way
    int reserved = 0;                 ///< jobs that they may bring
    int jobs = 0;                     ///< claimed and not returned, like the next
    std::int64_t bytes = 0;           ///< of their payloads
    std::int64_t mean_bytes = 0;      ///< of the payloads of the last claim
    double pace = -1;                 ///< seconds, of its slowest recent type; negative: not measured yet
    Clock::time_point paced_at{};     ///< when a job of that type last ended
    Clock::time_point returned_at{};  ///< when a job last came back, or the first of now was claimed
    std::optional<double> cursor;
    Clock::time_point sweep_due{};
    Clock::duration
        sweep_credit{};  ///< of the time that sweeps may take, at sweep_credit_at; negative: a debt
    Clock::time_point sweep_credit_at{};
    bool slow = false;              ///< the last sweep was
    Clock::time_point dry_until{};  ///< no claim before it
    Clock::duration rest{};         ///< after a short claim
    Clock::time_point tried_at{};   ///< of the last claim
    bool swept_empty = false;       ///< the last sweep found fewer than it could take

    void charge_sweep(Clock::duration took, Clock::time_point now);
    void hasten_sweep();
    void measure(double type_pace, Clock::time_point now);
    double pace_now(Clock::time_point now) const;
    int window(Clock::time_point now) const;
    /// It has no queue: its jobs take a slot each, for long.
    bool queueless(Clock::time_point now) const {
      return spec.at_most_once || (pace_now(now) >= 0 && window(now) <= slots);
    }
    int in_flight() const { return reserved + jobs; }
    bool has_byte_room() const { return bytes + (reservations + 1) * claim_bytes <= window_bytes; }
  };

  /// The jobs of one type that are under way, whether or not it is in a lane.
  struct Traffic {
    std::optional<std::size_t> lane;
    int jobs = 0;
    std::int64_t bytes = 0;
    double pace = -1;  ///< seconds that a job takes, smoothed; negative: not known
  };

  void keep_lanes(std::vector<LaneSpec>& specs, std::vector<bool>& taken,
                  bool (*same)(const LaneSpec& before, const LaneSpec& now));
  std::size_t vacant_lane(std::vector<bool>& taken);
  void count_traffic();
  void count(const std::string& type, int jobs, std::int64_t bytes);
  void doubt();
  void measure(Traffic& traffic, double seconds, Clock::time_point now);
  int room(const Lane& lane, Clock::time_point now) const;
  bool has_use(const Lane& lane, Clock::time_point now) const;
  bool due(const Lane& lane, Clock::time_point now) const;
  Clock::duration longest_rest() const { return announced_ ? unannounced_interval_ : poll_interval_; }
  int limit(const Lane& lane, Clock::time_point now) const;

  const int batch_max_;
  const std::chrono::microseconds poll_interval_;
  const std::chrono::microseconds unannounced_interval_;  // while new jobs are announced

  mutable std::mutex mutex_;
  bool ends_ = false;  // protected by mutex_, like all below
  bool announced_ = false;
  std::vector<Lane> lanes_;
  std::map<std::string, Traffic> traffic_;  // by type
  std::optional<std::int64_t> budget_;      // jobs that may still be claimed
  std::int64_t unwritten_ = 0;              // claimed jobs whose outcome is not written
  int under_way_ = 0;                       // reservations and changes
  std::uint64_t changes_ = 0;               // times that jobs were said to have become claimable
  std::uint64_t doubts_ = 0;                // times that what sweeps did not find may be there all the same
  std::int64_t finds_ = 0;                  // claims that brought jobs
  Clock::time_point found_at_{};            // when one last did
  std::int64_t found_ = 0;                  // jobs that they brought
  std::size_t next_lane_ = 0;               // where reserve() goes on, so that each lane has its turn
};

}  // namespace sluice::engine
