// sluice enqueue: puts one job into the outbox.
#include <iostream>

#include "base/duration.hpp"
#include "cli/command.hpp"
#include "cli/text/payload.hpp"

namespace sluice::cli {

namespace {

struct EnqueueOptions {
  std::string type;
  std::string payload = "{}";
  std::string delay;
  std::string unique_key;
};

int enqueue(const GlobalOptions& global, const EnqueueOptions& options) {
  const config::Config config = global.resolve();
  store::EnqueueRequest request{options.type, read_payload(options.payload), std::nullopt, std::nullopt};
  if (!options.delay.empty()) {
    request.delay = base::parse_duration(options.delay);
    if (!request.delay) {
      throw base::UsageError("--delay '" + options.delay +
                             "' is no duration; write it like 30s, 5m or 1h30m");
    }
  }
  if (!options.unique_key.empty()) request.unique_key = options.unique_key;
  const store::Enqueued enqueued = open_store(config)->desk()->enqueue(request);
  std::cout << enqueued.id << "\n";
  if (enqueued.existing) {
    std::cerr << "a job with this unique key exists already; nothing was added, the id is its\n";
  }
  return ExitCode::ok;
}

}  // namespace

void add_enqueue(const Command& program, GlobalOptions& global, int& code) {
  const Command command = program.add_subcommand("enqueue", "Put a job into the outbox and print its id");
  add_database_options(command, global);
  static EnqueueOptions options;
  command.add_option("TYPE", options.type, "The job's type, such as email.send").required();
  command.add_option("PAYLOAD", options.payload, "JSON, or @file, or - for standard input; {} without it");
  command.add_option("--delay", options.delay, "Run it no sooner than this from now: 30s, 5m, 1h30m");
  command.add_option("--unique", options.unique_key,
                     "Add nothing when a job with this key exists; print that one's id");
  add_examples(command,
               "  sluice enqueue hello.greet '{\"name\":\"Ada\"}'\n"
               "  sluice enqueue pdf.generate @proposal.json --delay 5m\n"
               "  echo '{\"name\":\"Ada\"}' | sluice enqueue hello.greet - --unique greet-ada");
  command.callback([&] { code = enqueue(global, options); });
}

}  // namespace sluice::cli
