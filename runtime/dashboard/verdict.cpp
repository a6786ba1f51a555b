#include "dashboard/verdict.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "base/duration.hpp"
#include "dashboard/view.hpp"

namespace sluice::dashboard {

namespace {

/// A type whose oldest job waits for longer falls behind.
constexpr double long_wait = 600;

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
  return {text, type.type};
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
  const bool any = std::any_of(situation.types.begin(), situation.types.end(), waits);
  if (situation.runtimes.empty()) {
    verdict.problems.push_back({any ? "No runtime runs, and jobs wait" : "No runtime runs", ""});
  } else {
    for (const auto& type : situation.types) {
      if (waits(type) && (!type.served || type.paused))
        verdict.problems.push_back(standing_still(type, situation.runtimes));
    }
  }
  if (situation.stuck > 0) {
    verdict.problems.push_back(
        {grouped(situation.stuck) + " jobs are stuck in processing, and no runtime has them", ""});
  }
  for (const auto& type : situation.types) {
    if (type.served && !type.paused && type.oldest_pending.value_or(0) > long_wait)
      verdict.problems.push_back({type.type + " falls behind: " + jobs_text(type.pending) +
                                      ", the oldest for " + duration_of(*type.oldest_pending),
                                  type.type});
  }
  verdict.well = verdict.problems.empty();
  verdict.text = verdict.well ? well_text(situation) : verdict.problems.front().text;
  return verdict;
}

}  // namespace sluice::dashboard
