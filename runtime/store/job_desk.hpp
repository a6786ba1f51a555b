// The store's side of `sluice jobs`: questions about single jobs, and changes to them. Used by one thread,
// owns one connection. Every call may throw Unavailable or Refused, as in store.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "store/activity.hpp"
#include "store/actor.hpp"
#include "store/care.hpp"

namespace sluice::store {

/// A time in UTC.
using Time = std::chrono::sys_time<std::chrono::microseconds>;

/// A group of failures, as InsightSession::failures makes them.
struct FailureLikeness {
  std::string message;
  std::string frame;
  bool operator==(const FailureLikeness&) const = default;
};

/// Which jobs. Empty members do not restrict.
struct JobFilter {
  std::vector<std::string> statuses;
  std::vector<std::string> types;
  // Since when, and until when ago, by the database's clock: from now; in a walk from when that began.
  std::optional<job::Microseconds> since;       ///< inclusive
  std::optional<job::Microseconds> older_than;  ///< exclusive
  std::optional<int> attempts_below;
  std::string code;                        ///< of the last failed attempt; empty: any
  std::optional<FailureLikeness> alike{};  ///< only for changes of many: the group of that attempt
  bool unscheduled = false;                ///< only those that nothing will make pending again
  /// Instead of `statuses`: jobs that have been in processing for over 10 minutes and are named by no claim,
  /// or by the claim of a lost runtime.
  bool stuck = false;
  std::optional<Time> created_from{};    ///< inclusive
  std::optional<Time> created_before{};  ///< exclusive
};

/// A time, for programs, and as seconds from then until now, by the database's clock.
struct Moment {
  std::string iso;  ///< "2026-01-31T12:00:00.000Z"; empty if infinite
  double age = 0;   ///< negative: in the future; may be infinite
};

struct Attempt {  ///< a row of sluice.attempt
  int number = 0;
  std::string result;
  std::string code;
  std::string error;
  std::string log_tail;
  std::string stack;
  std::optional<double> duration;  ///< seconds
  std::string host;                ///< empty: it did not run
  int pid = 0;
  RuntimeId runtime = 0;
  Moment at;
  std::string plugin;                       ///< empty: none ran it
  std::string version;                      ///< of the plugin
  std::string build_id;                     ///< of the plugin's file; empty: it has none
  std::optional<double> cpu_seconds;        ///< of the host's process; known if that ended
  std::optional<std::int64_t> peak_memory;  ///< bytes; the same
};

struct JobSummary {
  std::string id;
  std::string type;
  std::string status;
  int attempts = 0;
  Moment created;
  Moment updated;
  std::optional<Moment> due;       ///< when it becomes pending again
  std::optional<Attempt> failure;  ///< the last failed attempt, with number, result, code, error and at
};

struct Holder {  ///< the runtime whose claim names a job
  RuntimeId id = 0;
  std::string host;
  int pid = 0;
  bool live = false;  ///< as by sluice.is_alive
};

/// The state of a job, as far as it matters for what may be done with it.
enum class Standing {
  missing,
  pending,
  planned,  ///< scheduled, or failed and to be tried again
  failed,   ///< in error, and nothing will try it again
  done,
  running,  ///< a live runtime has it
  lost,     ///< the runtime that has it is lost
  foreign,  ///< in processing, named by no claim, for less than 10 minutes
  stuck,    ///< the same for longer
  other,    ///< a status that the application defined
};

struct JobState {
  Standing standing = Standing::missing;
  std::string status;
  double since_update = 0;  ///< seconds
  std::optional<Holder> holder;
  bool cancel_requested = false;
};

/// The attempt in which a job was done.
struct DoneRun {
  int attempt = 0;
  Holder holder;     ///< the runtime; whether it is live is unknown
  int host_pid = 0;  ///< the plugin host's process
  Moment ended;
  double took = 0;  ///< seconds that its handler ran
};

/// Another job, as a parent or a follow-up.
struct Relative {
  std::string id;
  std::string type;    ///< empty: it was deleted
  std::string status;  ///< the same
};

/// The most relatives of one kind that are read.
inline constexpr std::size_t most_relatives = 100;

struct JobDetails {
  JobSummary job;
  JobState state;
  std::string payload;                ///< JSON
  std::optional<std::string> output;  ///< JSON
  std::vector<Attempt> attempts;      ///< oldest first
  std::string plugin;                 ///< the plugin that served the type last; empty if none ever did
  std::string plugin_version;
  int max_attempts = 0;                ///< declared by that plugin; 0 without one
  std::optional<RunningJob> running;   ///< present while a runtime shows it as running
  std::optional<DoneRun> done_run;     ///< present while its runtime's `retention.traces` keeps it
  std::vector<Relative> follow_ups{};  ///< jobs that it asked for, at most `most_relatives` + 1
  std::vector<Relative> parents{};     ///< jobs that asked for it; several if a unique key named it
};

/// What was done with one of the jobs that a call named.
struct Changed {
  std::string id;
  bool changed = false;
  bool requested = false;  ///< its runtime was asked
  JobState state;          ///< its former state if it changed; else why it did not
};

/// The position of a walk over many jobs. Each batch continues where the last one ended.
struct Walk {
  std::string created_at = "-infinity";
  std::string place;       ///< of the last row in the table, where not all that were read are changed
  std::int64_t audit = 0;  ///< its row of sluice.audit; 0: none
  std::string begun;       ///< the walk does not meet again what it has changed
  bool over = false;
};

/// The newest jobs that match. If too many others had to be skipped, these are still the newest, but there
/// may be more.
struct Listing {
  std::vector<JobSummary> jobs;   ///< newest first
  std::optional<Moment> horizon;  ///< jobs created before it were not read
};

class JobDesk {
 public:
  virtual ~JobDesk() = default;

  /// From now on, each change is recorded in sluice.audit as done by `actor`. Without an actor nothing is
  /// recorded.
  virtual void act_as(const Actor& actor) = 0;
  /// Records something else that the actor did, to the jobs `ids`, if it concerns jobs.
  virtual void record(const std::string& action, const std::map<std::string, std::string>& details,
                      const std::vector<std::string>& ids) = 0;

  /// Reads at most some thousands of jobs, or, if `deep`, as many as necessary.
  virtual Listing list(const JobFilter& filter, std::size_t limit, bool deep) = 0;
  virtual std::optional<JobDetails> show(const std::string& id) = 0;
  virtual std::int64_t count(const JobFilter& filter) = 0;

  // One answer for each id, in order. A job that a live runtime has is left alone, except that cancel asks
  // the runtime to stop it. If a job's runtime is lost, all jobs of that runtime are rescued first, as any
  // runtime would do.

  /// Makes planned, failed and stuck jobs pending. `attempts` stays, so a job whose attempts are used up runs
  /// once more.
  virtual std::vector<Changed> retry(const std::vector<std::string>& ids) = 0;
  /// Ends pending, planned and stuck jobs as errors that nothing tries again.
  virtual std::vector<Changed> cancel(const std::vector<std::string>& ids) = 0;
  /// Deletes jobs and everything that is recorded about them.
  virtual std::vector<Changed> remove(const std::vector<std::string>& ids) = 0;

  // Changes the next batch of the jobs of a filter with exactly one status, oldest first, in one short
  // transaction that does not wait for locks. Returns how many it changed. `walk.over` tells that it was the
  // last batch.
  virtual std::size_t retry_some(const JobFilter& filter, Walk& walk, std::size_t limit) = 0;
  virtual std::size_t remove_some(const JobFilter& filter, Walk& walk, std::size_t limit) = 0;
  /// Of jobs in error, those that would be tried again: nothing tries them again then.
  virtual std::size_t give_up_some(const JobFilter& filter, Walk& walk, std::size_t limit) = 0;

  /// No runtime claims jobs of the type until it is resumed. Returns false if it was paused already; then its
  /// reason is replaced.
  virtual bool pause(const std::string& type, const std::string& reason) = 0;
  /// Returns false if it was not paused.
  virtual bool resume(const std::string& type) = 0;
};

}  // namespace sluice::store
