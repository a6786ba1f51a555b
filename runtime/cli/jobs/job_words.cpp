// Words about jobs that several commands print.
#include <algorithm>
#include <cmath>
#include <iostream>

#include "base/duration.hpp"
#include "base/harmless.hpp"
#include "base/text.hpp"
#include "cli/jobs/jobs.hpp"

namespace sluice::cli {

namespace {

std::string since(double seconds) {
  return std::isfinite(seconds)
             ? base::format_duration(std::chrono::microseconds(std::llround(seconds * 1e6)))
             : "ever";
}

std::string holder_of(const store::JobState& state) {
  return state.holder ? name(*state.holder) : std::string("a runtime");
}

std::string why_not(const Verb& verb, const store::JobState& state) {
  switch (state.standing) {
    case store::Standing::missing:
      return "there is no such job";
    case store::Standing::pending:
      return "it is already pending";
    case store::Standing::planned:
      return "it is scheduled for later";
    case store::Standing::failed:
      return "it has failed and will not be retried automatically";
    case store::Standing::done:
      return "it is done";
    case store::Standing::running:
      return holder_of(state) + " is running it" +
             (std::string(verb.present) == "cancel" ? "" : "; sluice jobs cancel asks the job to stop");
    case store::Standing::lost:
      return holder_of(state) + " had the job and is lost; try again";
    case store::Standing::foreign:
      return "it has been processing for " + since(state.since_update) +
             ", and no Sluice runtime has it. Another program may be working on it. After 10 minutes it "
             "counts as stuck";
    case store::Standing::stuck:
      return "it is stuck, but was changed meanwhile; try again";
    case store::Standing::other:
      break;
  }
  return "its status '" + base::harmless(state.status) + "' is not a Sluice status";
}

void print_changed(const Verb& verb, const store::Changed& one) {
  const std::string id = base::harmless(one.id);
  if (one.changed) {
    std::cout << id << " " << verb.past << "\n";
  } else if (one.requested) {
    std::cout << id << ": asked " << holder_of(one.state) << " to stop it\n";
  } else {
    std::cerr << id << " was not " << verb.past << ": " << why_not(verb, one.state) << "\n";
  }
}

void print_changed(JsonWriter& writer, const Verb& verb, const store::Changed& one) {
  writer.StartObject();
  member(writer, "id", one.id);
  member(writer, verb.past, one.changed);
  if (one.requested) member(writer, "requested", true);
  if (!one.changed && !one.requested) member(writer, "reason", why_not(verb, one.state));
  writer.EndObject();
}

}  // namespace

std::string ago(const store::Moment& moment) {
  if (!std::isfinite(moment.age)) return moment.age > 0 ? "-infinity" : "infinity";
  return moment.age < 0 ? "in " + since(-moment.age) : since(moment.age) + " ago";
}

std::string one_line(const std::string& text, std::size_t limit) {
  return base::harmless(base::shortened(text, limit));
}

std::string name(const store::Holder& holder) {
  return "runtime " + std::to_string(holder.id) + " (process " + std::to_string(holder.pid) + " on " +
         one_line(holder.host, 100) + ")";
}

void member(JsonWriter& writer, const char* key, const store::Moment& moment) {
  if (!moment.iso.empty()) return member(writer, key, moment.iso);
  writer.Key(key);
  writer.Null();
}

int report(const Verb& verb, const std::vector<store::Changed>& changed, bool json) {
  bool all = true;
  for (const auto& one : changed) all = all && (one.changed || one.requested);
  if (json) {
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartArray();
    for (const auto& one : changed) print_changed(writer, verb, one);
    writer.EndArray();
    std::cout << buffer.GetString() << "\n";
  } else {
    for (const auto& one : changed) print_changed(verb, one);
  }
  return all ? ExitCode::ok : ExitCode::failed;
}

}  // namespace sluice::cli
