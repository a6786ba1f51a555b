#include "dashboard/verdict.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <set>
#include <tuple>

#include "base/duration.hpp"
#include "dashboard/form.hpp"
#include "dashboard/view.hpp"

namespace sluice::dashboard {

namespace {

std::string duration_of(double seconds) {
  return base::format_duration(std::chrono::microseconds(std::llround(std::max(0.0, seconds) * 1e6)));
}

std::string jobs_text(const store::Counted& counted) {
  return (counted.more ? "more than " : "") + grouped(counted.count) +
         (counted.count == 1 ? " waits" : " wait");
}

std::string rate_text(double per_second) {
  std::string text = std::to_string(std::round(per_second * 10) / 10);
  return per_second >= 10 ? grouped(std::llround(per_second)) : text.substr(0, text.find('.') + 2);
}

std::string why(const std::string& type) {
  return "/why?q=" + encoded(type);
}

bool waits(const store::TypeOverview& type) {
  return type.pending.count > 0;
}

Problem standing_still(const store::TypeOverview& type, const std::vector<store::RuntimeReport>& runtimes) {
  std::string text = type.type + " stands still: ";
  if (type.paused) {
    text += "it was paused by " + type.paused->actor;
    if (!type.paused->reason.empty()) text += " (" + type.paused->reason + ")";
  } else {
    text += unserved_because(type, runtimes);
  }
  text += "; " + jobs_text(type.pending);
  if (type.oldest_pending) text += ", the oldest for " + duration_of(*type.oldest_pending);
  return {text,
          type.type,
          why(type.type),
          Weight::jobs,
          static_cast<double>(type.pending.count),
          type.oldest_pending.value_or(0)};
}

/// The code with which most of the type's attempts failed in the last hour.
std::string top_code(const std::vector<store::FailureGroup>& failures, const std::string& type) {
  constexpr double hour = 3600;
  const auto found = std::find_if(failures.begin(), failures.end(), [&](const store::FailureGroup& group) {
    return group.type == type && group.last.age <= hour;
  });
  return found == failures.end() || found->code.empty() ? "" : ", most with code " + found->code;
}

bool fails(const store::Throughput& ended, double part, double least) {
  return ended.failed >= least && ended.failed >= part * (ended.failed + ended.done);
}

/// A minute that lies partly in the last one counts in proportion, so a job may count as a part of one.
Problem failing(const store::Throughput& ended, const std::string& time, const Situation& situation) {
  const auto count = [](double number) { return std::max(1LL, std::llround(number)); };
  const auto failed = count(ended.failed);
  return {ended.type + " fails: " + grouped(failed) + " of " +
              grouped(std::max(failed, count(ended.failed + ended.done))) + (failed == 1 ? " job" : " jobs") +
              " failed for good in the last " + time + top_code(situation.failures, ended.type),
          ended.type, "/failures?range=1h", Weight::jobs, ended.failed};
}

void add_failing(const Situation& situation, std::vector<Problem>& problems) {
  std::set<std::string> found;
  for (const auto& ended : situation.last_minute) {
    if (ended.failed <= 0 || !fails(ended, failed_part_of_minute, 0)) continue;
    problems.push_back(failing(ended, "minute", situation));
    found.insert(ended.type);
  }
  for (const auto& ended : situation.last_hour) {
    if (!found.contains(ended.type) && fails(ended, failed_part_of_hour, some_failed_of_hour))
      problems.push_back(failing(ended, "hour", situation));
  }
}

void add_waiting(const Situation& situation, std::vector<Problem>& problems) {
  for (const auto& type : situation.types) {
    const bool stands = !type.served || type.paused;
    const double oldest = type.oldest_pending.value_or(0);
    if (waits(type) && stands && !situation.runtimes.empty())
      problems.push_back(standing_still(type, situation.runtimes));
    if (!stands && oldest > long_wait)
      problems.push_back({type.type + " falls behind: " + jobs_text(type.pending) + ", the oldest for " +
                              duration_of(oldest),
                          type.type, why(type.type), Weight::slow, static_cast<double>(type.pending.count),
                          oldest});
  }
}

void sort_and_cut(Verdict& verdict) {
  auto& problems = verdict.problems;
  std::stable_sort(problems.begin(), problems.end(), [](const Problem& one, const Problem& other) {
    return std::tuple(one.weight, -one.jobs, -one.age) < std::tuple(other.weight, -other.jobs, -other.age);
  });
  if (problems.size() <= most_problems) return;
  verdict.more = problems.size() - most_problems;
  problems.resize(most_problems);
}

std::string well_text(const Situation& situation) {
  double oldest = 0;
  for (const auto& type : situation.types) oldest = std::max(oldest, type.oldest_pending.value_or(0));
  const bool any = std::any_of(situation.types.begin(), situation.types.end(), waits);
  return "Well: " + rate_text(situation.done_per_second) + " jobs/s, " +
         (any ? "the oldest waits for " + duration_of(oldest) : "nothing waits");
}

}  // namespace

std::string unserved_because(const store::TypeOverview& type,
                             const std::vector<store::RuntimeReport>& runtimes) {
  if (runtimes.empty()) return "no runtime runs";
  for (const auto& runtime : runtimes) {
    for (const auto& [plugin, age] : runtime.plugins) {
      const bool owns = !type.plugin.empty() && plugin.name == type.plugin;
      const bool mentions = plugin.reason.find(type.type) != std::string::npos;
      if ((owns || mentions) && !plugin.reason.empty())
        return "plugin " + (plugin.name.empty() ? plugin.path : plugin.name) + " is " + plugin.state + ": " +
               plugin.reason;
    }
  }
  if (type.plugin.empty()) return "no plugin has ever served it";
  return "plugin " + type.plugin + ", which served it last, is not loaded by any runtime";
}

Verdict verdict(const Situation& situation) {
  Verdict verdict;
  auto& problems = verdict.problems;
  const bool any = std::any_of(situation.types.begin(), situation.types.end(), waits);
  if (situation.runtimes.empty() && situation.knows_runtimes) {
    problems.push_back({any ? "No runtime runs, and jobs wait" : "No runtime runs", "", "/runtimes",
                        any ? Weight::unserved : Weight::no_runtimes});
  }
  if (situation.knows_runtimes) add_waiting(situation, problems);
  add_failing(situation, problems);
  if (situation.stuck > 0) {
    problems.push_back({grouped(situation.stuck) + (situation.stuck == 1 ? " job is" : " jobs are") +
                            " stuck in processing, and no runtime has them",
                        "", "/jobs?status=processing&order=oldest", Weight::stuck,
                        static_cast<double>(situation.stuck)});
  }
  for (const std::string& why : situation.unread)
    problems.push_back({"Not known: " + why, "", "", Weight::unread});
  sort_and_cut(verdict);
  verdict.well = problems.empty();
  verdict.text = verdict.well ? well_text(situation) : problems.front().text;
  return verdict;
}

}  // namespace sluice::dashboard
