#include "engine/watch/summary.hpp"

namespace sluice::engine {

namespace {

void add(TypeSummary& type, const job::Settlement& settlement) {
  type.busy += settlement.outcome.duration;
  if (settlement.outcome.result != job::Result::released) {
    type.seconds.add(std::chrono::duration<double>(settlement.outcome.duration).count());
  }
  if (settlement.outcome.result == job::Result::snooze) {
    ++type.snoozed;  // whatever status it waits in
    return;
  }
  switch (settlement.status) {
    case job::Status::done:
      ++type.done;
      break;
    case job::Status::error:
      ++(settlement.delay ? type.retrying : type.failed);
      ++type.failures[job::name(settlement.outcome.result)];
      break;
    case job::Status::scheduled:
      ++type.snoozed;
      break;
    default:
      ++type.released;
  }
}

}  // namespace

TypeSummary& Tally::of(const std::string& type) {
  return by_type_.try_emplace(type).first->second;
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
