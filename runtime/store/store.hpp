// The store: everything Sluice asks of the database, as one small interface with two implementations,
// PostgreSQL (postgres_store.hpp) and an in-memory fake for tests (memory_store.hpp). Both pass the
// conformance suite in tests/store.
//
// A Store is a factory, safe from any thread. The sessions it opens are used by one thread each and
// own one connection; opening does not connect, the first call does. Every call may throw Unavailable
// (the connection is lost or can't be had; the session reconnects at its next call) or Refused (the
// database did not accept the statement; the message says what and why).
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/threads.hpp"
#include "job/job.hpp"
#include "job/retry_policy.hpp"
#include "store/activity.hpp"

namespace sluice::store {

/// The database can't be reached, or went away during the call: what was asked may or may not have
/// happened. ClaimSession::reconcile and FinishSession::living find out.
class Unavailable : public std::runtime_error {
 public:
  explicit Unavailable(const std::string& what, bool answered = false)
      : std::runtime_error(what), answered_(answered) {}
  /// The database did answer, and can't do what was asked now: it is out of something, starts up, …
  bool answered() const { return answered_; }

 private:
  bool answered_;
};

/// There was no answer for so long that it was waited for no longer.
class Unanswered : public Unavailable {
  using Unavailable::Unavailable;
};

/// Somebody holds a lock that was not waited for any longer; nothing was done.
class HeldUp : public Unavailable {
 public:
  explicit HeldUp(const std::string& what) : Unavailable(what, true) {}
};

/// The database answered and said no: a missing table, a missing right, …
class Refused : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Another runtime presumed this one dead and rescued its claims: enlist again under a new id.
class Fenced : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// One running runtime, a row of sluice.runtime.
using RuntimeId = std::int64_t;

/// What one claim may take for one lane: a set of job types that share room.
struct LaneRequest {
  std::vector<std::string> types;
  int limit = 0;
  /// Only rows with "createdAt" at or after it are looked at, in seconds since 1970; none: from the
  /// oldest. It saves walking over dead index entries and is a hint only.
  std::optional<double> cursor;
  /// A row is taken while the payloads of those before it are shorter than this together: at least one is.
  std::int64_t bytes = std::numeric_limits<std::int64_t>::max();
};

inline constexpr std::size_t max_lanes = 8;

/// Seconds by which producers' clocks may be slow and their commits late, as far as cursors go.
inline constexpr double clock_slack = 1;

struct ClaimedJob {
  std::size_t lane = 0;  ///< index into the lanes asked for
  job::Job job;
  bool unreadable = false;  ///< its id or payload is not UTF-8: in a database that has no encoding
};

struct Claimed {
  std::int64_t claim = 0;        ///< 0 when nothing was claimed
  double asked_at = 0;           ///< when the store looked, by its clock, in seconds since 1970
  std::vector<ClaimedJob> jobs;  ///< oldest first within a lane
  /// Others claimed rows that this claim had chosen: fewer than asked for does not mean that no more are there.
  bool is_rivalled = false;
};

/// Claims jobs for one pump of one runtime, and waits for new ones. Used by one thread, but for interrupt().
class ClaimSession {
 public:
  virtual ~ClaimSession() = default;

  /// Claims for each lane, at most max_lanes, the oldest pending rows of its types that no claim names, and
  /// records them as one claim. The rows are not written: they stay pending until FinishSession marks or
  /// finishes them, unless the store was told to mark them at once. `durable`: the claim outlives a crash of
  /// the server that comes after the answer. Throws Fenced when the runtime is no longer enlisted.
  virtual Claimed claim(const std::vector<LaneRequest>& lanes, bool durable) = 0;

  /// After Unavailable: gives back the jobs of this pump's claims that are not in `known`, which were claimed
  /// by a statement whose answer was lost.
  virtual void reconcile(const std::vector<std::int64_t>& known) = 0;

  /// Claims under this id from now on.
  virtual void use(RuntimeId runtime) = 0;

  /// Producers notify while any runtime wants to be woken; false where nothing is heard of it: the trigger is
  /// missing, or the session can't listen. Throws HeldUp where somebody has locked what says so.
  virtual bool want(bool wanted) = 0;
  /// Waits until jobs were inserted, until `end`, or for interrupt(), which may have been called before. How
  /// many times some were inserted and committed since the last call; those inserted before producers knew of
  /// want() don't count. Without a connection it waits all the same.
  virtual std::int64_t wait(base::Clock::time_point end) = 0;
  /// Ends wait() once. [any-thread]
  virtual void interrupt() = 0;
};

/// A settlement of which nothing is written.
struct Unwritten {
  enum class Why {
    not_ours,  ///< its row was taken away or changed: rescued by another runtime, say
    locked,    ///< somebody has locked its row
    refused,   ///< the database refused it
    untried,   ///< the database was away
  };
  std::size_t index = 0;  ///< into the settlements given
  Why why = Why::not_ours;
  std::string code;     ///< of what was refused: the SQLSTATE, empty where it is not known
  std::string message;  ///< the database's words, or who holds the lock, where that is known
  /// The error is of a kind that may also have to do with the server: it is out of something, the table or a
  /// right is missing, … Nothing was there to compare with.
  bool may_be_the_servers = false;
};

/// Writes what came of claimed jobs.
class FinishSession {
 public:
  virtual ~FinishSession() = default;

  /// Applies each settlement whose row is still pending or `processing`, as its claim left it, and whose
  /// claim still exists and is the newest that names the job; each has all of its effect (status, attempt
  /// record, schedule, output) or none. Deletes the `closing` claims, which are used up with these
  /// settlements; every other claim that a settlement names stays, and so does one of `closing` that an
  /// unwritten settlement names, unless that is not ours. Waits for nobody's row: what can't be written costs
  /// no other settlement. Returns the settlements that are not written, in their order.
  virtual std::vector<Unwritten> finish(const std::vector<job::Settlement>& settlements,
                                        const std::vector<std::int64_t>& closing) = 0;
  /// The same for what is suspected of being refused or locked.
  virtual std::vector<Unwritten> finish_with_care(const std::vector<job::Settlement>& settlements,
                                                  const std::vector<std::int64_t>& closing) {
    return finish(settlements, closing);
  }

  /// Makes those of `jobs` `processing` that are pending and still ours, and counts their attempts. `filled`
  /// are the claims of which all jobs that are left are marked then. Waits for nobody's row. Answers the new
  /// places of the rows, in the order of `jobs`; empty for those that it left as they were.
  virtual std::vector<std::string> mark(const std::vector<job::Ref>& jobs,
                                        const std::vector<std::int64_t>& filled) = 0;

  /// After Unavailable: those of `claims` that still exist. The outcomes of the others are written, by
  /// the call whose answer was lost, or their jobs were rescued.
  virtual std::vector<std::int64_t> living(const std::vector<std::int64_t>& claims) = 0;
};

/// Writes what came of jobs that asked for follow-up jobs or effects, on a connection of its own, so that
/// what a plugin's statements take or break is that plugin's.
class EffectSession {
 public:
  virtual ~EffectSession() = default;

  /// As FinishSession::finish, together with the follow-up jobs and effects of each, or not at all. The code
  /// of what was refused is "effect-23505", with the SQLSTATE. Deletes no claim.
  virtual std::vector<Unwritten> commit(const std::vector<job::Settlement>& settlements) = 0;
};

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

class Store {
 public:
  virtual ~Store() = default;
  /// `listens`: it hears of new jobs, where the store can tell.
  virtual std::unique_ptr<ClaimSession> claims(RuntimeId runtime, int pump, bool listens) = 0;
  virtual std::unique_ptr<FinishSession> finishes() = 0;
  /// What one job asks to be committed with it is ended after `limit`.
  virtual std::unique_ptr<EffectSession> effects(std::chrono::microseconds limit) = 0;
  /// A beat that has no answer within `patience` is given up.
  virtual std::unique_ptr<HeartSession> heart(std::chrono::milliseconds patience) = 0;
  virtual std::unique_ptr<CareSession> care() = 0;
  /// For jobs in `status`, done or error, that were created longer ago than `older_than` and that nothing
  /// will try again.
  virtual std::unique_ptr<PruneSession> prunes(const std::string& status, job::Microseconds older_than) = 0;
  virtual std::unique_ptr<DeskSession> desk() = 0;
  /// No call of any session goes on beyond `when`; later ones throw Unavailable at once. It may be set anew.
  /// [any-thread]
  virtual void limit(base::Clock::time_point when) = 0;
};

}  // namespace sluice::store
