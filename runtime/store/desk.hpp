// What commands and pages ask of the store.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "job/job.hpp"
#include "store/activity.hpp"
#include "store/care.hpp"

namespace sluice::store {

struct EnqueueRequest {
  std::string type;
  std::string payload;  ///< JSON text
  std::optional<job::Microseconds> delay;
  std::optional<std::string> unique_key;
};
struct Enqueued {
  std::string id;
  bool existing = false;  ///< the unique key already names this job
};

struct StatusCount {
  std::string type;
  std::string status;  ///< any value of the column
  std::int64_t count = 0;
  bool estimated = false;
};
struct TypeReport {
  std::string type;
  std::int64_t pending = 0;
  /// Seconds, by the database's clock; may be negative. Not a number if it was not found within bounds.
  double oldest_pending_age = 0;
  std::string plugin;  ///< the plugin that served it last; empty if none ever did
  std::string plugin_version;
  bool served = false;     ///< served by a live runtime
  bool estimated = false;  ///< the number of pending jobs
};
struct PublishedPlugin {
  PluginReport plugin;
  double age = 0;  ///< seconds in its state
};
struct RuntimeReport {
  RuntimeId id = 0;
  RuntimeInfo info;
  double uptime = 0;         ///< seconds
  double since_beat = 0;     ///< seconds
  bool live = true;          ///< its last heartbeat is within its lease
  std::int64_t claimed = 0;  ///< jobs that its claims name
  std::vector<PublishedPlugin> plugins;
  std::string settings{};  ///< JSON object, key → value, without secrets; empty: it has published none
};
struct RunningReport {
  RunningJob job;
  RuntimeId runtime = 0;
};
struct PausedType {
  std::string type;
  double age = 0;  ///< seconds
  std::string actor;
  std::string reason;
};
struct Report {
  std::vector<StatusCount> counts;
  std::vector<TypeReport> waiting;  ///< types with pending jobs
  std::vector<RuntimeReport> runtimes;
  std::int64_t stuck = 0;              ///< processing for over 10 minutes, and named by no claim
  double next_due = -1;                ///< seconds until the next schedule is due; negative: there is none
  std::vector<RunningReport> running;  ///< jobs that are in processing and shown as running, oldest first
  std::vector<PausedType> paused;      ///< types of which no jobs are claimed
  std::vector<Throughput> last_minute;
  std::vector<Throughput> last_hour;
  std::string unread{};  ///< why `running` and `stuck` are missing; empty: they are not
};

/// The most running jobs in a report.
inline constexpr std::size_t most_running = 200;

/// How many jobs were created and ended in the time before now.
struct Aggregate {
  std::int64_t created = 0;  ///< jobs that are still in the outbox
  bool more = false;         ///< there are more, because counting stopped there
  std::vector<Throughput> outcomes;
};

struct QueueDepth {
  std::string type;
  std::string status;
  std::int64_t jobs = 0;
  double oldest_age = 0;  ///< seconds since "createdAt", by the database's clock; may be negative or infinite
};

struct Failure {  ///< a row of sluice.attempt, in summaries
  std::string id;
  std::string type;
  int attempt = 0;
  std::string result;
  std::string code;
  std::string error;
};

/// Which of the guide's indexes the outbox has: all, or only those that claiming needs.
enum class Indexes { guide, lean };

/// What commands ask of the store.
class DeskSession {
 public:
  virtual ~DeskSession() = default;

  /// Creates or upgrades schema sluice, and creates the outbox table if it is missing. Returns a sentence for
  /// each thing that was done; empty if everything was in place.
  virtual std::vector<std::string> init() = 0;
  /// Creates or drops indexes of the outbox until they are as `wanted`, without blocking anybody. Returns a
  /// sentence for each thing that was done. If it is interrupted, calling it again continues.
  virtual std::vector<std::string> set_indexes(Indexes wanted) = 0;
  /// Throws Refused, which says what to do, unless the schema is the one that this program needs.
  virtual void check_schema() = 0;
  virtual Enqueued enqueue(const EnqueueRequest& request) = 0;
  /// Jobs are counted one by one if the outbox is small or `exact` is set. Otherwise they are counted within
  /// bounds, and estimated beyond them.
  virtual Report report(bool exact) = 0;
  /// The same without the jobs that are counted, which is quicker.
  virtual Report activity() {
    Report report = this->report(false);
    report.counts.clear();
    report.waiting.clear();
    return report;
  }
  /// Outcomes are kept for two days.
  virtual Aggregate aggregate(std::chrono::seconds since) = 0;
  /// Counts the jobs in pending, scheduled, processing and error, by type; of each status, at most the oldest
  /// `most`. Its duration depends only on these, however many jobs are done.
  virtual std::vector<QueueDepth> depths(std::size_t most) = 0;
  /// The newest failed attempts, at most `limit`.
  virtual std::vector<Failure> recent_failures(std::size_t limit) = 0;
};

}  // namespace sluice::store
