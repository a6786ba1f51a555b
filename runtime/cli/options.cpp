#include "cli/options.hpp"

#include <CLI/CLI.hpp>
#include <optional>
#include <utility>
#include <vector>

namespace sluice::cli {

namespace {

/// The value's name in help, without CLI11's own type names and bounds.
std::string value_name(const CLI::Option& option) {
  std::string name = option.get_type_name();
  name = name.substr(0, name.find(':'));
  return name == "INT" || name == "UINT" ? "N" : name;
}

OptionText describe(const CLI::Option& option) {
  OptionText text;
  text.positional = option.get_positional();
  text.name =
      option.get_lnames().empty() ? option.get_name(text.positional) : "--" + option.get_lnames().front();
  text.value = option.get_items_expected_max() == 0 ? "" : value_name(option);
  text.description = option.get_description();
  text.required = option.get_required();
  text.repeatable = option.get_items_expected_max() > 1;
  return text;
}

CommandText describe(const CLI::App& app, const std::string& path) {
  CommandText text;
  text.path = path;
  text.description = app.get_description();
  text.footer = app.get_footer();
  for (const CLI::Option* option : app.get_options()) text.options.push_back(describe(*option));
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty())
      text.commands.push_back(describe(*command, path + " " + command->get_name()));
  }
  return text;
}

}  // namespace

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

const Option& Option::takes(const std::string& what) const {
  option_.type_name(what);
  return *this;
}

Command Command::add_subcommand(const std::string& name, const std::string& description) const {
  return Command(*app_.add_subcommand(name, description));
}

Command Command::add_hidden_subcommand(const std::string& name, const std::string& description) const {
  const Command command = add_subcommand(name, description);
  command.app_.group("");
  return command;
}

CommandText Command::text() const {
  return describe(app_, app_.get_name());
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
