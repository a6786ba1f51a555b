#include "engine/care/type_limits.hpp"

#include "base/json_writer.hpp"

namespace sluice::engine {

using base::member;

namespace {

double seconds(std::chrono::microseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

/// A limit of zero is none.
void limit_member(base::JsonWriter& writer, const char* key,
                  const std::vector<std::chrono::microseconds>& limits, std::size_t index) {
  if (index < limits.size() && limits[index].count() > 0) member(writer, key, seconds(limits[index]));
}

}  // namespace

std::string limits_of(const fleet::Plugin& plugin, std::size_t index, const job::RetryPolicy& policy,
                      int concurrency) {
  rapidjson::StringBuffer buffer;
  base::JsonWriter writer(buffer);
  writer.StartObject();
  member(writer, "max_attempts", policy.max_attempts);
  member(writer, "backoff_first_seconds", seconds(policy.backoff_first));
  member(writer, "backoff_cap_seconds", seconds(policy.backoff_cap));
  if (policy.at_most_once) member(writer, "at_most_once", true);
  limit_member(writer, "timeout_seconds", plugin.settings.limits, index);
  limit_member(writer, "cpu_limit_seconds", plugin.settings.cpu_limits, index);
  if (concurrency > 0) member(writer, "concurrency", concurrency);
  member(writer, "processes", plugin.settings.processes);
  member(writer, "slots", plugin.settings.slots);
  member(writer, "of_each_host", fleet::limit_words(plugin.settings));
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

std::string figures_of(const std::vector<fleet::HostFigures>& hosts) {
  rapidjson::StringBuffer buffer;
  base::JsonWriter writer(buffer);
  writer.StartArray();
  for (const fleet::HostFigures& host : hosts) {
    writer.StartObject();
    member(writer, "pid", static_cast<int>(host.pid));
    member(writer, "state", host.state);
    member(writer, "version", host.version);
    if (host.age > 0) member(writer, "age_seconds", host.age);
    member(writer, "cpu_seconds", host.cpu_seconds);
    member(writer, "resident_bytes", host.resident_bytes);
    writer.EndObject();
  }
  writer.EndArray();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace sluice::engine
