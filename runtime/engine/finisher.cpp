#include "engine/finisher.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "base/duration.hpp"
#include "base/log.hpp"

namespace sluice::engine {

namespace {

constexpr std::chrono::milliseconds linger{2};
constexpr std::size_t worthwhile = 200;

void log_failure(const job::Settlement& settlement) {
  std::vector<log::Field> fields{{"job", settlement.id},
                                 {"type", settlement.type},
                                 {"attempt", settlement.attempt},
                                 {"error", settlement.outcome.error}};
  if (!settlement.outcome.code.empty()) fields.emplace_back("code", settlement.outcome.code);
  if (settlement.delay) {
    fields.emplace_back("retry_in", base::format_duration(*settlement.delay));
    log::warn("job failed, will be tried again", fields);
  } else {
    log::error("job failed for good", fields);
  }
}

}  // namespace

Finisher::Finisher(const PumpContext& context, std::function<void()> relieved, std::function<void()> ended)
    : context_(context),
      relieved_(std::move(relieved)),
      ended_(std::move(ended)),
      session_(context.store.finishes()),
      thread_([this] { run(); }) {}

void Finisher::expect(std::int64_t claim, std::size_t jobs) {
  const std::lock_guard lock(mutex_);
  open_claims_[claim] = jobs;
  expected_ += jobs;
}

void Finisher::push(std::vector<job::Finished> jobs) {
  {
    const std::lock_guard lock(mutex_);
    if (inbox_.empty()) oldest_ = Clock::now();
    expected_ -= jobs.size();
    for (job::Finished& job : jobs) inbox_.push_back(std::move(job));
  }
  changed_.notify_one();
}

std::size_t Finisher::unwritten() const {
  const std::lock_guard lock(mutex_);
  return inbox_.size() + writing_;
}

std::vector<std::int64_t> Finisher::open_claims() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::int64_t> claims;
  for (const auto& [claim, jobs] : open_claims_) claims.push_back(claim);
  return claims;
}

void Finisher::no_more() {
  {
    const std::lock_guard lock(mutex_);
    no_more_ = true;
  }
  changed_.notify_one();
}

void Finisher::limit(Clock::time_point deadline) {
  {
    const std::lock_guard lock(mutex_);
    deadline_ = deadline;
  }
  changed_.notify_one();
}

void Finisher::run() {
  while (auto finished = wait_for_outcomes()) write(context_.settle(std::move(*finished)));
  ended_();
}

bool Finisher::due(Clock::time_point now) const {
  if (inbox_.empty()) return false;
  return expected_ == 0 || inbox_.size() >= worthwhile || now - oldest_ >= linger || no_more_;
}

/// None when the pump has ended.
std::optional<std::vector<job::Finished>> Finisher::wait_for_outcomes() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (due(Clock::now())) {
      writing_ = inbox_.size();
      return std::exchange(inbox_, {});
    }
    if (no_more_ && expected_ == 0) return std::nullopt;
    if (inbox_.empty()) {
      changed_.wait(lock, [&] { return !inbox_.empty() || (no_more_ && expected_ == 0); });
    } else {
      changed_.wait_until(lock, oldest_ + linger,
                          [&] { return expected_ == 0 || inbox_.size() >= worthwhile || no_more_; });
    }
  }
}

void Finisher::write(std::vector<job::Settlement> settlements) {
  for (int failures = 0;;) {
    try {
      if (failures > 0) drop_settled(settlements);
      if (!settlements.empty()) write_once(settlements);
      context_.outage.up(this);
      break;
    } catch (const std::exception& error) {
      // Unavailable or Refused: what was asked is kept and asked again.
      context_.outage.down(this, error);
    }
    if (wait_to_retry(++failures)) continue;
    give_up(settlements);
    break;
  }
  {
    const std::lock_guard lock(mutex_);
    writing_ = 0;
  }
  relieved_();
  if (context_.router.exhausted()) context_.idle();
}

/// Waits until it is time to try again, once more at the very deadline; false after that.
bool Finisher::wait_to_retry(int failures) {
  std::unique_lock lock(mutex_);
  const auto next = Clock::now() + reconnect_delay(failures);
  for (;;) {
    if (deadline_ && last_try_) return false;
    const auto until = deadline_ ? std::min(next, *deadline_) : next;
    if (Clock::now() >= until) break;
    changed_.wait_until(lock, until);
  }
  last_try_ = deadline_ && Clock::now() >= *deadline_;
  return true;
}

void Finisher::give_up(const std::vector<job::Settlement>& settlements) {
  std::vector<std::string> ran;
  for (const job::Settlement& settlement : settlements) {
    if (settlement.outcome.result != job::Result::released) ran.push_back(settlement.id);
  }
  log::error(
      "outcomes could not be written before sluice stopped; their jobs are judged as those of a lost runtime",
      {{"count", settlements.size()}, {"ran", ran.size()}});
  context_.unwritten(std::move(ran));
}

void Finisher::write_once(std::vector<job::Settlement>& settlements) {
  commit_effects(settlements);
  std::vector<std::int64_t> closing = used_up(settlements);
  closing.insert(closing.end(), used_up_before_.begin(), used_up_before_.end());
  if (settlements.empty() && closing.empty()) return;
  const std::size_t dropped = session_->finish(settlements, closing);
  used_up_before_.clear();
  report_written(settlements, dropped);
}

/// Commits the settlements with effects and takes them out; those that the database rejected stay, as
/// failures.
void Finisher::commit_effects(std::vector<job::Settlement>& settlements) {
  const auto effectful = std::stable_partition(settlements.begin(), settlements.end(),
                                               [](const auto& one) { return !one.outcome.effectful(); });
  if (effectful == settlements.end()) return;
  std::vector<job::Settlement> asked(effectful, settlements.end());
  const store::Committed committed = session_->commit(asked);
  settlements.erase(effectful, settlements.end());
  for (auto rejected = committed.rejected.rbegin(); rejected != committed.rejected.rend(); ++rejected) {
    const auto place = asked.begin() + static_cast<std::ptrdiff_t>(rejected->index);
    settlements.push_back(failed(std::move(*place), *rejected));
    asked.erase(place);
  }
  for (const std::int64_t claim : used_up(asked)) used_up_before_.push_back(claim);
  report_written(asked, committed.dropped);
}

job::Settlement Finisher::failed(job::Settlement settlement, const store::Rejected& rejected) const {
  job::Finished again;
  again.job.id = std::move(settlement.id);
  again.job.type = std::move(settlement.type);
  again.job.attempt = settlement.attempt;
  again.job.claim = settlement.claim;
  again.job.place = std::move(settlement.place);
  const bool at_most_once = context_.policy(again.job.type).at_most_once;
  again.outcome.result = at_most_once ? job::Result::fail : job::Result::retry;
  again.outcome.duration = settlement.outcome.duration;
  again.outcome.code = rejected.code;
  again.outcome.error =
      "the handler was done, but what it asked to be committed with the job failed: " + rejected.message;
  return context_.settle(std::move(again));
}

/// The claims that have no other unwritten job.
std::vector<std::int64_t> Finisher::used_up(const std::vector<job::Settlement>& settlements) const {
  std::unordered_map<std::int64_t, std::size_t> settled;
  for (const job::Settlement& settlement : settlements) ++settled[settlement.claim];
  std::vector<std::int64_t> closing;
  const std::lock_guard lock(mutex_);
  for (const auto& [claim, count] : settled) {
    const auto open = open_claims_.find(claim);
    if (open != open_claims_.end() && open->second <= count) closing.push_back(claim);
  }
  return closing;
}

/// After a lost connection: leaves what can still be written.
void Finisher::drop_settled(std::vector<job::Settlement>& settlements) {
  std::set<std::int64_t> claims;
  for (const job::Settlement& settlement : settlements) claims.insert(settlement.claim);
  const std::vector<std::int64_t> living = session_->living({claims.begin(), claims.end()});
  const std::set<std::int64_t> alive(living.begin(), living.end());
  // Their claim is gone: written by the statement whose answer was lost, or rescued by another runtime.
  const auto gone =
      std::stable_partition(settlements.begin(), settlements.end(),
                            [&](const auto& settlement) { return alive.count(settlement.claim) > 0; });
  if (gone == settlements.end()) return;
  log::warn(
      "whether outcomes were written is not known: their claim is gone, either by the statement whose answer "
      "was lost, which wrote them, or because another runtime rescued their jobs",
      {{"count", static_cast<unsigned long>(settlements.end() - gone)}});
  report_written({std::make_move_iterator(gone), std::make_move_iterator(settlements.end())}, 0);
  settlements.erase(gone, settlements.end());
}

void Finisher::report_written(const std::vector<job::Settlement>& settlements, std::size_t dropped) {
  {
    const std::lock_guard lock(mutex_);
    for (const job::Settlement& settlement : settlements) {
      const auto open = open_claims_.find(settlement.claim);
      if (open != open_claims_.end() && --open->second == 0) open_claims_.erase(open);
    }
  }
  context_.tally.count(settlements);
  for (const job::Settlement& settlement : settlements) {
    const bool again = settlement.status == job::Status::pending || !settlement.outcome.follow_ups.empty();
    context_.router.settled(again);
    if (settlement.status == job::Status::error) log_failure(settlement);
  }
  if (dropped == 0) return;
  context_.tally.drop(static_cast<std::int64_t>(dropped));
  log::warn(
      "outcomes were not written, because their jobs had been taken away meanwhile (rescued by another "
      "runtime, or changed by hand)",
      {{"count", dropped}});
}

}  // namespace sluice::engine
