// Commands and their options, which CLI11 parses. Its header takes seconds to compile, so only options.cpp
// and main.cpp include it.
#pragma once

#include <functional>
#include <string>

#include "cli/help/command_text.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace sluice::cli {

class Option {
 public:
  explicit Option(CLI::Option& option) : option_(option) {}

  const Option& required() const;
  /// May be given several times; all values count.
  const Option& take_all() const;
  /// Takes numbers from 1.
  const Option& positive() const;
  const Option& between(int low, int high) const;
  /// The value's name in help and completions: "N", "FILE", "DIR", or the choices, "auto|human|json".
  const Option& takes(const std::string& what) const;

 private:
  CLI::Option& option_;
};

/// A command of the program, or the program itself.
class Command {
 public:
  explicit Command(CLI::App& app) : app_(app) {}

  Command add_subcommand(const std::string& name, const std::string& description) const;
  /// A command that is left out of help and completions.
  Command add_hidden_subcommand(const std::string& name, const std::string& description) const;
  /// One of the subcommands must be given.
  void require_subcommand() const;
  /// `--name`, or a positional NAME. `value` must outlive the parsing.
  template <class Value>
  Option add_option(const std::string& name, Value& value, const std::string& description) const;
  Option add_flag(const std::string& name, bool& value, const std::string& description) const;
  void callback(std::function<void()> run) const;
  /// The last lines of its help.
  void footer(const std::string& text) const;
  /// The command's words, with those of its subcommands.
  CommandText text() const;

 private:
  CLI::App& app_;
};

}  // namespace sluice::cli
