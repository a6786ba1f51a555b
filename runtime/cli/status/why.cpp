// sluice why: why a job, or the jobs of a type, did not run.
#include "dashboard/why.hpp"

#include <cstdlib>
#include <iostream>

#include "base/harmless.hpp"
#include "cli/command.hpp"
#include "cli/runtime/dashboard.hpp"
#include "cli/text/terminal.hpp"

namespace sluice::cli {

namespace {

/// The mark of a check, coloured where colours are welcome (no-color.org).
std::string mark(bool good) {
  std::string word = good ? "ok" : "no";
  const char* const no_color = std::getenv("NO_COLOR");
  if (!Terminal::available() || (no_color != nullptr && *no_color != '\0')) return word;
  return (good ? "\033[32m" : "\033[31m") + word + "\033[0m";
}

void print_text(const dashboard::Explanation& explanation) {
  for (const auto& check : explanation.checks) {
    std::cout << mark(check.good) << "  " << check.question << " " << base::harmless(check.answer) << "\n";
    if (!check.good && !check.command.empty())
      std::cout << "      run: " << base::harmless(check.command) << "\n";
  }
}

void print_json(const dashboard::Explanation& explanation) {
  rapidjson::StringBuffer buffer;
  base::JsonWriter writer(buffer);
  writer.StartObject();
  write(writer, explanation);
  writer.EndObject();
  std::cout << buffer.GetString() << "\n";
}

/// As the configuration here has it, which the runtimes may share.
std::optional<int> concurrency_of(const config::Config& config, const dashboard::Facts& facts) {
  const auto found = config.types.find(facts.job ? facts.job->job.type : facts.asked);
  return found == config.types.end() ? std::nullopt : found->second.concurrency;
}

int why(const GlobalOptions& global, const std::string& asked, bool json) {
  const config::Config config = global.resolve();
  dashboard::Sessions sessions(page_sources(config));
  const auto session = sessions.borrow();
  dashboard::Facts facts = dashboard::find_out(*session.operator->(), asked);
  facts.concurrency = concurrency_of(config, facts);
  const dashboard::Explanation explanation = dashboard::explain(facts);
  json ? print_json(explanation) : print_text(explanation);
  return explanation.good() ? ExitCode::ok : ExitCode::failed;
}

}  // namespace

void add_why(const Command& program, GlobalOptions& global, int& code) {
  const Command command = program.add_subcommand("why", "Show why a job, or the jobs of a type, did not run");
  add_database_options(command, global);
  static std::string asked;
  static bool json = false;
  command.add_option("ID|TYPE", asked, "The job's id, or a job type").required();
  command.add_flag("--json", json, "Print the checks as JSON");
  add_examples(command,
               "  sluice why cm1x2y3z4\n"
               "  sluice why email.send --json | jq -r '.checks[] | select(.good | not) | .answer'");
  command.callback([&] { code = why(global, asked, json); });
}

}  // namespace sluice::cli
