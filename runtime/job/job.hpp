// What moves through Sluice: a Job forward to its handler, an Outcome back, a Settlement into the
// store. Plain values, moved from stage to stage; nothing here does any work or is shared.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/threads.hpp"

namespace sluice::job {

using Microseconds = std::chrono::microseconds;

/// One attempt of one job, as it is named from its claim to its outcome.
struct Ref {
  std::string id;          ///< as the application made it: any UTF-8
  std::string type;        ///< "email.send"
  int attempt = 1;         ///< 1 for the first
  std::int64_t claim = 0;  ///< the claim that names it
  double created_at = 0;   ///< seconds since 1970 in UTC, the producer's clock; may be ±infinity
  std::string place;       ///< where the store found its row, in the store's own words; empty: not known
  base::Clock::time_point pending_since = base::Clock::time_point::max();  ///< max: not known
};

/// A row of the outbox that this runtime has claimed.
struct Job : Ref {
  std::string payload;     ///< JSON text
  int max_attempts = 0;    ///< filled in by the engine from the type's policy
  std::uint32_t pump = 0;  ///< which of the engine's pumps claimed it, and will finish it
  std::int64_t bytes = 0;  ///< of the payload, when that has left already, too
  bool durable = true;     ///< its claim outlives a crash of the server
};

/// How an attempt ended.
enum class Result {
  done,
  retry,      ///< failed, may succeed later
  fail,       ///< failed for good
  snooze,     ///< not time yet; the attempt is refunded
  cancelled,  ///< of its own accord or by hand; one that a stop of the runtime asked for is released
  crashed,    ///< its plugin host died while it ran
  released,   ///< never started, or interrupted through no fault of its own; the attempt is refunded
};
std::string_view name(Result result);

/// A job that a handler asked for: made when its own is done.
struct FollowUp {
  std::string type;
  std::string payload;  ///< JSON text
  Microseconds delay{0};
  std::string unique_key;  ///< empty: none
};

/// A statement that a handler asked for: run in the transaction that marks its job done.
struct Effect {
  std::string sql;
  std::vector<std::optional<std::string>> parameters;  ///< none: NULL
};

/// The plugin host that ran attempts.
struct HostFacts {
  std::string plugin;
  std::string version;
  std::string build_id;                     ///< of the plugin's file; empty: it has none
  std::optional<double> cpu_seconds;        ///< of its process, once that has ended
  std::optional<std::int64_t> peak_memory;  ///< resident bytes; the same
};

/// What came of one attempt, as the plugin host (or the fleet, for a host that died) reports it.
struct Outcome {
  Result result = Result::done;
  std::optional<Microseconds> delay;   ///< the handler's own, for retry and snooze
  Microseconds duration{0};            ///< of the attempt; 0 when it never started
  std::string code;                    ///< short and stable, may be empty
  std::string error;                   ///< a sentence for people
  std::string output;                  ///< JSON text, empty when there is none
  std::string log_tail;                ///< the last log lines of a failed attempt
  std::optional<Microseconds> waited;  ///< until its handler was called, since the job was created or due
  std::string stack;  ///< of its thread, if it crashed or did not stop: a heading and a line per frame
  std::vector<FollowUp> follow_ups;  ///< of a job that is done, like the next
  std::vector<Effect> effects;
  bool cancel_requested = false;          ///< someone wanted the job to end: it is not tried again
  std::shared_ptr<const HostFacts> host;  ///< that had it; null: none

  /// True when something is to be committed together with the job.
  bool effectful() const { return !follow_ups.empty() || !effects.empty(); }
  /// The version of the plugin that had it; empty: none had.
  std::string_view plugin_version() const {
    return host ? std::string_view(host->version) : std::string_view();
  }
  /// True when there is nothing to tell but that it is done.
  bool plain() const { return result == Result::done && output.empty() && !effectful(); }
};

/// A job that came back from its plugin host, without its payload.
struct Finished {
  Job job;
  Outcome outcome;
  std::string role{};  ///< under which its effects run, where it has any
  int host = 0;        ///< the plugin host's process; 0: it was with none
};

/// The status column of the outbox. `scheduled` is the one that the guide does not have.
enum class Status { pending, processing, done, error, scheduled };
std::string_view name(Status status);

/// What the store writes for one finished attempt.
struct Settlement : Ref {
  std::string claimed_as;  ///< the id that the claim names, where the row has another one by now; else empty
  Status status = Status::done;
  bool refund = false;                ///< give the attempt back
  std::optional<Microseconds> delay;  ///< when it becomes pending again, from now; none: never
  std::string role;                   ///< under which effects run
  Outcome outcome;

  /// True when marking the row done is all there is to do, which is what the fast path writes.
  bool plain() const { return status == Status::done && outcome.plain(); }
};

}  // namespace sluice::job
