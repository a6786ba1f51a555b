// Shared by the commands of `sluice jobs`: the store's desk for single jobs, words for what it reports, the
// confirmation before many jobs are changed, and the walk over them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/text/json.hpp"
#include "store/job_desk.hpp"

namespace sluice::cli {

/// Who runs the command, for the audit.
store::Actor this_user();

/// Opens the configured database, which must be initialised. Throws base::UsageError if none is configured.
/// What it changes is recorded as done by this process's user.
std::unique_ptr<store::JobDesk> open_jobs(const config::Config& config);

/// The value of `option` as a duration. Throws base::UsageError.
job::Microseconds duration_option(const char* option, const std::string& value);

/// "error" for the guide's word "failed", else `status` itself.
std::string status_option(const std::string& status);

/// "3 min 20 s ago", "in 12 s"; "infinity" and "-infinity" unchanged.
std::string ago(const store::Moment& moment);
/// The first `limit` bytes on one line, harmless to a terminal.
std::string one_line(const std::string& text, std::size_t limit);
/// "runtime 3 (process 42 on host)".
std::string name(const store::Holder& holder);
/// ISO 8601, or null when infinite.
void member(JsonWriter& writer, const char* key, const store::Moment& moment);
/// The members of `job` that `list` and `show` have in common.
void write_summary(JsonWriter& writer, const store::JobSummary& job);
/// An object.
void write_attempt(JsonWriter& writer, const store::Attempt& attempt);

/// What a command does to jobs, in its forms: "retry", "retried".
struct Verb {
  const char* present;
  const char* past;
};

/// Asks on the terminal whether to `verb` the jobs; "no" is false. Throws base::UsageError if standard input
/// is not a terminal.
bool confirmed(const Verb& verb, std::int64_t jobs);

/// Prints the result for each job. The exit code is 1 if any job was left unchanged.
int report(const Verb& verb, const std::vector<store::Changed>& changed, bool json);

/// Runs `step` batch by batch over the jobs of `filter`, one status after another, until the end or Ctrl-C.
/// Prints how many jobs were changed. `expected` is for the progress shown on a terminal.
using Step = std::function<std::size_t(const store::JobFilter&, store::Walk&)>;
int walk(const Verb& verb, const store::JobFilter& filter, std::int64_t expected, bool json,
         const Step& step);

// Each adds its command to `sluice jobs`.
void add_jobs_list(const Command& jobs, GlobalOptions& global, int& code);
void add_jobs_show(const Command& jobs, GlobalOptions& global, int& code);
void add_jobs_repro(const Command& jobs, GlobalOptions& global, int& code);
void add_jobs_retry(const Command& jobs, GlobalOptions& global, int& code);
void add_jobs_cancel(const Command& jobs, GlobalOptions& global, int& code);
void add_jobs_delete(const Command& jobs, GlobalOptions& global, int& code);
void add_jobs_pause(const Command& jobs, GlobalOptions& global, int& code);
void add_jobs_resume(const Command& jobs, GlobalOptions& global, int& code);
void add_jobs_prune(const Command& jobs, GlobalOptions& global, int& code);

}  // namespace sluice::cli
