// What a dashboard asks of the store. Every statement is bounded: it counts to `most_counted`, reads along an
// index for a while and says where it stopped, and is ended by the server after `insight_limit`.
//
// Values of JSON are the server's text. They are never parsed here, so numbers keep their digits.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "job/job.hpp"
#include "store/care.hpp"
#include "store/errors.hpp"
#include "store/job_desk.hpp"

namespace sluice::store {

/// The server ends each statement after this. The call throws TimedOut, and the session stays usable.
inline constexpr std::chrono::milliseconds insight_limit{2000};
/// Rows are counted up to this number. `more` tells that there are more.
inline constexpr std::int64_t most_counted = 10'000;

struct Counted {
  std::int64_t count = 0;
  bool more = false;  ///< there are more, or there may be
};

// ---- What was done in the course of time
// -------------------------------------------------------------------

/// In seconds; nullopt if nothing was measured. They are estimates within a bucket of sluice.minute, whose
/// upper bound is twice the lower one.
struct Percentiles {
  std::optional<double> p50;
  std::optional<double> p95;
  std::optional<double> p99;
};

struct Outcomes {
  std::int64_t done = 0;
  std::int64_t retrying = 0;  ///< failed, will be tried again
  std::int64_t failed = 0;    ///< failed for good
  std::int64_t snoozed = 0;
  double busy = 0;      ///< the handlers' time in seconds
  Percentiles waiting;  ///< from when the job was created or due until its handler started
  Percentiles running;  ///< the handler's time
};

struct SeriesStep {
  Time at;  ///< the step's beginning
  Outcomes outcomes;
};

struct Series {
  std::vector<SeriesStep>
      steps;  ///< all steps from `from` to `to`, oldest first, also those without outcomes
  Outcomes total;
  std::chrono::seconds step{0};  ///< may be longer than requested: whole minutes, or hours beyond two days
};

/// The most steps of a series. More are refused.
inline constexpr std::int64_t most_steps = 2000;

// ---- Job types -------------------------------------------------------------------------------------------

struct Paused {
  Moment since;
  std::string actor;
  std::string reason;
};

/// What a version of the plugin did.
struct VersionOutcomes {
  std::string type;
  std::string version;
  std::int64_t done = 0;
  std::int64_t retrying = 0;
  std::int64_t failed = 0;
  Time first;  ///< the minute or hour in which a job of it ended first
  Time last;
};

/// A plugin that serves a type now.
struct Serving {
  std::string plugin;
  std::string version;
  std::int64_t runtimes = 0;
};

inline constexpr std::size_t minutes_of_an_hour = 60;

/// What ended in each of the last 60 minutes, the oldest first; the last one is not over.
struct LastHour {
  std::array<std::int64_t, minutes_of_an_hour> done{};
  std::array<std::int64_t, minutes_of_an_hour> failed{};  ///< for good, or to be tried again
};

struct TypeOverview {
  std::string type;
  Counted pending;
  Counted processing;
  Counted error;
  Counted scheduled;
  std::optional<double> oldest_pending;  ///< seconds since the oldest pending job was created
  Outcomes last_hour;
  std::string plugin;  ///< the plugin that served it last; empty if none ever did
  std::string plugin_version;
  bool served = false;        ///< by a live runtime, now
  std::string limits = "{}";  ///< JSON: those that were in force when it was served last
  std::optional<Paused> paused;
  LastHour minutes;
  std::vector<VersionOutcomes> versions;  ///< of the last hour, the one that began last first
  std::vector<Serving> serving;           ///< by live runtimes
};

// ---- Jobs
// --------------------------------------------------------------------------------------------------

/// `path`, member by member, of the payload has this value: its text without quotation marks if it is a text.
struct PayloadValue {
  std::vector<std::string> path;
  std::string value;
};

/// Which jobs. Empty members do not restrict.
struct JobQuery {
  std::vector<std::string> statuses;  ///< as shown: a pending job that a claim names is in processing
  std::vector<std::string> types;
  std::optional<Time> created_from;    ///< inclusive
  std::optional<Time> created_before;  ///< exclusive
  std::optional<int> attempts_from;    ///< at least
  std::string code;                    ///< of the last failed attempt
  std::string plugin_version;          ///< of a failed attempt, as far as it is recorded
  std::vector<PayloadValue> payload;
  std::string text;  ///< the payload's text contains it, in upper or lower case
};

/// The position of a page. Opaque; its members are the server's text.
struct JobKey {
  std::string created_at;
  std::string id;
};

enum class Order { newest, oldest };

struct JobRow {
  JobSummary job;
  JobKey key;
  /// For each requested column, the value at that path as JSON text, at most `longest_column` characters of
  /// it; nullopt if the payload has none.
  std::vector<std::optional<std::string>> columns;
};

inline constexpr std::size_t longest_column = 500;

struct JobPage {
  std::vector<JobRow> jobs;
  std::optional<JobKey> next;     ///< where the next page begins; nullopt: there are no more jobs
  std::optional<Moment> horizon;  ///< reading stopped here before the page was full; ask again from `next`
};

struct JobCount {
  Counted counted;
  std::optional<Moment> horizon;  ///< counting stopped here, newest first
};

// ---- Failures
// ----------------------------------------------------------------------------------------------

/// Failed attempts that look the same.
struct FailureGroup {
  std::string type;
  std::string code;
  std::string frame;    ///< the innermost frame of the stack; empty without one
  std::string message;  ///< the error's first line, with numbers, ids and quoted values replaced
  std::int64_t attempts = 0;
  Moment first;
  Moment last;
  std::vector<std::string> versions;  ///< of the plugin, as far as recorded
  std::string example;                ///< the id of the job that failed last
  std::string error;                  ///< of that attempt, its beginning
};

/// The jobs in error whose last failed attempt is of a group.
struct GroupJobs {
  Counted failed;                 ///< nothing tries them again
  Counted planned;                ///< to be tried again
  std::optional<Moment> horizon;  ///< jobs created before it were not read
};

struct Failures {
  std::vector<FailureGroup> groups;  ///< the most frequent first
  std::int64_t attempts = 0;         ///< that were read
  bool more = false;                 ///< older attempts were not read
  std::optional<Moment> horizon;     ///< then the oldest one that was read
};

// ---- The database
// ------------------------------------------------------------------------------------------

/// What keeps vacuum from removing dead rows.
struct SnapshotHolder {
  std::string kind;           ///< "session", "prepared transaction" or "replication slot"
  std::string name;           ///< "process 4711 (user app, psql, idle in transaction)", the slot's name, …
  std::optional<double> age;  ///< seconds since its transaction began, if known
  std::int64_t xids = 0;      ///< transactions since its snapshot
};

struct DatabaseState {
  bool sees_all =
      false;  ///< false: the user lacks pg_read_all_stats, so only its own sessions are among `oldest`
  std::string server_version;
  std::vector<SnapshotHolder> oldest;  ///< the oldest ones, at most 10
  std::int64_t live_rows = 0;          ///< of the outbox, as the server estimates them
  std::int64_t dead_rows = 0;
  std::optional<Moment>
      last_vacuum;               ///< by hand or automatic; nullopt: never, or before statistics were reset
  std::int64_t table_bytes = 0;  ///< the outbox with its TOAST table
  std::int64_t index_bytes = 0;
  std::int64_t schema_bytes = 0;  ///< schema sluice
  std::int64_t database_bytes = 0;
  double notification_queue = 0;  ///< the part in use, 0 to 1
  std::int64_t connections = 0;
  std::int64_t connections_max = 0;
};

// ---- What was done by hand
// ---------------------------------------------------------------------------------

struct AuditEntry {
  std::int64_t id = 0;
  Moment at;
  std::string actor;
  std::string role;
  std::string source;
  std::string action;            ///< "retry", "cancel", "delete", "pause", …
  std::string filter;            ///< JSON; empty if the jobs were named
  std::vector<std::string> ids;  ///< the first ones
  std::int64_t affected = 0;
  bool over = false;  ///< false: it is still under way, or was interrupted
};

struct AuditPage {
  std::vector<AuditEntry> entries;   ///< newest first
  std::optional<std::int64_t> next;  ///< for `after`; nullopt: there are no more
};

/// Something that may explain a change in what was done.
struct Mark {
  Time at;
  std::string
      kind;  ///< "reload", "canary", "promote", "abort", "rollback", "drain", "pause", "resume" or "version"
  std::string text;  ///< the runtimes, the type, or the version that began
};

// ------------------------------------------------------------------------------------------------------------

/// Used by one thread, owns one connection. Every call may throw Unavailable, Refused or TimedOut.
class InsightSession {
 public:
  virtual ~InsightSession() = default;

  /// Outcomes per step. They are kept for 30 days.
  virtual Series series(Time from, Time to, std::chrono::seconds step,
                        const std::optional<std::string>& type) = 0;
  /// Each type that was ever served or that has jobs which are not done, by name.
  virtual std::vector<TypeOverview> types() = 0;
  /// The page after `after`, or the first one. `columns` are paths into the payload.
  virtual JobPage jobs(const JobQuery& query, Order order, const std::optional<JobKey>& after,
                       std::size_t limit, const std::vector<std::vector<std::string>>& columns) = 0;
  virtual JobCount count(const JobQuery& query) = 0;
  /// However many there are. Throws TimedOut if they can't be counted within `insight_limit`.
  virtual std::int64_t count_all(const JobQuery& query) = 0;
  /// What each version of a type's plugin did, the one that began last first.
  virtual std::vector<VersionOutcomes> versions(Time from, Time to, const std::string& type) = 0;
  /// The schema of a type's payloads, as the plugin declared it that served the type last; empty without one.
  virtual std::string schema(const std::string& type) = 0;
  virtual Failures failures(Time from, Time to) = 0;
  virtual GroupJobs group_jobs(const std::string& type, const std::string& code,
                               const FailureLikeness& group) = 0;
  /// Reloads, stops, pauses, and versions that took over from others, oldest first.
  virtual std::vector<Mark> marks(Time from, Time to) = 0;
  virtual DatabaseState database() = 0;
  /// Entries before `after`, or the newest ones.
  virtual AuditPage audit(std::optional<std::int64_t> after, std::size_t limit) = 0;
};

}  // namespace sluice::store
