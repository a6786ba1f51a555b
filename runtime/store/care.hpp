// Keeps a runtime alive in the database, and keeps the table tidy.
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
      std::chrono::seconds(30);  ///< without a beat for this long, it counts as dead
};

/// A job type as a live plugin serves it. It is remembered in sluice.job_type.
struct ServedType {
  std::string type;
  std::string plugin;
  std::string plugin_version;
  job::RetryPolicy policy;
  std::string schema{};       ///< of its payloads, as the plugin declares it; empty: it declares none
  std::string limits = "{}";  ///< JSON, for pages: what is in force
};

/// Who declares others dead.
struct Judge {
  RuntimeId runtime = 0;  ///< judges nobody while it is not alive itself, and never itself; 0: a command
  /// Since when it has had answers from the database, by the database's clock, in seconds since 1970. Another
  /// runtime that was cut off until then still has a whole lease from that moment on.
  double since = 0;
  /// The last of its own beats that it knows of, by the same clock. After a gap of half a lease since then it
  /// judges nobody, because it has not seen yet that it was cut off or frozen itself.
  double last_beat = std::numeric_limits<double>::infinity();
};

struct Rescued {
  std::size_t runtimes = 0;
  std::size_t pending = 0;    ///< jobs that are pending again
  std::size_t error = 0;      ///< jobs whose attempts were used up
  std::size_t suspected = 0;  ///< runtimes with jobs that are not alive and may still return
  std::string refused_job{};  ///< a job whose rescue the database refuses; the next call tries it again
  std::string refusal{};      ///< the database's message; empty: none was refused
};

struct Promoted {
  std::size_t used = 0;  ///< schedules that were used up
  std::size_t held = 0;  ///< schedules put off for a second because another session has locked the job's row
  std::string held_job;  ///< the id of one of these
  std::string refused_job{};  ///< a job put off for a minute because the database refuses to make it pending
  std::string refusal{};      ///< the database's message; empty: none was refused
  std::optional<double> next{};  ///< in how many seconds the next one is due, if known
};

struct Tidied {
  std::size_t deleted = 0;
  bool over = false;  ///< everything was checked; the next call starts from the beginning
};

/// Keeps a runtime alive in the database, on its own connection and without waiting for anybody.
class HeartSession {
 public:
  virtual ~HeartSession() = default;

  /// Returns the time of the beat by the database's clock, in seconds since 1970. Nullopt if the runtime is
  /// no longer enlisted, because it was presumed dead, or because the database was recreated or restored from
  /// a backup.
  virtual std::optional<double> beat(RuntimeId runtime) = 0;
};

/// What a runtime leaves behind: jobs that ran or started, and whose outcome could not be written.
struct Unfinished {
  std::vector<std::string> ids;
  job::RetryPolicy fallback;  ///< judges jobs of types that are not in sluice.job_type
};

/// Keeps the table tidy. One per runtime. It never waits long for a lock: a step that can't be done now
/// throws HeldUp, and is requested again later.
class CareSession {
 public:
  virtual ~CareSession() = default;

  virtual RuntimeId enlist(const RuntimeInfo& info) = 0;
  /// Sets the types that the runtime serves now.
  virtual void serve(RuntimeId runtime, const std::vector<ServedType>& types) = 0;
  /// Deletes the runtime's row. Of the jobs that its claims still name, those that may have run are judged as
  /// by rescue(), and the others are given back as if never claimed.
  virtual void leave(RuntimeId runtime, const Unfinished& unfinished) = 0;

  /// Makes at most `limit` scheduled and failed jobs pending whose time has come. A schedule whose job has
  /// moved on has no effect.
  virtual Promoted promote_due(std::size_t limit) = 0;

  /// Takes the claims of runtimes that are not alive, as `judge` sees it. Their jobs keep the attempt and
  /// become pending, or error if it was their last attempt or their type runs at most once. Types are judged
  /// by sluice.job_type, unknown ones by `fallback`. Jobs whose rows are locked follow with later calls.
  virtual Rescued rescue(const Judge& judge, const job::RetryPolicy& fallback) = 0;

  /// Who blocks writes to the table, or to the row of `job` if it is given: a phrase for messages, empty if
  /// unknown.
  virtual std::string blocker(const std::optional<std::string>& job) = 0;

  /// Types of which no jobs are claimed, sorted by name.
  virtual std::vector<std::string> paused_types() = 0;

  /// Ends, as cancelled, the jobs whose cancellation was requested and that no runtime runs any more. Returns
  /// those of the others that `runtime` has.
  virtual std::vector<std::string> cancel_requests(RuntimeId runtime) = 0;

  // What is published about the runtime. Each is one statement, and does nothing for a runtime that is not
  // enlisted.

  /// Replaces the runtime's plugins.
  virtual void publish(RuntimeId runtime, const std::vector<PluginReport>& plugins) = 0;
  /// Replaces what is known of its configuration: a JSON object, key → value, without secrets. A store may
  /// keep none.
  virtual void publish_settings(RuntimeId /*runtime*/, const std::string& /*settings*/) {}
  /// Applies changes to the jobs that it shows as running.
  virtual void show_running(RuntimeId runtime, const RunningChanges& changes) = 0;
  /// Adds to the outcomes of the current minute, by the database's clock.
  virtual void count(const std::vector<OutcomeCount>& outcomes) = 0;
  /// Records who ran these jobs, for that long.
  virtual void trace(RuntimeId runtime, const std::vector<Trace>& traces, job::Microseconds keep) = 0;
  /// Sends a text of less than 8,000 bytes to everybody who listens now.
  virtual void announce(const std::string& text) = 0;

  /// Deletes records in schema sluice whose job no longer exists, and expired records. Outcomes of minutes
  /// are kept for two days, and their sums by the hour for 30. Records of what was done by hand are kept for
  /// `keep_audit`. Checks the next `limit` of each kind.
  virtual Tidied tidy(std::size_t limit, job::Microseconds keep_audit) = 0;
};

struct Pruned {
  std::size_t jobs = 0;  ///< deleted jobs; their records are deleted too
  bool over = false;     ///< no more are old enough; the next call starts with the oldest again
};

/// Deletes finished jobs of one status that are older than a given age.
class PruneSession {
 public:
  virtual ~PruneSession() = default;

  /// Deletes the next batch of at most about `limit`, oldest first, in one short transaction that does not
  /// wait for locks.
  virtual Pruned prune(std::size_t limit) = 0;
};

}  // namespace sluice::store
