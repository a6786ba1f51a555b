// The program: adds all commands and runs the one that is named.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "base/harmless.hpp"
#include "base/memory.hpp"
#include "cli/command.hpp"
#include "cli/text/nearest.hpp"
#include "config/config.hpp"

namespace sluice::cli {

namespace {

int parse(CLI::App& program, std::vector<std::string> words, const int& code) {
  try {
    std::reverse(words.begin(), words.end());  // CLI11 takes them in reverse
    program.parse(std::move(words));
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

/// The command that the words name, as far as they are known.
struct Reached {
  const CLI::App* command;
  std::string name;       ///< without the program's: "jobs list"
  std::size_t depth = 0;  ///< the number of words in `name`
};

Reached reached(const CLI::App& program) {
  Reached at{&program, "", 0};
  while (!at.command->get_subcommands().empty()) {
    at.command = at.command->get_subcommands().front();
    at.name += (at.name.empty() ? "" : " ") + at.command->get_name();
    ++at.depth;
  }
  return at;
}

std::vector<const CLI::App*> commands_of(const CLI::App& command) {
  return command.get_subcommands([](const CLI::App* one) { return !one->get_group().empty(); });
}

std::string guess(const std::string& word, const std::vector<std::string>& known) {
  const std::string meant = nearest(word, known);
  return meant.empty() ? "" : "; did you mean '" + meant + "'?";
}

/// A sentence about the first word that looks like an option but is unknown to the command, with a
/// suggestion.
std::string unknown_option(const CLI::App& command, const std::string& name,
                           const std::vector<std::string>& words) {
  std::vector<std::string> known;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& one : option->get_lnames()) known.push_back("--" + one);
  }
  for (const std::string& word : words) {
    if (word == "--") break;
    const std::string option = word.substr(0, word.find('='));
    if (!option.starts_with("-") || option.size() < 2 || command.get_option_no_throw(option) != nullptr)
      continue;
    return "unknown option '" + option + "' for 'sluice" + (name.empty() ? "" : " " + name) + "'" +
           guess(option, known);
  }
  return "";
}

std::string next_steps() {
  return "\nOn a new machine, begin with:\n"
         "  export DATABASE_URL=postgresql://user:password@host/database\n"
         "  sluice init    # create what Sluice needs in that database\n"
         "  sluice run     # run jobs as they arrive; `sluice drain` runs the waiting jobs, then exits";
}

/// The mistake: an unknown option, an unknown command, a missing command, or what CLI11 found.
std::string mistake(const Reached& at, const std::vector<std::string>& words, const CLI::Error& error) {
  const auto known = commands_of(*at.command);
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError) || !known.empty()) {
    std::string option = unknown_option(*at.command, at.name, words);
    if (!option.empty()) return option;
  }
  if (known.empty()) return error.what();
  std::string list;
  std::vector<std::string> names;
  for (const CLI::App* one : known) {
    list += (list.empty() ? "" : ", ") + one->get_name();
    names.push_back(one->get_name());
  }
  if (at.depth < words.size() && !words[at.depth].starts_with('-')) {
    const std::string guessed = guess(words[at.depth], names);
    return "unknown command '" + (at.name.empty() ? "" : at.name + " ") + words[at.depth] + "'" + guessed +
           (guessed.empty() ? "; known here: " : " Known here: ") + list;
  }
  return "missing command" + (at.name.empty() ? "" : " after '" + at.name + "'") + ", expected one of " +
         list + (words.empty() ? "\n" + next_steps() + "\n" : "");
}

/// `help jobs list` is `jobs list --help`.
std::vector<std::string> without_help(std::vector<std::string> words) {
  if (words.empty() || words.front() != "help") return words;
  words.erase(words.begin());
  words.emplace_back("--help");
  return words;
}

int run(int argc, char** argv) {
  for (const int number : {SIGPIPE, SIGUSR1, SIGUSR2}) signal(number, SIG_IGN);
  CLI::App program{"Sluice drains a PostgreSQL outbox through handlers in plugins.", "sluice"};
  program.require_subcommand(1);
  program.set_version_flag("-V,--version", version_text(),
                           "Print the versions of sluice and of the plugin ABI");
  GlobalOptions options;
  int code = ExitCode::ok;
  const Command top(program);
  add_init(top, options, code);
  add_enqueue(top, options, code);
  add_drain(top, options, code);
  add_run(top, options, code);
  add_dashboard(top, options, code);
  add_reload(top, options, code);
  add_status(top, options, code);
  add_why(top, options, code);
  add_jobs(top, options, code);
  add_webhooks(top, options, code);
  add_health(top, options, code);
  add_mcp(top, options, code);
  add_plugin(top, options, code);
  add_config(top, options, code);
  add_completion(top, code);
  add_version(top, code);
  program.footer(
      "Exit codes: 0 success, 1 the action failed, 2 wrong usage or configuration.\n"
      "`sluice COMMAND --help` shows the options of a command, with examples.");
  // Set after the commands are added, because they would inherit it.
  program.formatter_fn(
      [top](const CLI::App*, const std::string&, CLI::AppFormatMode) { return program_help(top.text()); });
  const std::vector<std::string> words = without_help({argv + 1, argv + argc});
  program.failure_message([words](const CLI::App* app, const CLI::Error& error) {
    const Reached at = reached(*app);
    return "sluice: " + mistake(at, words, error) + "\nRun `sluice " +
           (at.name.empty() ? "" : at.name + " ") + "--help` for its usage.\n";
  });
  return parse(program, words, code);
}

}  // namespace

}  // namespace sluice::cli

int main(int argc, char** argv) {
  sluice::base::keep_freed_memory();
  return sluice::cli::run(argc, argv);
}
