// sluice jobs list: the newest jobs, by status, type and age.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iostream>

#include "cli/jobs/jobs.hpp"
#include "cli/text/nearest.hpp"
#include "cli/text/table.hpp"

namespace sluice::cli {

namespace {

struct ListOptions {
  std::vector<std::string> statuses;
  std::vector<std::string> types;
  std::string since;
  bool stuck = false;
  bool deep = false;
  std::size_t limit = 20;
  bool json = false;
};

constexpr std::array known_statuses{"pending", "scheduled", "processing", "done", "error"};
constexpr std::size_t longest_note = 80;

/// Refuses an unknown status, because with a misspelt one the outbox would look empty.
void check_status(const std::string& status) {
  const std::vector<std::string> known(known_statuses.begin(), known_statuses.end());
  if (std::find(known.begin(), known.end(), status) != known.end()) return;
  const std::string meant = nearest(status, known);
  throw base::UsageError("--status: unknown status '" + status +
                         "', expected pending, scheduled, processing, done or error" +
                         (meant.empty() ? "" : "; did you mean '" + meant + "'?"));
}

store::JobFilter filter_of(const ListOptions& options) {
  if (options.stuck && !options.statuses.empty()) {
    throw base::UsageError("--stuck and --status can't be combined, because stuck jobs are in processing");
  }
  store::JobFilter filter;
  for (const auto& status : options.statuses) {
    const std::string name = status_option(status);
    check_status(name);
    if (std::count(filter.statuses.begin(), filter.statuses.end(), name) == 0)
      filter.statuses.push_back(name);
  }
  filter.types = options.types;
  filter.stuck = options.stuck;
  if (!options.since.empty()) filter.since = duration_option("--since", options.since);
  return filter;
}

std::string note(const store::JobSummary& job) {
  std::string text = job.due ? "due " + (job.due->age > 0 ? "now" : ago(*job.due)) : "";
  if (job.failure && job.status != "done") text += (text.empty() ? "" : ": ") + job.failure->error;
  return one_line(text, longest_note);
}

void print_table(const std::vector<store::JobSummary>& jobs) {
  std::vector<std::vector<std::string>> rows{
      {"ID", "TYPE", "STATUS", "ATTEMPTS", "CREATED", "UPDATED", "NOTE"}};
  for (const auto& job : jobs) {
    rows.push_back(
        {job.id, job.type, job.status, grouped(job.attempts), ago(job.created), ago(job.updated), note(job)});
  }
  std::cout << table(rows, {3});
}

void print_json(const std::vector<store::JobSummary>& jobs) {
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartArray();
  for (const auto& job : jobs) {
    writer.StartObject();
    write_summary(writer, job);
    writer.EndObject();
  }
  writer.EndArray();
  std::cout << buffer.GetString() << "\n";
}

/// Says that the list is incomplete.
void explain_horizon(const store::Moment& horizon) {
  std::cerr
      << "stopped at the jobs created " << (horizon.iso.empty() ? ago(horizon) : horizon.iso)
      << ", because most newer jobs do not match and searching them all would take long. Older jobs may "
         "match too: use --deep to search all jobs, or --since to search only recent ones\n";
}

int list(const GlobalOptions& global, const ListOptions& options) {
  const store::JobFilter filter = filter_of(options);
  const store::Listing listing = open_jobs(global.resolve())->list(filter, options.limit, options.deep);
  const auto& jobs = listing.jobs;
  if (options.json) {
    print_json(jobs);
  } else if (jobs.empty()) {
    if (!listing.horizon) std::cerr << "no job matches\n";
  } else {
    print_table(jobs);
    const bool more = jobs.size() == options.limit && isatty(STDOUT_FILENO) != 0;
    if (more) std::cerr << "these are the newest " << jobs.size() << "; --limit shows more\n";
  }
  if (listing.horizon) explain_horizon(*listing.horizon);
  return ExitCode::ok;
}

}  // namespace

void write_summary(JsonWriter& writer, const store::JobSummary& job) {
  member(writer, "id", job.id);
  member(writer, "type", job.type);
  member(writer, "status", job.status);
  member(writer, "attempts", job.attempts);
  member(writer, "created_at", job.created);
  member(writer, "updated_at", job.updated);
  if (job.due) member(writer, "due_at", *job.due);
  if (!job.failure) return;
  writer.Key("last_failure");
  writer.StartObject();
  member(writer, "attempt", job.failure->number);
  member(writer, "result", job.failure->result);
  member(writer, "code", job.failure->code);
  member(writer, "error", job.failure->error);
  member(writer, "at", job.failure->at);
  writer.EndObject();
}

void add_jobs_list(const Command& jobs, GlobalOptions& global, int& code) {
  const Command command = jobs.add_subcommand("list", "List jobs, newest first");
  add_database_options(command, global);
  static ListOptions options;
  command
      .add_option("--status", options.statuses,
                  "Only jobs with this status: pending, scheduled, processing, done or error (failed means "
                  "error); may be given several times")
      .take_all();
  command.add_option("--type", options.types, "Only jobs of this type; may be given several times")
      .take_all();
  command.add_option("--since", options.since, "Only jobs created within this time: 90s, 10m, 1h, 7d, …");
  command.add_flag("--stuck", options.stuck,
                   "Only jobs in processing that nobody works on: the job's runtime is lost, or no Sluice "
                   "runtime has the job and it has not changed for over 10 minutes");
  command.add_flag("--deep", options.deep,
                   "With --type or --stuck: search all jobs, however long that takes");
  command.add_option("--limit", options.limit, "Show at most this many jobs [20]").between(1, 1'000'000);
  command.add_flag("--json", options.json, "Print the list as JSON");
  add_examples(command,
               "  sluice jobs list --status pending --limit 5\n"
               "  sluice jobs list --status failed --type email.send --since 1h\n"
               "  sluice jobs list --stuck\n"
               "  sluice jobs list --status error --json | jq -r '.[].id'");
  command.callback([&] { code = list(global, options); });
}

}  // namespace sluice::cli
