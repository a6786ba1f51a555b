// What commands and pages ask for.
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
  std::string status;  ///< whatever the column holds
  std::int64_t count = 0;
  bool estimated = false;
};
struct TypeReport {
  std::string type;
  std::int64_t pending = 0;
  /// Seconds, by the database's clock; may be negative. Not a number where it was not found within bounds.
  double oldest_pending_age = 0;
  std::string plugin;  ///< that served it last; empty when none ever did
  std::string plugin_version;
  bool served = false;     ///< by a live runtime
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
  std::int64_t claimed = 0;  ///< jobs that its claims name
  std::vector<PublishedPlugin> plugins;
};
struct RunningReport {
  RunningJob job;
  RuntimeId runtime = 0;
};
struct Report {
  std::vector<StatusCount> counts;
  std::vector<TypeReport> waiting;  ///< types with pending jobs
  std::vector<RuntimeReport> runtimes;
  std::int64_t stuck = 0;              ///< processing for over 10 minutes, and named by no claim
  double next_due = -1;                ///< seconds until the next schedule is due; negative: none
  std::vector<RunningReport> running;  ///< that are in processing and shown as running, oldest first
  std::vector<Throughput> last_minute;
  std::vector<Throughput> last_hour;
};

/// How many running jobs a report has at most.
inline constexpr std::size_t most_running = 200;

/// What was created and what came out in the time before now.
struct Aggregate {
  std::int64_t created = 0;  ///< jobs that are in the outbox still
  bool more = false;         ///< there are more: counting stopped there
  std::vector<Throughput> outcomes;
};

struct QueueDepth {
  std::string type;
  std::string status;
  std::int64_t jobs = 0;
  double oldest_age = 0;  ///< seconds since "createdAt", by the database's clock; may be negative or infinite
};

struct Failure {  ///< a row of sluice.attempt, for summaries
  std::string id;
  std::string type;
  int attempt = 0;
  std::string result;
  std::string code;
  std::string error;
};

/// Which of the guide's indexes the outbox has: all, or those alone that claiming needs.
enum class Indexes { guide, lean };

/// What commands ask for.
class DeskSession {
 public:
  virtual ~DeskSession() = default;

  /// Makes or upgrades schema sluice, and the outbox table where it is missing. Returns what was
  /// done, a sentence each; empty when all was in place.
  virtual std::vector<std::string> init() = 0;
  /// Makes or drops indexes of the outbox until they are as `wanted`, and locks nobody out meanwhile. Returns
  /// what was done, a sentence each. Where it is broken off, calling it again goes on.
  virtual std::vector<std::string> set_indexes(Indexes wanted) = 0;
  /// Throws Refused, with what to do, unless the schema is the one that this program needs.
  virtual void check_schema() = 0;
  virtual Enqueued enqueue(const EnqueueRequest& request) = 0;
  /// Jobs are counted one by one where the outbox is small, or `exact`ly counted is asked for; else
  /// within bounds, and estimated beyond them.
  virtual Report report(bool exact) = 0;
  /// Outcomes are known for two days.
  virtual Aggregate aggregate(std::chrono::seconds since) = 0;
  /// The jobs in pending, scheduled, processing and error, counted by type; of each status the oldest `most`
  /// at most. Takes time for those alone, however many are done.
  virtual std::vector<QueueDepth> depths(std::size_t most) = 0;
  /// The newest failed attempts, at most `limit`.
  virtual std::vector<Failure> recent_failures(std::size_t limit) = 0;
};

}  // namespace sluice::store
