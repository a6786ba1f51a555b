// The commands and their options in words: what --help, the completions and the manual pages are made of.
// Values.
#pragma once

#include <string>
#include <vector>

namespace sluice::cli {

struct OptionText {
  std::string name;   ///< "--limit"; of a positional, "ID"
  std::string value;  ///< what it takes: "N", "FILE", "DIR", or choices, "auto|human|json"; empty: a flag
  std::string description;
  bool positional = false;
  bool required = false;
  bool repeatable = false;

  /// The choices; empty where it takes anything.
  std::vector<std::string> choices() const;
};

struct CommandText {
  std::string path;  ///< "sluice jobs list"
  std::string description;
  std::string footer;  ///< "Examples:", a line each
  std::vector<OptionText> options;
  std::vector<CommandText> commands;

  /// The last word of the path.
  std::string name() const;
};

/// The commands that do something, in order: those without commands of their own.
std::vector<const CommandText*> leaves(const CommandText& command);
/// Every command, the program first.
std::vector<const CommandText*> all(const CommandText& command);

/// `description` on one line of at most `width` characters: cut where a thought ends, if it has to be.
std::string brief(const std::string& description, std::size_t width);

/// The help of the program: every command on one page, by who needs it.
std::string program_help(const CommandText& program);

std::string bash_completion(const CommandText& program);
std::string zsh_completion(const CommandText& program);
std::string fish_completion(const CommandText& program);

}  // namespace sluice::cli
