// sluice enqueue: puts one job into the outbox.
#include <iostream>

#include "base/duration.hpp"
#include "base/harmless.hpp"
#include "cli/command.hpp"
#include "cli/jobs/jobs.hpp"
#include "cli/text/payload.hpp"
#include "postgres/postgres_store.hpp"

namespace sluice::cli {

namespace {

struct EnqueueOptions {
  std::string type;
  std::string payload = "{}";
  std::string delay;
  std::string unique_key;
};

/// A user that may only enqueue can't write the audit; the job is there all the same.
void record(const config::Config& config, const std::string& type, const std::string& id) {
  try {
    const auto desk = postgres::open_job_desk(store_options(config), {});
    desk->act_as(this_user());
    desk->record("enqueue", {{"type", type}}, {id});
  } catch (const std::runtime_error& failed) {
    std::cerr << "note: the job was enqueued, but the audit does not say so: "
              << base::harmless(failed.what()) << "\n";
  }
}

int enqueue(const GlobalOptions& global, const EnqueueOptions& options) {
  const config::Config config = global.resolve();
  store::EnqueueRequest request{options.type, read_payload(options.payload), std::nullopt, std::nullopt};
  if (!options.delay.empty()) {
    request.delay = base::parse_duration(options.delay);
    if (!request.delay) {
      throw base::UsageError("--delay: invalid duration '" + options.delay +
                             "', expected for example 30s, 5m or 1h30m");
    }
  }
  if (!options.unique_key.empty()) request.unique_key = options.unique_key;
  const store::Enqueued enqueued = open_store(config)->desk()->enqueue(request);
  std::cout << enqueued.id << std::endl;
  if (!enqueued.existing) record(config, options.type, enqueued.id);
  if (enqueued.existing) {
    std::cerr << "the job was not added, because a job with this unique key exists; this is the existing "
                 "job's id\n";
  }
  return ExitCode::ok;
}

}  // namespace

void add_enqueue(const Command& program, GlobalOptions& global, int& code) {
  const Command command = program.add_subcommand("enqueue", "Put a job into the outbox and print its id");
  add_database_options(command, global);
  static EnqueueOptions options;
  command.add_option("TYPE", options.type, "The job's type, such as email.send").required();
  command.add_option("PAYLOAD", options.payload, "JSON, @FILE, or - for standard input [{}]");
  command.add_option("--delay", options.delay, "Run the job after this time at the earliest: 30s, 5m, 1h30m");
  command.add_option("--unique", options.unique_key,
                     "If a job with this key exists, add nothing and print that job's id");
  add_examples(command,
               "  sluice enqueue hello.greet '{\"name\":\"Ada\"}'\n"
               "  sluice enqueue pdf.generate @proposal.json --delay 5m\n"
               "  echo '{\"name\":\"Ada\"}' | sluice enqueue hello.greet - --unique greet-ada");
  command.callback([&] { code = enqueue(global, options); });
}

}  // namespace sluice::cli
