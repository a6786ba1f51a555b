#include "world/trace.hpp"

#include <cstdio>

#include "fibers/scheduler.hpp"

namespace sluice::sim {

Trace& Trace::present() {
  static Trace trace;
  return trace;
}

void Trace::digest(std::string_view text) {
  for (const char c : text) digest_ = (digest_ ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
}

std::string Trace::without_hidden(std::string text) const {
  if (hidden.empty()) return text;
  for (auto at = text.find(hidden); at != std::string::npos; at = text.find(hidden))
    text.erase(at, hidden.size());
  return text;
}

void Trace::add(std::string_view event, const std::vector<log::Field>& all_fields) {
  ++events_;
  const std::string what = without_hidden(std::string(event));
  std::vector<log::Field> fields = all_fields;
  for (log::Field& field : fields) field.value = without_hidden(std::move(field.value));
  const Time now = sched().now();
  digest(std::to_string(now.count()));
  digest(what);
  for (const log::Field& field : fields) {
    digest(field.key);
    digest(field.value);
  }
  if (!prints) return;
  std::string line;
  for (const log::Field& field : fields) line += " " + field.key + "=" + field.value;
  const double seconds = std::chrono::duration<double>(now - std::chrono::hours(1000)).count();
  std::printf("%12.6f %-12s %.*s%s\n", seconds, sched().current_process().name().c_str(),
              static_cast<int>(what.size()), what.data(), line.c_str());
  if (!until.empty() && (what + line).find(until) != std::string::npos) prints = false;
}

void Trace::mark(std::string_view name) {
  const auto found = marks_.find(name);
  if (found == marks_.end()) {
    marks_.emplace(name, 1);
  } else {
    ++found->second;
  }
}

}  // namespace sluice::sim
