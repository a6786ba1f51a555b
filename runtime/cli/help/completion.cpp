// sluice completion prints a script for a shell. sluice manual writes the manual pages and these scripts, for
// packages.
#include <filesystem>
#include <fstream>
#include <iostream>

#include "cli/command.hpp"
#include "cli/help/command_text.hpp"
#include "cli/help/manual.hpp"

namespace sluice::cli {

namespace {

int completion(const Command& program, const std::string& shell) {
  const CommandText text = program.text();
  if (shell == "bash") {
    std::cout << bash_completion(text);
  } else if (shell == "zsh") {
    std::cout << zsh_completion(text);
  } else if (shell == "fish") {
    std::cout << fish_completion(text);
  } else {
    throw base::UsageError("unknown shell '" + shell + "'; there are completions for bash, zsh and fish");
  }
  return ExitCode::ok;
}

void write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  if (!file.flush())
    throw std::runtime_error("writing '" + path + "' failed; check the directory and the disk");
}

int manual(const Command& program, const std::string& directory, const std::string& date) {
  std::filesystem::create_directories(directory);
  const CommandText text = program.text();
  for (const auto& [name, page] : manual_pages(text, date)) write(directory + "/" + name, page);
  write(directory + "/sluice.bash", bash_completion(text));
  write(directory + "/_sluice", zsh_completion(text));
  write(directory + "/sluice.fish", fish_completion(text));
  return ExitCode::ok;
}

}  // namespace

void add_completion(const Command& program, int& code) {
  static std::string shell, directory, date;
  const Command command = program.add_subcommand("completion", "Print the completions for a shell");
  command.add_option("SHELL", shell, "bash, zsh or fish").required().takes("bash|zsh|fish");
  add_examples(command,
               "  source <(sluice completion bash)\n"
               "  sluice completion fish >~/.config/fish/completions/sluice.fish");
  command.callback([program, &code] { code = completion(program, shell); });

  const Command pages =
      program.add_hidden_subcommand("manual", "Write manual pages and completions into a directory");
  pages.add_option("DIR", directory, "The directory, created if it is missing").required();
  pages.add_option("--date", date, "The date in the pages, such as 2026-01-31").required();
  pages.callback([program, &code] { code = manual(program, directory, date); });
}

}  // namespace sluice::cli
