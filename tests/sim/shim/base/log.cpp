// The log of the simulated runtimes: each line is an event of the trace.
#include "base/log.hpp"

#include "world/trace.hpp"

namespace sluice::log {

Field Field::of_json(std::string_view key, std::string_view value) {
  Field field(key, value);
  field.json = true;
  return field;
}

void configure(Level, Format) {}

bool enabled(Level level) {
  return level >= Level::debug;
}

void identify(const std::vector<Field>&) {}

void write(Level level, std::string_view message, const std::vector<Field>& fields) {
  if (!enabled(level)) return;
  sim::trace(std::string(level_names.at(static_cast<std::size_t>(level))) + ": " + std::string(message),
             fields);
  if (const auto& reader = sim::Trace::present().reader) reader(message, fields);
}

}  // namespace sluice::log
