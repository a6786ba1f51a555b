// The program of all commands.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "base/config.hpp"
#include "base/harmless.hpp"
#include "cli/command.hpp"

namespace sluice::cli {

namespace {

int parse(CLI::App& program, int argc, char** argv, const int& code) {
  try {
    program.parse(argc, argv);
    return code;
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? ExitCode::ok : ExitCode::usage;
  } catch (const base::UsageError& error) {
    std::cerr << "sluice: " << base::harmless_lines(error.what()) << "\n";
    return ExitCode::usage;
  } catch (const std::exception& error) {
    std::cerr << "sluice: " << base::harmless_lines(error.what()) << "\n";
    return ExitCode::failed;
  }
}

/// What was wrong, where it is the command itself: a word that is none, or none at all.
std::string mistake(const CLI::App& program, const std::vector<std::string>& words, const CLI::Error& error) {
  const CLI::App* command = &program;
  std::string name;
  std::size_t depth = 0;
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    name += (name.empty() ? "" : " ") + command->get_name();
    ++depth;
  }
  const auto known = command->get_subcommands([](const CLI::App*) { return true; });
  if (known.empty()) return error.what();
  if (depth < words.size() && !words[depth].starts_with('-')) {
    return "there is no command '" + (name.empty() ? "" : name + " ") + words[depth] + "'";
  }
  std::string list;
  for (const CLI::App* one : known) list += (list.empty() ? "" : ", ") + one->get_name();
  return (name.empty() ? std::string("a command") : "a command after '" + name + "'") +
         " is missing: one of " + list;
}

int run(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  CLI::App program{"Sluice drains a PostgreSQL outbox through handlers in plugins.", "sluice"};
  program.require_subcommand(1);
  GlobalOptions options;
  int code = ExitCode::ok;
  const Command top(program);
  add_init(top, options, code);
  add_enqueue(top, options, code);
  add_drain(top, options, code);
  add_run(top, options, code);
  add_reload(top, options, code);
  add_status(top, options, code);
  add_jobs(top, options, code);
  add_health(top, options, code);
  add_plugin(top, options, code);
  add_config(top, options, code);
  add_completion(top, code);
  add_version(top, code);
  program.footer(
      "Exit codes: 0 good, 1 what was asked for failed, 2 wrong usage or configuration.\n"
      "`sluice COMMAND --help` shows the options of a command, with examples.");
  // After the commands, which would take it over.
  program.formatter_fn(
      [top](const CLI::App*, const std::string&, CLI::AppFormatMode) { return program_help(top.text()); });
  const std::vector<std::string> words(argv + 1, argv + argc);
  program.failure_message([words](const CLI::App* app, const CLI::Error& error) {
    return "sluice: " + mistake(*app, words, error) +
           "\nRun `sluice --help`, or `sluice COMMAND --help`, for what it takes.\n";
  });
  return parse(program, argc, argv, code);
}

}  // namespace

}  // namespace sluice::cli

int main(int argc, char** argv) {
  return sluice::cli::run(argc, argv);
}
