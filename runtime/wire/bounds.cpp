#include "wire/bounds.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/text.hpp"

namespace sluice::wire {

namespace {

void cut(std::string& text, std::size_t limit) {
  text = base::valid_utf8(base::shortened(text, limit));
}

/// The approximate size of its frame.
std::size_t size_of(const job::Outcome& outcome) {
  std::size_t size =
      outcome.code.size() + outcome.error.size() + outcome.output.size() + outcome.log_tail.size();
  for (const job::FollowUp& job : outcome.follow_ups)
    size += job.type.size() + job.payload.size() + job.unique_key.size() + 32;
  for (const job::Effect& effect : outcome.effects) {
    size += effect.sql.size() + 16;
    for (const auto& parameter : effect.parameters) size += 8 + (parameter ? parameter->size() : 0);
  }
  return size;
}

}  // namespace

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
  job::Outcome outcome;
  outcome.result = job::Result::fail;
  outcome.code = "too-large";
  outcome.error = std::string("the handler returned done, but ") + what + " takes " + byte_words(bytes) +
                  ", and the limit is " + byte_words(limit) +
                  "; store large data elsewhere, and pass a reference to it";
  return outcome;
}

void keep_bounds(job::Outcome& outcome) {
  cut(outcome.code, longest_code);
  cut(outcome.error, longest_error);
  cut(outcome.log_tail, longest_tail);
  constexpr std::size_t room_for_the_rest = 64 * 1024;
  const std::size_t size = size_of(outcome);
  job::Outcome refused;
  if (outcome.output.size() > longest_output) {
    refused = too_large("its output", outcome.output.size(), longest_output);
  } else if (size > longest_plugin_frame - room_for_the_rest) {
    refused = too_large("what it requests (follow-up jobs and effects)", size,
                        longest_plugin_frame - room_for_the_rest);
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
  }
}

}  // namespace sluice::wire
