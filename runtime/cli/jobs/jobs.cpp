// sluice jobs: the group of commands that show and change single jobs.
#include "cli/jobs/jobs.hpp"

#include <pwd.h>
#include <unistd.h>

#include <array>

#include "base/duration.hpp"
#include "base/host_name.hpp"
#include "postgres/postgres_store.hpp"

namespace sluice::cli {

namespace {

std::string user_name() {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? std::to_string(geteuid()) : found->pw_name;
}

}  // namespace

store::Actor this_user() {
  return {user_name() + "@" + base::host_name(), "", "cli"};
}

std::unique_ptr<store::JobDesk> open_jobs(const config::Config& config) {
  open_store(config)->desk()->check_schema();
  job::RetryPolicy fallback;
  fallback.max_attempts = config.max_attempts;
  auto desk = postgres::open_job_desk(store_options(config), fallback);
  desk->act_as(this_user());
  return desk;
}

job::Microseconds duration_option(const char* option, const std::string& value) {
  if (const auto duration = base::parse_duration(value)) return *duration;
  throw base::UsageError(std::string(option) + ": invalid duration '" + value +
                         "', expected for example 90s, 10m, 1h30m or 30d");
}

std::string status_option(const std::string& status) {
  return status == "failed" ? "error" : status;
}

void add_jobs(const Command& program, GlobalOptions& global, int& code) {
  const Command jobs = program.add_subcommand("jobs", "List, show, retry, cancel, delete and pause jobs");
  jobs.require_subcommand();
  add_jobs_list(jobs, global, code);
  add_jobs_show(jobs, global, code);
  add_jobs_repro(jobs, global, code);
  add_jobs_retry(jobs, global, code);
  add_jobs_cancel(jobs, global, code);
  add_jobs_delete(jobs, global, code);
  add_jobs_prune(jobs, global, code);
  add_jobs_pause(jobs, global, code);
  add_jobs_resume(jobs, global, code);
  add_examples(jobs,
               "  sluice jobs list --status error --since 1h\n"
               "  sluice jobs show cm1x2y3z4\n"
               "  sluice jobs retry --status error --attempts-below 3\n"
               "  sluice jobs prune --status done --older-than 30d");
}

}  // namespace sluice::cli
