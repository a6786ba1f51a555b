// sluice status: what is in the outbox, what waits for which plugin, which runtimes are alive.
#include <cmath>
#include <iostream>
#include <map>

#include "base/duration.hpp"
#include "cli/command.hpp"
#include "cli/json.hpp"
#include "cli/table.hpp"
#include "store/connection_string.hpp"

namespace sluice::cli {

namespace {

constexpr std::size_t shown_failures = 5;

/// "createdAt" may be infinite.
std::string age(double seconds) {
  if (!std::isfinite(seconds)) return seconds > 0 ? "for ever" : "never";
  return base::format_duration(std::chrono::microseconds(std::llround(seconds * 1e6)));
}

/// In the order in which a job passes through them; what the application invented comes last.
std::vector<std::string> statuses(const store::Report& report) {
  std::vector<std::string> names{"pending", "scheduled", "processing", "done", "error"};
  for (const auto& count : report.counts) {
    if (std::find(names.begin(), names.end(), count.status) == names.end()) names.push_back(count.status);
  }
  return names;
}

void print_counts(const store::Report& report) {
  const std::vector<std::string> names = statuses(report);
  std::map<std::string, std::map<std::string, std::int64_t>> by_type;
  std::map<std::string, std::int64_t> totals;
  for (const auto& count : report.counts) {
    by_type[count.type][count.status] = count.count;
    totals[count.status] += count.count;
  }
  std::vector<std::vector<std::string>> rows{{"TYPE"}};
  std::vector<std::size_t> right;
  for (std::size_t i = 0; i < names.size(); ++i) {
    rows[0].push_back(names[i]);
    right.push_back(i + 1);
  }
  for (auto& [type, counts] : by_type) {
    rows.push_back({type});
    for (const std::string& status : names) rows.back().push_back(grouped(counts[status]));
  }
  rows.push_back({"all"});
  for (const std::string& status : names) rows.back().push_back(grouped(totals[status]));
  std::cout << table(rows, right);
}

std::string who_serves(const store::TypeReport& type) {
  if (type.served) return "plugin " + type.plugin + " " + type.plugin_version + ", running";
  if (type.plugin.empty()) return "no plugin has ever served it";
  return "plugin " + type.plugin + " " + type.plugin_version + ", not running now";
}

void print_waiting(const store::Report& report) {
  if (report.waiting.empty()) return;
  std::vector<std::vector<std::string>> rows{{"WAITING", "JOBS", "OLDEST", "FOR"}};
  for (const auto& type : report.waiting) {
    rows.push_back({type.type, grouped(type.pending), age(type.oldest_pending_age), who_serves(type)});
  }
  std::cout << "\n" << table(rows, {1, 2});
}

void print_runtimes(const store::Report& report) {
  std::cout << "\n";
  if (report.runtimes.empty()) {
    std::cout << "no runtime is alive: start one with `sluice run`, or drain with `sluice drain`\n";
    return;
  }
  std::vector<std::vector<std::string>> rows{
      {"RUNTIME", "COMMAND", "HOST", "PID", "VERSION", "UP", "LAST BEAT", "JOBS CLAIMED"}};
  for (const auto& runtime : report.runtimes) {
    rows.push_back({std::to_string(runtime.id), runtime.info.command, runtime.info.host,
                    std::to_string(runtime.info.pid), runtime.info.version, age(runtime.uptime),
                    age(runtime.since_beat) + " ago", grouped(runtime.claimed)});
  }
  std::cout << table(rows, {3, 5, 6, 7});
}

void print_failures(const std::vector<store::Failure>& failures) {
  if (failures.empty()) return;
  std::cout << "\nlast failures:\n";
  for (const auto& failure : failures) {
    std::cout << "  " << failure.type << " " << failure.id << ", attempt " << failure.attempt << ", "
              << failure.result << ": " << failure.error << "\n";
  }
}

template <class Rows, class Each>
void array(JsonWriter& writer, const char* key, const Rows& rows, Each each) {
  writer.Key(key);
  writer.StartArray();
  for (const auto& row : rows) {
    writer.StartObject();
    each(row);
    writer.EndObject();
  }
  writer.EndArray();
}

void print_json(const store::Report& report, const std::vector<store::Failure>& failures) {
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  array(writer, "counts", report.counts, [&](const store::StatusCount& row) {
    member(writer, "type", row.type);
    member(writer, "status", row.status);
    member(writer, "count", row.count);
  });
  array(writer, "waiting", report.waiting, [&](const store::TypeReport& row) {
    member(writer, "type", row.type);
    member(writer, "pending", row.pending);
    member(writer, "oldest_seconds", row.oldest_pending_age);
    member(writer, "plugin", row.plugin);
    member(writer, "plugin_version", row.plugin_version);
    member(writer, "served", row.served);
  });
  array(writer, "runtimes", report.runtimes, [&](const store::RuntimeReport& row) {
    member(writer, "id", row.id);
    member(writer, "command", row.info.command);
    member(writer, "host", row.info.host);
    member(writer, "pid", row.info.pid);
    member(writer, "version", row.info.version);
    member(writer, "uptime_seconds", row.uptime);
    member(writer, "seconds_since_beat", row.since_beat);
    member(writer, "claimed", row.claimed);
  });
  array(writer, "failures", failures, [&](const store::Failure& row) {
    member(writer, "id", row.id);
    member(writer, "type", row.type);
    member(writer, "attempt", row.attempt);
    member(writer, "result", row.result);
    member(writer, "code", row.code);
    member(writer, "error", row.error);
  });
  member(writer, "stuck", report.stuck);
  if (report.next_due >= 0) member(writer, "next_due_seconds", report.next_due);
  writer.EndObject();
  std::cout << buffer.GetString() << "\n";
}

int status(const GlobalOptions& global, bool json) {
  const base::Config config = global.resolve();
  const auto desk = open_store(config)->desk();
  desk->check_schema();
  const store::Report report = desk->report();
  const auto failures = desk->recent_failures(shown_failures);
  if (json) {
    print_json(report, failures);
    return ExitCode::ok;
  }
  std::cout << config.table << " in " << store::describe(config.database_url) << "\n\n";
  print_counts(report);
  print_waiting(report);
  if (report.next_due >= 0)
    std::cout << "\nthe next retry or delayed job is due in " << age(report.next_due) << "\n";
  if (report.stuck > 0) {
    std::cout << "\n"
              << grouped(report.stuck)
              << " jobs are stuck: processing for over 10 minutes, and no runtime of Sluice's has them\n";
  }
  print_runtimes(report);
  print_failures(failures);
  return ExitCode::ok;
}

}  // namespace

void add_status(const Command& program, GlobalOptions& global, int& code) {
  const Command command =
      program.add_subcommand("status", "Show what is in the outbox and what it waits for");
  add_database_options(command, global);
  static bool json = false;
  command.add_flag("--json", json, "Print it as JSON");
  add_examples(command, "  sluice status\n  sluice status --json | jq .waiting");
  command.callback([&] { code = status(global, json); });
}

}  // namespace sluice::cli
