// The runtime's log: lines for people on a terminal, else one JSON object a line; always to stderr.
// Configured once at start-up; any thread may write. Text from plugins and from the database can be passed
// unchanged: invalid UTF-8 is replaced, and line ends are escaped.
#pragma once

#include <array>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::log {

enum class Level { trace, debug, info, warn, error, off };
/// By their numbers, in the configuration, in lines and in reports.
inline constexpr std::array<std::string_view, 6> level_names{"trace", "debug", "info",
                                                             "warn",  "error", "off"};
enum class Format { automatic, human, json };

/// Chooses what is written and how; `automatic` is human on a terminal and json elsewhere.
void configure(Level level, Format format);
bool enabled(Level level);

/// One key and value of a line.
struct Field {
  Field(std::string_view name, std::string_view text) : key(name), value(text) {}
  Field(std::string_view name, const char* text) : key(name), value(text) {}
  Field(std::string_view name, const std::string& text) : key(name), value(text) {}
  Field(std::string_view name, long long number) : key(name), value(std::to_string(number)), json(true) {}
  Field(std::string_view name, unsigned long number) : key(name), value(std::to_string(number)), json(true) {}
  Field(std::string_view name, int number) : key(name), value(std::to_string(number)), json(true) {}
  /// `value` is one JSON value, written unchanged.
  static Field of_json(std::string_view key, std::string_view value);

  std::string key;
  std::string value;
  bool json = false;
};

void write(Level level, std::string_view message, const std::vector<Field>& fields = {});

/// Adds `fields` to the end of every JSON line from now on. They tell the runtimes apart in a common log.
void identify(const std::vector<Field>& fields);

inline void debug(std::string_view message, const std::vector<Field>& fields = {}) {
  write(Level::debug, message, fields);
}
inline void info(std::string_view message, const std::vector<Field>& fields = {}) {
  write(Level::info, message, fields);
}
inline void warn(std::string_view message, const std::vector<Field>& fields = {}) {
  write(Level::warn, message, fields);
}
inline void error(std::string_view message, const std::vector<Field>& fields = {}) {
  write(Level::error, message, fields);
}

/// The line as `write` would compose it, without its end: for tests.
std::string json_line(Level level, std::string_view message, const std::vector<Field>& fields,
                      std::string_view time);
std::string human_line(std::string_view message, const std::vector<Field>& fields);

}  // namespace sluice::log
