#include "wire/bounds.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>

#include "base/text.hpp"

namespace sluice::wire {

namespace {

/// The dashboard works with schemas in the runtime's process.
constexpr std::size_t deepest_schema = 1000;

void cut(std::string& text, std::size_t limit) {
  text = base::valid_utf8(base::shortened(text, limit));
}

job::Outcome failure(const char* code, const std::string& words) {
  job::Outcome outcome;
  outcome.result = job::Result::fail;
  outcome.code = code;
  outcome.error = words;
  return outcome;
}

/// The approximate size of its requests in its frame.
std::size_t size_of(const job::Outcome& outcome) {
  std::size_t size = 0;
  for (const job::FollowUp& job : outcome.follow_ups)
    size += job.type.size() + job.payload.size() + job.unique_key.size() + 32;
  for (const job::Effect& effect : outcome.effects) {
    size += effect.sql.size() + 16;
    for (const auto& parameter : effect.parameters) size += 8 + (parameter ? parameter->size() : 0);
  }
  return size;
}

bool consists_of(std::string_view name, std::string_view allowed, std::size_t longest) {
  return !name.empty() && name.size() <= longest && name.find_first_not_of(allowed) == std::string_view::npos;
}

/// Only a job that is done has an output and requests.
void drop_requests(job::Outcome& outcome) {
  outcome.output.clear();
  outcome.follow_ups.clear();
  outcome.effects.clear();
}

job::Microseconds bounded(job::Microseconds time) {
  constexpr job::Microseconds most = std::chrono::hours(24 * 366 * 100);
  return std::clamp(time, job::Microseconds(0), most);
}

/// A value that is valid JSON has line breaks only between its tokens.
void keep_on_one_line(LogLine::Field& field) {
  field.json = field.json && base::is_json(field.value);
  if (!field.json) return;
  for (char& byte : field.value) {
    if (byte == '\n' || byte == '\r' || byte == '\t') byte = ' ';
  }
}

/// A second field of such a name would hide the log's own from most readers.
void rename_reserved(std::string& key) {
  constexpr std::array reserved{"time", "level",   "message", "plugin", "job",
                                "type", "attempt", "stream",  "pid"};
  if (std::find(reserved.begin(), reserved.end(), key) != reserved.end()) key += '_';
}

void keep_bounds(job::TypeSpec& type) {
  if (!is_type_name(type.name)) throw Malformed("a job type of an impossible name");
  cut(type.summary, longest_words);
  for (const std::string* json : {&type.payload_schema, &type.payload_example}) {
    if (json->size() > longest_output) throw Malformed("a schema or an example that is too large");
    if (base::is_nested_deeper(*json, deepest_schema))
      throw Malformed("a schema or an example that is too deep");
  }
  type.max_attempts = std::max(0, type.max_attempts);
  type.concurrency = std::max(0, type.concurrency);
  for (auto* time : {&type.timeout, &type.backoff_first, &type.backoff_cap}) *time = bounded(*time);
  if (type.at_most_once && type.brief) throw Malformed("a job type that is both at most once and brief");
}

}  // namespace

bool is_plugin_name(std::string_view name) {
  return consists_of(name, "abcdefghijklmnopqrstuvwxyz0123456789-_", longest_plugin_name);
}

bool is_type_name(std::string_view name) {
  return consists_of(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:/",
                     longest_type_name);
}

std::string byte_words(std::size_t bytes) {
  constexpr std::array units{"bytes", "kB", "MB", "GB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < units.size(); ++unit) value /= 1000;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text.data();
}

job::Outcome too_large(const char* what, std::size_t bytes, std::size_t limit) {
  return failure("too-large", std::string("the handler returned done, but ") + what + " takes " +
                                  byte_words(bytes) + ", and the limit is " + byte_words(limit) +
                                  "; store large data elsewhere, and pass a reference to it");
}

job::Outcome too_large_requests(std::size_t bytes) {
  return failure("too-large",
                 "the handler requested follow-up jobs and effects of " + byte_words(bytes) +
                     " in all, and the limit is " + byte_words(most_request_bytes) +
                     ": nothing of it was done; store large data elsewhere, and pass a reference to it");
}

job::Outcome too_many_requests(std::size_t requests, std::size_t most) {
  return failure("too-many-effects",
                 "the handler requested " + std::to_string(requests) +
                     " follow-up jobs and effects or more, and effects_max allows " + std::to_string(most) +
                     ": nothing of it was done; let a follow-up job request the rest, or raise "
                     "effects_max");
}

void keep_bounds(job::Outcome& outcome) {
  cut(outcome.code, longest_code);
  cut(outcome.error, longest_error);
  cut(outcome.log_tail, longest_tail);
  outcome.duration = bounded(outcome.duration);
  if (outcome.delay) outcome.delay = bounded(*outcome.delay);
  if (outcome.result != job::Result::done) drop_requests(outcome);
  const std::size_t size = size_of(outcome);
  job::Outcome refused;
  if (outcome.output.size() > longest_output) {
    refused = too_large("its output", outcome.output.size(), longest_output);
  } else if (size > most_request_bytes) {
    refused = too_large_requests(size);
  } else {
    return;
  }
  refused.duration = outcome.duration;
  refused.log_tail = std::move(outcome.log_tail);
  outcome = std::move(refused);
}

void keep_bounds(LogLine& line) {
  std::size_t left = longest_log_text;
  const auto take = [&](std::string& text) {
    cut(text, left);
    left -= std::min(left, text.size());
  };
  take(line.message);
  if (line.fields.size() > most_log_fields) line.fields.resize(most_log_fields);
  for (LogLine::Field& field : line.fields) {
    const std::string whole = field.value;
    take(field.key);
    take(field.value);
    if (field.value != whole) field.json = false;
    keep_on_one_line(field);
    rename_reserved(field.key);
  }
}

void keep_bounds(job::PluginSpec& plugin) {
  if (!is_plugin_name(plugin.name)) throw Malformed("a plugin of an impossible name");
  for (auto* text :
       {&plugin.version, &plugin.vendor, &plugin.url, &plugin.license, &plugin.summary, &plugin.build_id})
    cut(*text, longest_words);
  if (plugin.config_schema.size() > longest_output) throw Malformed("a schema that is too large");
  if (base::is_nested_deeper(plugin.config_schema, deepest_schema))
    throw Malformed("a schema that is too deep");
  if (plugin.types.empty()) throw Malformed("a plugin without job types");
  std::set<std::string> names;
  for (job::TypeSpec& type : plugin.types) {
    keep_bounds(type);
    if (!names.insert(type.name).second) throw Malformed("a job type twice");
  }
}

}  // namespace sluice::wire
