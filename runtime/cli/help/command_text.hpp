// The commands and their options in words, for --help, the completions and the manual pages. Values.
#pragma once

#include <string>
#include <vector>

namespace sluice::cli {

struct OptionText {
  std::string name;   ///< "--limit"; for a positional, "ID"
  std::string value;  ///< the value's name: "N", "FILE", "DIR", or choices, "auto|human|json"; empty: a flag
  std::string description;
  bool positional = false;
  bool required = false;
  bool repeatable = false;

  /// The choices; empty if any value is allowed.
  std::vector<std::string> choices() const;
};

struct CommandText {
  std::string path;  ///< "sluice jobs list"
  std::string description;
  std::string footer;  ///< "Examples:" and one example per line
  std::vector<OptionText> options;
  std::vector<CommandText> commands;

  /// The last word of the path.
  std::string name() const;
};

/// The commands without subcommands, in order.
std::vector<const CommandText*> leaves(const CommandText& command);
/// Every command, the program first.
std::vector<const CommandText*> all(const CommandText& command);

/// `description` on one line of at most `width` characters, cut at a sentence, clause or word if it is
/// longer.
std::string brief(const std::string& description, std::size_t width);

/// The help of the program: every command on one page, grouped by audience.
std::string program_help(const CommandText& program);

std::string bash_completion(const CommandText& program);
std::string zsh_completion(const CommandText& program);
std::string fish_completion(const CommandText& program);

}  // namespace sluice::cli
