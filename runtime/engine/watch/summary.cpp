#include "engine/watch/summary.hpp"

#include <algorithm>
#include <utility>

namespace sluice::engine {

namespace {

/// In the words of sluice.minute; empty if the job was given back.
std::string_view outcome_of(const job::Settlement& settlement) {
  if (settlement.outcome.result == job::Result::snooze) return "snoozed";  // whatever status it waits in
  switch (settlement.status) {
    case job::Status::done:
      return "done";
    case job::Status::error:
      return settlement.delay ? "retrying" : "failed";
    case job::Status::scheduled:
      return "snoozed";
    default:
      return {};
  }
}

void add(store::OutcomeCount& sum, const job::Outcome& outcome) {
  ++sum.count;
  sum.busy += std::chrono::duration<double>(outcome.duration).count();
  sum.running.add(outcome.duration);
  if (outcome.waited) sum.waiting.add(*outcome.waited);
}

bool is_of(const store::OutcomeCount& sum, const job::Settlement& settlement, std::string_view outcome) {
  return sum.type == settlement.type && sum.plugin_version == settlement.outcome.plugin_version() &&
         sum.outcome == outcome;
}

void add(TypeSummary& type, const job::Settlement& settlement) {
  type.busy += settlement.outcome.duration;
  if (settlement.outcome.result != job::Result::released) {
    type.seconds.add(std::chrono::duration<double>(settlement.outcome.duration).count());
  }
  const std::string_view outcome = outcome_of(settlement);
  if (outcome == "done") {
    ++type.done;
  } else if (outcome == "snoozed") {
    ++type.snoozed;
  } else if (outcome.empty()) {
    ++type.released;
  } else {
    ++(settlement.delay ? type.retrying : type.failed);
    ++type.failures[job::name(settlement.outcome.result)];
  }
}

}  // namespace

TypeSummary& Tally::of(const std::string& type) {
  return by_type_.try_emplace(type).first->second;
}

/// The settlements of a batch are mostly alike.
store::OutcomeCount& Tally::count_of(const job::Settlement& settlement, std::string_view outcome) {
  if (last_count_ < counts_.size() && is_of(counts_[last_count_], settlement, outcome)) {
    return counts_[last_count_];
  }
  const auto found = std::find_if(counts_.begin(), counts_.end(),
                                  [&](const auto& sum) { return is_of(sum, settlement, outcome); });
  last_count_ = static_cast<std::size_t>(found - counts_.begin());
  if (found != counts_.end()) return *found;
  return counts_.emplace_back(store::OutcomeCount{
      settlement.type, std::string(settlement.outcome.plugin_version()), std::string(outcome), 0, 0, {}, {}});
}

std::vector<store::OutcomeCount> Tally::take_counts() {
  const base::Lock lock(mutex_);
  return std::exchange(counts_, {});
}

void Tally::claimed(const std::vector<store::ClaimedJob>& jobs) {
  const base::Lock lock(mutex_);
  total_.claim_sizes.add(static_cast<double>(jobs.size()));
  const std::string* last = nullptr;  // jobs of one type are adjacent
  TypeSummary* type = nullptr;
  for (const store::ClaimedJob& one : jobs) {
    if (last == nullptr || *last != one.job.type) type = &of(one.job.type);
    last = &one.job.type;
    ++type->claimed;
  }
}

void Tally::count(const std::vector<job::Settlement>& settlements) {
  if (settlements.empty()) return;
  const base::Lock lock(mutex_);
  total_.write_sizes.add(static_cast<double>(settlements.size()));
  const std::string* last = nullptr;
  TypeSummary* type = nullptr;
  for (const job::Settlement& settlement : settlements) {
    if (last == nullptr || *last != settlement.type) type = &of(settlement.type);
    last = &settlement.type;
    add(*type, settlement);
    const std::string_view outcome = outcome_of(settlement);
    if (!outcome.empty()) add(count_of(settlement, outcome), settlement.outcome);
  }
}

void Tally::drop(std::int64_t count) {
  const base::Lock lock(mutex_);
  total_.dropped += count;
}

void Tally::aside(std::int64_t change) {
  if (change == 0) return;
  const base::Lock lock(mutex_);
  total_.aside += change;
}

void Tally::rescued(const store::Rescued& rescued) {
  const base::Lock lock(mutex_);
  total_.rescued.runtimes += rescued.runtimes;
  total_.rescued.pending += rescued.pending;
  total_.rescued.error += rescued.error;
}

std::map<std::string, TypeSummary> Tally::by_type() const {
  const base::Lock lock(mutex_);
  return by_type_;
}

RuntimeSummary Tally::total() const {
  const base::Lock lock(mutex_);
  return total_;
}

}  // namespace sluice::engine
