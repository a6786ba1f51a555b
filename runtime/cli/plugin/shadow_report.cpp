#include "cli/plugin/shadow_report.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/duration.hpp"
#include "base/harmless.hpp"
#include "base/text.hpp"
#include "cli/text/json.hpp"
#include "cli/text/table.hpp"
#include "workshop/json_difference.hpp"

namespace sluice::cli {

namespace {

constexpr std::size_t most_groups = 100;
constexpr std::size_t most_ids = 3;
constexpr std::size_t most_differences = 50;  // of one output
constexpr std::size_t longest_value = 60;
constexpr double median = 0.5;
constexpr double tail = 0.95;

/// By its rank; the times are not empty.
std::chrono::microseconds quantile(std::vector<std::chrono::microseconds> times, double part) {
  const auto rank = static_cast<std::size_t>(std::ceil(part * static_cast<double>(times.size())));
  const auto at = times.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(times.begin(), at, times.end());
  return *at;
}

std::string word_of(const job::Outcome& outcome) {
  const std::string result(job::name(outcome.result));
  return outcome.code.empty() ? result : result + " " + outcome.code;
}

std::map<std::string, std::int64_t> by_type(const std::vector<job::FollowUp>& jobs) {
  std::map<std::string, std::int64_t> counts;
  for (const job::FollowUp& one : jobs) ++counts[one.type];
  return counts;
}

std::string or_nothing(const std::string& value) {
  return value.empty() ? "nothing" : base::shortened(value, longest_value);
}

std::string time_of(const std::vector<std::chrono::microseconds>& times, double part) {
  return times.empty() ? "unknown" : base::format_duration(quantile(times, part));
}

void write_time(JsonWriter& writer, const char* key, const std::vector<std::chrono::microseconds>& times,
                double part) {
  const double us = times.empty() ? std::nan("") : static_cast<double>(quantile(times, part).count());
  member(writer, key, us / 1e6);
}

}  // namespace

void ShadowReport::add(const std::string& id, const ShadowResult& was, const ShadowResult& is) {
  ++jobs_;
  job_differs_ = false;
  count(was_, was);
  count(is_, is);
  compare(id, was.outcome, is.outcome);
  if (was.knows_requests && is.knows_requests) compare_requests(id, was.outcome, is.outcome);
  if (job_differs_) ++differing_;
}

void ShadowReport::count(Side& side, const ShadowResult& result) {
  ++side.outcomes[word_of(result.outcome)];
  if (result.knows_time) side.times.push_back(result.outcome.duration);
}

/// If the outcome differs, so does the output.
void ShadowReport::compare(const std::string& id, const job::Outcome& was, const job::Outcome& is) {
  if (word_of(was) != word_of(is)) {
    const auto with_error = [](const job::Outcome& one) {
      return word_of(one) + (one.error.empty() ? "" : ": " + one.error);
    };
    return differs(id, "outcome, " + word_of(was) + " and then " + word_of(is), with_error(was),
                   with_error(is));
  }
  for (const auto& [pointer, before, after] :
       workshop::json_differences(was.output, is.output, most_differences))
    differs(id, "output" + (pointer.empty() ? "" : " " + pointer), before, after);
}

void ShadowReport::compare_requests(const std::string& id, const job::Outcome& was, const job::Outcome& is) {
  auto before = by_type(was.follow_ups);
  auto after = by_type(is.follow_ups);
  std::set<std::string> types;
  for (const auto& [type, count] : before) types.insert(type);
  for (const auto& [type, count] : after) types.insert(type);
  for (const std::string& type : types) {
    if (before[type] == after[type]) continue;
    differs(id, "follow-up jobs " + type, std::to_string(before[type]), std::to_string(after[type]));
  }
  if (was.effects.size() != is.effects.size())
    differs(id, "effects", std::to_string(was.effects.size()), std::to_string(is.effects.size()));
}

void ShadowReport::differs(const std::string& id, const std::string& what, const std::string& was,
                           const std::string& is) {
  job_differs_ = true;
  const auto known = groups_.find(what);
  if (known == groups_.end() && groups_.size() == most_groups) {
    ++left_out_;
    return;
  }
  Group& group = groups_[what];
  if (++group.jobs == 1) {
    group.was = was;
    group.is = is;
  }
  if (group.ids.size() < most_ids) group.ids.push_back(id);
}

std::string ShadowReport::text() const {
  std::vector<std::vector<std::string>> rows{{"", was_.name, is_.name}};
  std::set<std::string> outcomes;
  for (const Side* side : {&was_, &is_}) {
    for (const auto& [outcome, count] : side->outcomes) outcomes.insert(outcome);
  }
  const auto count = [](const Side& side, const std::string& outcome) {
    const auto found = side.outcomes.find(outcome);
    return grouped(found == side.outcomes.end() ? 0 : found->second);
  };
  for (const std::string& outcome : outcomes)
    rows.push_back({outcome, count(was_, outcome), count(is_, outcome)});
  rows.push_back({"median time", time_of(was_.times, median), time_of(is_.times, median)});
  rows.push_back({"p95 time", time_of(was_.times, tail), time_of(is_.times, tail)});
  std::string text = table(rows, {1, 2}) + "\n";
  if (groups_.empty()) return text + "no difference in " + grouped(static_cast<long long>(jobs_)) + " jobs\n";
  text += grouped(static_cast<long long>(differing_)) + " of " + grouped(static_cast<long long>(jobs_)) +
          " jobs differ\n\n";
  std::vector<std::vector<std::string>> differences{{"DIFFERENCE", "JOBS", "FIRST", "THEN", "FOR EXAMPLE"}};
  for (const auto& [what, group] : groups_) {
    differences.push_back({what, grouped(static_cast<long long>(group.jobs)), or_nothing(group.was),
                           or_nothing(group.is), base::joined(group.ids)});
  }
  text += table(differences, {1});
  if (left_out_ > 0)
    text += grouped(static_cast<long long>(left_out_)) + " differences of other kinds are not shown\n";
  return text;
}

std::string ShadowReport::json(const std::string& type, bool network) const {
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  member(writer, "type", type);
  member(writer, "network", network);
  member(writer, "jobs", jobs_);
  member(writer, "differing", differing_);
  for (const auto& [key, side] : {std::pair{"was", &was_}, std::pair{"is", &is_}}) {
    writer.Key(key);
    writer.StartObject();
    member(writer, "name", side->name);
    writer.Key("outcomes");
    writer.StartObject();
    for (const auto& [outcome, count] : side->outcomes) member(writer, outcome.c_str(), count);
    writer.EndObject();
    write_time(writer, "median_seconds", side->times, median);
    write_time(writer, "p95_seconds", side->times, tail);
    writer.EndObject();
  }
  writer.Key("differences");
  writer.StartArray();
  for (const auto& [what, group] : groups_) {
    writer.StartObject();
    member(writer, "what", what);
    member(writer, "jobs", group.jobs);
    member(writer, "was", group.was);
    member(writer, "is", group.is);
    member(writer, "ids", group.ids);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace sluice::cli
