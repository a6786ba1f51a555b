#include "cli/options.hpp"

#include <CLI/CLI.hpp>
#include <optional>
#include <utility>
#include <vector>

namespace sluice::cli {

const Option& Option::required() const {
  option_.required();
  return *this;
}

const Option& Option::take_all() const {
  option_.take_all();
  return *this;
}

const Option& Option::positive() const {
  option_.check(CLI::PositiveNumber);
  return *this;
}

const Option& Option::between(int low, int high) const {
  option_.check(CLI::Range(low, high));
  return *this;
}

Command Command::add_subcommand(const std::string& name, const std::string& description) const {
  return Command(*app_.add_subcommand(name, description));
}

void Command::require_subcommand() const {
  app_.require_subcommand(1);
}

template <class Value>
Option Command::add_option(const std::string& name, Value& value, const std::string& description) const {
  return Option(*app_.add_option(name, value, description));
}

template Option Command::add_option(const std::string&, std::string&, const std::string&) const;
template Option Command::add_option(const std::string&, std::vector<std::string>&, const std::string&) const;
template Option Command::add_option(const std::string&, std::optional<std::string>&,
                                    const std::string&) const;
template Option Command::add_option(const std::string&, std::size_t&, const std::string&) const;
template Option Command::add_option(const std::string&, int&, const std::string&) const;
template Option Command::add_option(const std::string&, long&, const std::string&) const;

Option Command::add_flag(const std::string& name, bool& value, const std::string& description) const {
  return Option(*app_.add_flag(name, value, description));
}

void Command::callback(std::function<void()> run) const {
  app_.callback(std::move(run));
}

void Command::footer(const std::string& text) const {
  app_.footer(text);
}

}  // namespace sluice::cli
