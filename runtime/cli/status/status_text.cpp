// sluice status for people.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/duration.hpp"
#include "base/harmless.hpp"
#include "base/text.hpp"
#include "cli/jobs/jobs.hpp"
#include "cli/status/status.hpp"
#include "cli/text/table.hpp"

namespace sluice::cli {

namespace {

using Rows = std::vector<std::vector<std::string>>;

constexpr std::size_t longest_note = 60;
constexpr std::size_t longest_error = 300;

std::string duration(double seconds) {
  return base::format_duration(std::chrono::microseconds(std::llround(seconds * 1e6)));
}

/// "createdAt" may be infinite, and is not always found.
std::string age(double seconds) {
  if (std::isnan(seconds)) return "";
  if (!std::isfinite(seconds)) return seconds > 0 ? "for ever" : "never";
  return duration(seconds);
}

/// An estimate, or a sum that contains one, is rounded to three digits.
std::string count_of(std::int64_t count, bool estimated) {
  if (!estimated) return grouped(count);
  std::int64_t unit = 1;
  while (count / unit >= 1000) unit *= 10;
  return "~" + grouped((count + unit / 2) / unit * unit);
}

Block block_of(const Rows& rows, const std::vector<std::size_t>& right) {
  return {lines_of(table(rows, right)), 1};
}

/// In the order in which a job passes through them; the application's own statuses come last.
std::vector<std::string> statuses(const store::Report& report) {
  std::vector<std::string> names{"pending", "scheduled", "processing", "done", "error"};
  for (const auto& count : report.counts) {
    if (std::find(names.begin(), names.end(), count.status) == names.end()) names.push_back(count.status);
  }
  return names;
}

Block counts(const store::Report& report) {
  struct Count {
    std::int64_t count = 0;
    bool estimated = false;
    void add(const store::StatusCount& more) {
      count += more.count;
      estimated = estimated || more.estimated;
    }
    std::string text() const { return count_of(count, estimated); }
  };
  const std::vector<std::string> names = statuses(report);
  std::map<std::string, std::map<std::string, Count>> by_type;
  std::map<std::string, Count> totals;
  for (const auto& count : report.counts) {
    by_type[count.type][count.status].add(count);
    totals[count.status].add(count);
  }
  Rows rows{{"TYPE"}};
  std::vector<std::size_t> right;
  for (std::size_t i = 0; i < names.size(); ++i) {
    rows[0].push_back(names[i]);
    right.push_back(i + 1);
  }
  const auto add = [&](const std::string& name, std::map<std::string, Count>& counts) {
    rows.push_back({name});
    for (const std::string& status : names) rows.back().push_back(counts[status].text());
  };
  for (auto& [type, counts] : by_type) add(type, counts);
  add("all", totals);
  Block block = block_of(rows, right);
  const bool estimated = std::any_of(report.counts.begin(), report.counts.end(),
                                     [](const auto& count) { return count.estimated; });
  if (estimated)
    block.lines.emplace_back("~ estimated from a sample; --exact counts every job, but takes longer");
  return block;
}

/// The plugins that a runtime refuses now. A type may be waiting for one of them.
std::string refused_plugins(const store::Report& report) {
  std::set<std::string> names;
  for (const auto& runtime : report.runtimes) {
    for (const auto& plugin : runtime.plugins) {
      const std::string& name = plugin.plugin.name.empty() ? plugin.plugin.path : plugin.plugin.name;
      if (plugin.plugin.state == "refused") names.insert(name);
    }
  }
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

std::string who_serves(const store::TypeReport& type, const std::string& refused) {
  if (type.served) return "plugin " + type.plugin + " " + type.plugin_version + ", running";
  if (type.plugin.empty()) {
    return refused.empty() ? "no plugin has ever served it" : "no plugin serves it; refused: " + refused;
  }
  return "plugin " + type.plugin + " " + type.plugin_version + ", not running now";
}

Block waiting(const store::Report& report) {
  if (report.waiting.empty()) return {};
  Rows rows{{"WAITING", "JOBS", "OLDEST", "FOR"}};
  const std::string refused = refused_plugins(report);
  for (const auto& type : report.waiting) {
    rows.push_back({type.type, count_of(type.pending, type.estimated), age(type.oldest_pending_age),
                    who_serves(type, refused)});
  }
  return block_of(rows, {1, 2});
}

std::string whole(double number) {
  return grouped(std::llround(number));
}

std::string mean_time(const store::Throughput& sum) {
  const double runs = sum.done + sum.retrying + sum.failed + sum.snoozed;
  return runs < 1 ? "" : duration(sum.busy / runs);
}

Block rates(const store::Report& report) {
  if (report.last_hour.empty()) return {};
  std::map<std::string, store::Throughput> minute;
  for (const auto& sum : report.last_minute) minute[sum.type] = sum;
  Rows rows{
      {"FINISHED", "DONE/MIN", "RETRY/MIN", "FAILED/MIN", "DONE/H", "RETRY/H", "FAILED/H", "MEAN TIME"}};
  for (const auto& hour : report.last_hour) {
    const store::Throughput& now = minute[hour.type];
    rows.push_back({hour.type, whole(now.done), whole(now.retrying), whole(now.failed), whole(hour.done),
                    whole(hour.retrying), whole(hour.failed), mean_time(hour)});
  }
  return block_of(rows, {1, 2, 3, 4, 5, 6, 7});
}

std::string percent(const store::RunningJob& job) {
  return job.fraction ? std::to_string(std::lround(*job.fraction * 100)) + " %" : "";
}

Block running(const store::Report& report) {
  if (report.running.empty()) return {};
  Rows rows{{"RUNNING", "TYPE", "FOR", "PROGRESS", "RUNTIME", "NOTE"}};
  for (const auto& [job, runtime] : report.running) {
    rows.push_back({job.id, job.type, age(job.age), percent(job), std::to_string(runtime),
                    one_line(job.note, longest_note)});
  }
  Block block = block_of(rows, {2, 3, 4});
  if (report.running.size() == store::most_running) {
    block.lines.push_back("only the " + std::to_string(store::most_running) +
                          " jobs that have run longest are shown");
  }
  return block;
}

Block runtimes(const store::Report& report) {
  if (report.runtimes.empty()) {
    return {{"no runtime is alive: start one with `sluice run`, or drain with `sluice drain`"}, 0};
  }
  Rows rows{{"RUNTIME", "COMMAND", "HOST", "PID", "VERSION", "UP", "LAST BEAT", "JOBS CLAIMED"}};
  for (const auto& runtime : report.runtimes) {
    rows.push_back({std::to_string(runtime.id), runtime.info.command, runtime.info.host,
                    std::to_string(runtime.info.pid), runtime.info.version, age(runtime.uptime),
                    age(runtime.since_beat) + " ago", grouped(runtime.claimed)});
  }
  return block_of(rows, {3, 5, 6, 7});
}

std::string plugin_name(const store::PluginReport& plugin) {
  return plugin.name.empty() ? plugin.path.substr(plugin.path.rfind('/') + 1) : plugin.name;
}

Block plugins(const store::Report& report) {
  Rows rows{{"PLUGIN", "VERSION", "RUNTIME", "STATE", "FOR", "HOSTS", "SLOTS", "RESTARTS"}};
  std::vector<std::string> remarks;
  for (const auto& runtime : report.runtimes) {
    for (const auto& [plugin, in_state] : runtime.plugins) {
      rows.push_back({plugin_name(plugin), plugin.version, std::to_string(runtime.id), plugin.state,
                      age(in_state),
                      std::to_string(plugin.hosts) + " of " + std::to_string(plugin.hosts_wanted),
                      std::to_string(plugin.slots), std::to_string(plugin.restarts)});
      for (const std::string& reason : lines_of(plugin.reason))
        remarks.push_back("  " + base::harmless(reason));
      if (!plugin.limits.empty()) {
        remarks.push_back("  limits of each host of " + plugin_name(plugin) + ": " +
                          base::harmless(base::joined(plugin.limits)));
      }
    }
  }
  if (rows.size() == 1) return {};
  Block block = block_of(rows, {2, 4, 5, 6, 7});
  block.lines.insert(block.lines.end(), remarks.begin(), remarks.end());
  return block;
}

Block failures(const std::vector<store::Failure>& failures) {
  if (failures.empty()) return {};
  Block block{{"last failures:"}, 1};
  for (const auto& failure : failures) {
    block.lines.push_back("  " + base::harmless(failure.type) + " " + base::harmless(failure.id) +
                          ", attempt " + std::to_string(failure.attempt) + ", " + failure.result + ": " +
                          one_line(failure.error, longest_error));
  }
  return block;
}

std::string paused_words(const store::PausedType& paused) {
  std::string words = "job type " + base::harmless(paused.type) + " has been paused for " + age(paused.age);
  if (!paused.actor.empty()) words += " by " + base::harmless(paused.actor);
  if (!paused.reason.empty()) words += ": " + one_line(paused.reason, longest_note);
  return words;
}

Block notes(const store::Report& report) {
  Block block;
  for (const auto& paused : report.paused) block.lines.push_back(paused_words(paused));
  if (report.next_due >= 0) {
    block.lines.push_back("the next retry or delayed job is due in " + age(report.next_due));
  }
  if (report.stuck > 0) {
    block.lines.push_back(grouped(report.stuck) +
                          " jobs are stuck: processing for over 10 minutes, and no Sluice runtime has them");
  }
  return block;
}

std::vector<Block> aggregate(const Status& status, std::chrono::seconds since) {
  const std::string window = base::format_duration(since);
  std::vector<Block> blocks{{{status.title, "in the last " + window + ":"}, 2}};
  blocks.push_back(
      {{(status.aggregate->more ? "over " : "") + grouped(status.aggregate->created) + " jobs were created"},
       1});
  if (status.aggregate->outcomes.empty()) {
    blocks.push_back({{"no runtime wrote an outcome"}, 1});
    return blocks;
  }
  Rows rows{{"FINISHED", "DONE", "TO RETRY", "FAILED", "SNOOZED", "MEAN TIME"}};
  for (const auto& sum : status.aggregate->outcomes) {
    rows.push_back({sum.type, whole(sum.done), whole(sum.retrying), whole(sum.failed), whole(sum.snoozed),
                    mean_time(sum)});
  }
  blocks.push_back(block_of(rows, {1, 2, 3, 4, 5}));
  return blocks;
}

}  // namespace

std::vector<Block> status_blocks(const Status& status, const StatusOptions& options) {
  if (options.since) return aggregate(status, *options.since);
  const store::Report& report = status.report;
  return {{{status.title}, 1}, counts(report),  waiting(report),
          notes(report),       rates(report),   running(report),
          runtimes(report),    plugins(report), failures(status.failures)};
}

}  // namespace sluice::cli
