// The report of sluice plugin run, for people and as JSON.
#include <algorithm>
#include <iostream>
#include <numeric>

#include "base/duration.hpp"
#include "base/harmless.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "cli/plugin/plugin_run.hpp"
#include "cli/text/json.hpp"

namespace sluice::cli {

namespace {

struct Times {
  std::chrono::microseconds mean{0};
  std::chrono::microseconds least{0};
  std::chrono::microseconds most{0};
};

Times times_of(const std::vector<std::chrono::microseconds>& all) {
  if (all.empty()) return {};
  const auto [least, most] = std::minmax_element(all.begin(), all.end());
  const auto sum = std::accumulate(all.begin(), all.end(), std::chrono::microseconds(0));
  return {sum / static_cast<std::int64_t>(all.size()), *least, *most};
}

double seconds(std::chrono::microseconds duration) {
  return static_cast<double>(duration.count()) / 1e6;
}

std::string counted(std::size_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

/// What a runtime would write. A job that returns cancelled because it was asked to stop is given back.
job::Settlement settlement_of(const Performed& performed, const job::RetryPolicy& policy) {
  job::Outcome outcome = performed.outcome;
  if (performed.asked_to_stop && outcome.result == job::Result::cancelled)
    outcome.result = job::Result::released;
  return job::settle(performed.job, outcome, policy, 0.5);
}

std::string after_failure(const Performed& performed, const job::Settlement& settlement) {
  const std::string attempt =
      std::to_string(performed.job.attempt) + " of " + std::to_string(performed.job.max_attempts);
  if (settlement.delay) {
    return "error, retried in " + base::format_duration(*settlement.delay) +
           (performed.outcome.delay ? ", as the handler requested" : " ± 20 %, the type's backoff") +
           "; this was attempt " + attempt;
  }
  if (performed.outcome.result == job::Result::fail)
    return "error for good: only `sluice jobs retry` retries it";
  if (performed.job.attempt >= performed.job.max_attempts)
    return "error for good: this was attempt " + attempt + ", the last";
  return "error for good: its type runs at most once";
}

std::string committed_with(const job::Outcome& outcome) {
  std::string things;
  if (!outcome.follow_ups.empty()) things = counted(outcome.follow_ups.size(), "follow-up job");
  if (!outcome.effects.empty())
    things += (things.empty() ? "" : " and ") + counted(outcome.effects.size(), "effect");
  return things.empty() ? "" : ", with " + things + " in the same transaction";
}

std::string next_step(const Performed& performed, const job::RetryPolicy& policy) {
  const job::Settlement settlement = settlement_of(performed, policy);
  switch (settlement.status) {
    case job::Status::done:
      return "done" + committed_with(performed.outcome);
    case job::Status::scheduled:
      return "scheduled, run again in " + base::format_duration(*settlement.delay) +
             "; this attempt is not counted";
    case job::Status::pending:
      return "pending again at once, if it was asked to stop because the runtime stops; this attempt is not "
             "counted";
    default:
      return after_failure(performed, settlement);
  }
}

void line(const std::string& label, const std::string& value) {
  std::cout << "  " << label << std::string(label.size() < 11 ? 11 - label.size() : 1, ' ')
            << base::harmless(value) << "\n";
}
void line_if(const std::string& label, const std::string& value) {
  if (!value.empty()) line(label, base::shortened(value, 4000));
}

std::string described(const job::FollowUp& job) {
  return job.type + " " + base::shortened(job.payload, 1000) +
         (job.delay.count() > 0 ? ", in " + base::format_duration(job.delay) : "") +
         (job.unique_key.empty() ? "" : ", unique as '" + job.unique_key + "'");
}

std::string described(const job::Effect& effect) {
  std::string text = base::shortened(effect.sql, 1000);
  for (std::size_t i = 0; i < effect.parameters.size(); ++i) {
    const auto& value = effect.parameters[i];
    text += std::string(i == 0 ? "  with $" : ", $") + std::to_string(i + 1) + " = " +
            (value ? base::json_quote(base::shortened(*value, 200)) : "NULL");
  }
  return text;
}

void print_times(const RunReport& report) {
  const Times times = times_of(report.times);
  if (report.times.size() == 1) return line("time", base::format_duration(times.mean));
  if (report.times.empty()) return;
  line("time", base::format_duration(times.mean) + " on average, " + base::format_duration(times.least) +
                   " to " + base::format_duration(times.most) + " over " +
                   counted(report.times.size(), "job"));
}

void write_log(JsonWriter& writer, const std::vector<wire::LogLine>& log) {
  writer.Key("log");
  writer.StartArray();
  for (const wire::LogLine& one : log) {
    writer.StartObject();
    member(writer, "level",
           std::string(log::level_names.at(static_cast<std::size_t>(std::clamp(one.level, 0, 4)))));
    member(writer, "message", one.message);
    writer.Key("fields");
    writer.StartObject();
    for (const auto& field : one.fields) {
      writer.Key(field.key.c_str());
      if (field.json) {
        writer.RawValue(field.value.data(), field.value.size(), rapidjson::kStringType);
      } else {
        writer.String(field.value.c_str(), static_cast<rapidjson::SizeType>(field.value.size()));
      }
    }
    writer.EndObject();
    writer.EndObject();
  }
  writer.EndArray();
}

void write_wishes(JsonWriter& writer, const job::Outcome& outcome) {
  writer.Key("follow_ups");
  writer.StartArray();
  for (const job::FollowUp& job : outcome.follow_ups) {
    writer.StartObject();
    member(writer, "type", job.type);
    member(writer, "payload", job.payload);
    member(writer, "delay_seconds", seconds(job.delay));
    if (!job.unique_key.empty()) member(writer, "unique_key", job.unique_key);
    writer.EndObject();
  }
  writer.EndArray();
  writer.Key("effects");
  writer.StartArray();
  for (const job::Effect& effect : outcome.effects) {
    writer.StartObject();
    member(writer, "sql", effect.sql);
    writer.Key("parameters");
    writer.StartArray();
    for (const auto& value : effect.parameters) {
      if (value) {
        writer.String(value->c_str(), static_cast<rapidjson::SizeType>(value->size()));
      } else {
        writer.Null();
      }
    }
    writer.EndArray();
    writer.EndObject();
  }
  writer.EndArray();
}

void write_outcome(JsonWriter& writer, const Performed& shown) {
  member(writer, "outcome", std::string(job::name(shown.outcome.result)));
  if (!shown.outcome.code.empty()) member(writer, "code", shown.outcome.code);
  if (!shown.outcome.error.empty()) member(writer, "error", shown.outcome.error);
  if (shown.outcome.delay) member(writer, "delay_seconds", seconds(*shown.outcome.delay));
  if (!shown.outcome.output.empty()) {
    writer.Key("output");
    writer.RawValue(shown.outcome.output.data(), shown.outcome.output.size(), rapidjson::kObjectType);
  }
}

void write_next(JsonWriter& writer, const RunReport& report) {
  const job::Settlement settlement = settlement_of(report.shown, report.policy);
  writer.Key("next");
  writer.StartObject();
  member(writer, "status", std::string(job::name(settlement.status)));
  if (settlement.delay) member(writer, "delay_seconds", seconds(*settlement.delay));
  member(writer, "attempt_counts", !settlement.refund);
  member(writer, "words", next_step(report.shown, report.policy));
  writer.EndObject();
}

}  // namespace

bool RunReport::all_done() const {
  return outcomes.size() == 1 && outcomes.begin()->first == job::name(job::Result::done);
}

void print_run(const RunReport& report) {
  const job::Outcome& outcome = report.shown.outcome;
  line("outcome", std::string(job::name(outcome.result)));
  line_if("code", outcome.code);
  line_if("error", outcome.error);
  if (outcome.delay) line("delay", base::format_duration(*outcome.delay));
  line_if("output", outcome.output);
  for (const job::FollowUp& job : outcome.follow_ups) line("follow-up", described(job));
  for (const job::Effect& effect : outcome.effects) line("effect", described(effect));
  if (!outcome.effects.empty() && !report.role_granted) {
    line("note", "this plugin has no role, so a runtime would not allow it effects; set role under [plugin." +
                     report.plugin + "]");
  }
  line("next", next_step(report.shown, report.policy));
  if (outcome.result == job::Result::crashed && !report.shown.asked_to_stop)
    line("debugger", report.debugger);
  print_times(report);
  if (report.times.size() < 2) return;
  std::string counts;
  for (const auto& [result, count] : report.outcomes)
    counts += (counts.empty() ? "" : ", ") + std::to_string(count) + " " + result;
  line("outcomes",
       counts + (report.all_done() ? "; the last one is shown" : "; the first that was not done is shown"));
}

namespace {

/// Its progress, and what it printed.
void write_output(JsonWriter& writer, const Performed& shown) {
  writer.Key("progress");
  writer.StartArray();
  for (const wire::Progress& progress : shown.progress) {
    writer.StartObject();
    member(writer, "fraction", progress.fraction);
    member(writer, "note", progress.note);
    writer.EndObject();
  }
  writer.EndArray();
  writer.Key("printed");
  writer.StartArray();
  for (const std::string& text : shown.printed) writer.String(base::valid_utf8(text).c_str());
  writer.EndArray();
}

/// The outcomes and times of all runs.
void write_summary(JsonWriter& writer, const RunReport& report) {
  writer.Key("outcomes");
  writer.StartObject();
  for (const auto& [result, count] : report.outcomes) member(writer, result.c_str(), count);
  writer.EndObject();
  const Times times = times_of(report.times);
  writer.Key("time_seconds");
  writer.StartObject();
  member(writer, "mean", seconds(times.mean));
  member(writer, "min", seconds(times.least));
  member(writer, "max", seconds(times.most));
  writer.EndObject();
}

}  // namespace

void print_run_json(const RunReport& report) {
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  const Performed& shown = report.shown;
  writer.StartObject();
  member(writer, "plugin", report.plugin);
  member(writer, "version", report.version);
  member(writer, "type", shown.job.type);
  member(writer, "attempt", shown.job.attempt);
  member(writer, "max_attempts", shown.job.max_attempts);
  write_outcome(writer, shown);
  write_wishes(writer, shown.outcome);
  write_next(writer, report);
  write_log(writer, shown.log);
  write_output(writer, shown);
  write_summary(writer, report);
  writer.EndObject();
  std::cout << buffer.GetString() << "\n";
}

}  // namespace sluice::cli
