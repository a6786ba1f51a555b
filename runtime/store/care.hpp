// Keeps a runtime alive in the database, and the table in order.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "job/job.hpp"
#include "job/retry_policy.hpp"
#include "store/activity.hpp"
#include "store/claiming.hpp"

namespace sluice::store {

struct RuntimeInfo {
  std::string host;
  int pid = 0;
  std::string version;
  std::string command;  ///< "run" or "drain"
  std::chrono::microseconds lease =
      std::chrono::seconds(30);  ///< without a beat, then it is not alive any more
};

/// A job type as a live plugin serves it; remembered in sluice.job_type.
struct ServedType {
  std::string type;
  std::string plugin;
  std::string plugin_version;
  job::RetryPolicy policy;
};

/// Who presumes others dead.
struct Judge {
  RuntimeId runtime = 0;  ///< never judges itself, nor anybody while it is not alive itself; 0: a command
  /// Since when it has had answers of the database, by the database's clock, in seconds since 1970. Whoever
  /// else was cut off until then has a whole lease from that moment on.
  double since = 0;
};

struct Rescued {
  std::size_t runtimes = 0;
  std::size_t pending = 0;    ///< jobs that wait again
  std::size_t error = 0;      ///< jobs whose attempts were used up
  std::size_t suspected = 0;  ///< runtimes with jobs that are not alive, and may still come back
  std::string refused_job{};  ///< one whose rescue the database refuses, looked for again with the next call
  std::string refusal{};      ///< the database's words; empty: there is none
};

struct Promoted {
  std::size_t used = 0;       ///< schedules that were used up
  std::size_t held = 0;       ///< schedules put off for a second, because somebody has locked the job's row
  std::string held_job;       ///< the id of one of these
  std::string refused_job{};  ///< put off for a minute, because the database refuses that it becomes pending
  std::string refusal{};      ///< the database's words; empty: there is none
  std::optional<double> next{};  ///< in how many seconds the next one is due, as far as is known
};

struct Tidied {
  std::size_t deleted = 0;
  bool over = false;  ///< all was looked at; the next call begins anew
};

/// Keeps a runtime alive in the database: on a connection of its own, without waiting for anybody.
class HeartSession {
 public:
  virtual ~HeartSession() = default;

  /// Answers the time of the beat by the database's clock, in seconds since 1970; none when the runtime is no
  /// longer enlisted: it was presumed dead, or the database was made anew or restored from a backup.
  virtual std::optional<double> beat(RuntimeId runtime) = 0;
};

/// What a runtime leaves behind: jobs that ran, or began to, and whose outcome could not be written.
struct Unfinished {
  std::vector<std::string> ids;
  job::RetryPolicy fallback;  ///< judges those of types that sluice.job_type does not have
};

/// Keeps the table in order. One per runtime. It waits for nobody's lock for long: what can't be done now
/// throws HeldUp, and is asked for again later.
class CareSession {
 public:
  virtual ~CareSession() = default;

  virtual RuntimeId enlist(const RuntimeInfo& info) = 0;
  /// Says which types the runtime serves now.
  virtual void serve(RuntimeId runtime, const std::vector<ServedType>& types) = 0;
  /// Ends the runtime's row. Of the jobs that its claims still name, those that may have run are judged as
  /// rescue() does; the others are given back whole.
  virtual void leave(RuntimeId runtime, const Unfinished& unfinished) = 0;

  /// Makes scheduled and failed jobs pending whose time has come, at most `limit`. A schedule whose job has
  /// moved on does nothing.
  virtual Promoted promote_due(std::size_t limit) = 0;

  /// Takes the claims of runtimes that are not alive, as `judge` sees it: their jobs keep the attempt and
  /// become pending, or error when it was their last one or their type runs at most once. Types are judged by
  /// sluice.job_type, unknown ones by `fallback`. Jobs whose rows somebody has locked follow with later
  /// calls.
  virtual Rescued rescue(const Judge& judge, const job::RetryPolicy& fallback) = 0;

  /// Who keeps the table from being written, or the row of `job` where it is given: a phrase for messages,
  /// empty where nobody is known to.
  virtual std::string blocker(const std::optional<std::string>& job) = 0;

  /// Ends, as cancelled, the jobs that someone asked to cancel and that no runtime runs any more; returns
  /// the others of them that `runtime` has.
  virtual std::vector<std::string> cancel_requests(RuntimeId runtime) = 0;

  // What is shown of the runtime. Each is one statement, and does nothing for a runtime that is not enlisted.

  /// Its plugins are these, in place of those that were shown before.
  virtual void publish(RuntimeId runtime, const std::vector<PluginReport>& plugins) = 0;
  /// What changed among the jobs that it shows as running.
  virtual void show_running(RuntimeId runtime, const RunningChanges& changes) = 0;
  /// Adds to the outcomes of the current minute, by the database's clock; forgets those of over two days ago.
  virtual void count(const std::vector<Throughput>& outcomes) = 0;
  /// Keeps who ran these jobs for so long.
  virtual void trace(RuntimeId runtime, const std::vector<Trace>& traces, job::Microseconds keep) = 0;
  /// Tells whoever listens now; a text of less than 8,000 bytes.
  virtual void announce(const std::string& text) = 0;

  /// Deletes records in schema sluice whose job no longer exists, and traces whose time is over. Looks at the
  /// next `limit` of each kind.
  virtual Tidied tidy(std::size_t limit) = 0;
};

struct Pruned {
  std::size_t jobs = 0;  ///< deleted, with what was recorded of them
  bool over = false;     ///< no more are old enough; the next call begins with the oldest again
};

/// Deletes jobs of one status that are over and older than a given age.
class PruneSession {
 public:
  virtual ~PruneSession() = default;

  /// The next batch of at most about `limit`, oldest first, in one short transaction that waits for nobody.
  virtual Pruned prune(std::size_t limit) = 0;
};

}  // namespace sluice::store
