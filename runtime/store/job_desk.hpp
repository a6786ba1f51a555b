// What people ask about single jobs: the store's side of `sluice jobs`. Used by one thread, owns one
// connection; every call may throw Unavailable or Refused, as in store.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/store.hpp"

namespace sluice::store {

/// Which jobs; what is empty does not restrict.
struct JobFilter {
  std::vector<std::string> statuses;
  std::vector<std::string> types;
  std::optional<job::Microseconds> since;       ///< created in the last …
  std::optional<job::Microseconds> older_than;  ///< created longer ago
  std::optional<int> attempts_below;
  bool unscheduled = false;  ///< only those that nothing will make pending again
  /// In place of `statuses`: processing, but for over 10 minutes and named by no claim, or by the claim
  /// of a runtime that is lost.
  bool stuck = false;
};

/// A time: for programs, and as seconds from it until now, by the database's clock.
struct Moment {
  std::string iso;  ///< "2026-01-31T12:00:00.000Z"; empty when infinite
  double age = 0;   ///< negative: in the future; may be infinite
};

struct Attempt {  ///< a row of sluice.attempt
  int number = 0;
  std::string result;
  std::string code;
  std::string error;
  std::string log_tail;
  std::optional<double> duration;  ///< seconds
  std::string host;                ///< empty: it did not run
  int pid = 0;
  RuntimeId runtime = 0;
  Moment at;
};

struct JobSummary {
  std::string id;
  std::string type;
  std::string status;
  int attempts = 0;
  Moment created;
  Moment updated;
  std::optional<Moment> due;       ///< when it becomes pending again
  std::optional<Attempt> failure;  ///< the last one, with number, result, code, error and at
};

struct Holder {  ///< the runtime whose claim names a job
  RuntimeId id = 0;
  std::string host;
  int pid = 0;
  bool live = false;  ///< as sluice.is_alive says
};

/// Where a job stands, as far as it matters to what may be done with it.
enum class Standing {
  missing,
  pending,
  planned,  ///< scheduled, or failed and to be tried again
  dead,     ///< error, and nothing will try it again
  done,
  running,  ///< a live runtime has it
  lost,     ///< the runtime that has it is lost
  foreign,  ///< processing, named by no claim, for less than 10 minutes
  stuck,    ///< the same for longer
  other,    ///< a status of the application's own
};

struct JobState {
  Standing standing = Standing::missing;
  std::string status;
  double since_update = 0;  ///< seconds
  std::optional<Holder> holder;
  bool cancel_requested = false;
};

/// The attempt that a job was done with.
struct DoneRun {
  int attempt = 0;
  Holder holder;     ///< the runtime; whether it is live is not said
  int host_pid = 0;  ///< the plugin host's process
  Moment ended;
  double took = 0;  ///< seconds that its handler was at work
};

struct JobDetails {
  JobSummary job;
  JobState state;
  std::string payload;                ///< JSON
  std::optional<std::string> output;  ///< JSON
  std::vector<Attempt> attempts;      ///< oldest first
  std::string plugin;                 ///< that served the type last; empty when none ever did
  std::string plugin_version;
  int max_attempts = 0;               ///< by that plugin; 0 without one
  std::optional<RunningJob> running;  ///< while a runtime shows it so
  std::optional<DoneRun> done_run;    ///< while its runtime's `retention.traces` keeps it
};

/// What became of one job of those that a call named.
struct Changed {
  std::string id;
  bool changed = false;
  bool requested = false;  ///< its runtime was asked
  JobState state;          ///< what it was, where it changed; else why it did not
};

/// How far a walk over many jobs has come: each batch goes on where the last one ended.
struct Walk {
  std::string created_at = "-infinity";
  std::string begun;  ///< what the walk itself changes is not met again
  bool over = false;
};

/// The newest jobs that match. Where too many had to be passed over, they are the newest all the same, but
/// there may be others.
struct Listing {
  std::vector<JobSummary> jobs;   ///< newest first
  std::optional<Moment> horizon;  ///< jobs created before it were not looked at
};

class JobDesk {
 public:
  virtual ~JobDesk() = default;

  /// Looks at some thousands of jobs at most, unless `deep`: then at as many as it takes.
  virtual Listing list(const JobFilter& filter, std::size_t limit, bool deep) = 0;
  virtual std::optional<JobDetails> show(const std::string& id) = 0;
  virtual std::int64_t count(const JobFilter& filter) = 0;

  // One answer for each id, in order. A job that a live runtime has is left to it, except that cancel
  // asks the runtime to stop it. Where a job's runtime is lost, all its jobs are rescued first, as any
  // runtime would do.

  /// Makes planned, dead and stuck jobs pending. `attempts` stays, so a job whose attempts are used up
  /// runs once more.
  virtual std::vector<Changed> retry(const std::vector<std::string>& ids) = 0;
  /// Ends pending, planned and stuck jobs as errors that nothing tries again.
  virtual std::vector<Changed> cancel(const std::vector<std::string>& ids) = 0;
  /// Deletes jobs and what is recorded of them.
  virtual std::vector<Changed> remove(const std::vector<std::string>& ids) = 0;

  // The next batch of the jobs of a filter with exactly one status, oldest first, in one short
  // transaction that waits for nobody; returns how many it changed. `walk.over` says that it was the last.
  virtual std::size_t retry_some(const JobFilter& filter, Walk& walk, std::size_t limit) = 0;
  virtual std::size_t remove_some(const JobFilter& filter, Walk& walk, std::size_t limit) = 0;
};

}  // namespace sluice::store
