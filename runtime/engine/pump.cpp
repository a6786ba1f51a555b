#include "engine/pump.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "base/duration.hpp"
#include "base/log.hpp"

namespace sluice::engine {

namespace {

constexpr std::chrono::milliseconds linger{2};
constexpr std::size_t worthwhile_outcomes = 200;

double random_jitter() {
  thread_local std::minstd_rand engine{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

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

Pump::Pump(std::uint32_t index, PumpContext context)
    : index_(index), context_(std::move(context)), thread_([this] { run(); }) {}

Pump::~Pump() = default;

void Pump::push(std::vector<job::Finished> jobs) {
  {
    const std::lock_guard lock(mutex_);
    if (inbox_.empty()) oldest_ = Clock::now();
    in_flight_ -= jobs.size();
    for (job::Finished& job : jobs) inbox_.push_back(std::move(job));
  }
  changed_.notify_one();
}

void Pump::poke() {
  {
    const std::lock_guard lock(mutex_);
    poked_ = true;
  }
  changed_.notify_one();
}

void Pump::stop(Clock::time_point deadline) {
  {
    const std::lock_guard lock(mutex_);
    stop_deadline_ = deadline;
  }
  changed_.notify_one();
}

bool Pump::stopping() const {
  const std::lock_guard lock(mutex_);
  return stop_deadline_.has_value();
}

void Pump::run() {
  runtime_ = context_.runtime(0);
  session_ = context_.store.claims(runtime_, static_cast<int>(index_));
  for (Work work = wait_for_work(); !work.end; work = wait_for_work()) exchange(std::move(work));
  context_.finished();
}

bool Pump::outcomes_due(Clock::time_point now) const {
  if (inbox_.empty()) return false;
  return in_flight_ == 0 || inbox_.size() >= worthwhile_outcomes || now - oldest_ >= linger || stop_deadline_;
}

Pump::Work Pump::wait_for_work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto now = Clock::now();
    const bool claim = !stop_deadline_ && context_.router.claimable(now);
    if (claim || outcomes_due(now)) return {std::exchange(inbox_, {}), claim, false};
    if (stop_deadline_ && in_flight_ == 0) return {{}, false, true};
    auto wake = context_.router.next_due(now);
    if (!inbox_.empty()) wake = std::min(wake, oldest_ + linger);
    const std::size_t had = inbox_.size();
    const bool was_stopping = stop_deadline_.has_value();
    // Woken by what may change the answer: a first outcome, the last one, enough of them, a poke.
    changed_.wait_until(lock, wake, [&] {
      return std::exchange(poked_, false) || (stop_deadline_ && !was_stopping) ||
             (had == 0 && !inbox_.empty()) || (in_flight_ == 0 && was_stopping) ||
             (inbox_.size() > had && (in_flight_ == 0 || inbox_.size() >= worthwhile_outcomes));
    });
  }
}

std::vector<job::Settlement> Pump::settle(std::vector<job::Finished> finished) {
  static const job::RetryPolicy fallback;
  std::vector<job::Settlement> settlements;
  settlements.reserve(finished.size());
  for (job::Finished& one : finished) {
    const auto policy = context_.policies.find(one.job.type);
    settlements.push_back(job::settle(std::move(one.job), std::move(one.outcome),
                                      policy == context_.policies.end() ? fallback : policy->second,
                                      random_jitter()));
  }
  return settlements;
}

std::vector<std::int64_t> Pump::used_up(const std::vector<job::Settlement>& settlements) {
  std::unordered_map<std::int64_t, std::size_t> settled;
  for (const job::Settlement& settlement : settlements) ++settled[settlement.claim];
  std::vector<std::int64_t> closing;
  for (const auto& [claim, count] : settled) {
    const auto open = open_claims_.find(claim);
    if (open != open_claims_.end() && open->second <= count) closing.push_back(claim);
  }
  return closing;
}

void Pump::exchange(Work work) {
  std::vector<job::Settlement> settlements = settle(std::move(work.finished));
  for (int failures = 0;;) {
    try {
      if (failures > 0 && !recover(settlements)) return;
      claim_and_finish(settlements);
      return context_.outage.up(this);
    } catch (const store::Fenced&) {
      enlist_again();
    } catch (const std::exception& error) {
      // Unavailable or Refused: what was asked is kept and asked again.
      context_.outage.down(this, error.what());
    }
    if (!wait_to_retry(++failures)) return;
  }
}

void Pump::claim_and_finish(std::vector<job::Settlement>& settlements) {
  store::ExchangeRequest request;
  std::vector<Reservation> reservations;
  if (!stopping()) reservations = context_.router.reserve(Clock::now());
  for (const Reservation& reservation : reservations) {
    request.lanes.push_back(context_.router.request(reservation));
  }
  if (settlements.empty() && reservations.empty()) return;
  request.closing = used_up(settlements);
  request.settlements = std::move(settlements);
  settlements.clear();
  const auto started = Clock::now();
  store::Exchanged exchanged;
  try {
    exchanged = session_->exchange(request);
  } catch (...) {
    for (const Reservation& reservation : reservations) context_.router.unclaimed(reservation);
    settlements = std::move(request.settlements);
    throw;
  }
  report_written(request.settlements, exchanged.dropped);
  take(std::move(exchanged), reservations, Clock::now() - started);
  if (context_.router.exhausted()) context_.idle();
}

void Pump::report_written(const std::vector<job::Settlement>& settlements, std::size_t dropped) {
  for (const job::Settlement& settlement : settlements) {
    const auto open = open_claims_.find(settlement.claim);
    if (open != open_claims_.end() && --open->second == 0) open_claims_.erase(open);
    context_.router.settled(settlement.status == job::Status::pending);
    context_.tally.count(settlement);
    if (settlement.status == job::Status::error) log_failure(settlement);
  }
  if (dropped == 0) return;
  context_.tally.drop(static_cast<std::int64_t>(dropped));
  log::warn(
      "outcomes were not written, because their jobs had been taken away meanwhile (rescued by another "
      "runtime, or changed by hand)",
      {{"count", dropped}});
}

void Pump::take(store::Exchanged exchanged, const std::vector<Reservation>& reservations,
                Clock::duration took) {
  std::vector<std::vector<job::Job>> by_lane(reservations.size());
  std::vector<ClaimResult> results(reservations.size());
  for (store::ClaimedJob& claimed : exchanged.jobs) {
    ClaimResult& result = results[claimed.lane];
    ++result.jobs;
    result.last_created_at = claimed.job.created_at;
    const auto policy = context_.policies.find(claimed.job.type);
    claimed.job.max_attempts = policy == context_.policies.end() ? 1 : policy->second.max_attempts;
    claimed.job.pump = index_;
    by_lane[claimed.lane].push_back(std::move(claimed.job));
  }
  if (!exchanged.jobs.empty()) {
    open_claims_[exchanged.claim] = exchanged.jobs.size();
    const std::lock_guard lock(mutex_);
    in_flight_ += exchanged.jobs.size();
  }
  const auto now = Clock::now();
  for (std::size_t i = 0; i < reservations.size(); ++i) {
    context_.router.claimed(reservations[i], results[i], took, now);
  }
  hand_out(std::move(by_lane), reservations);
}

void Pump::hand_out(std::vector<std::vector<job::Job>> by_lane,
                    const std::vector<Reservation>& reservations) {
  for (std::size_t i = 0; i < by_lane.size(); ++i) {
    if (!by_lane[i].empty()) {
      context_.deliver(context_.router.plugin_of(reservations[i].lane), std::move(by_lane[i]));
    }
  }
}

/// After a lost connection: what of the settlements can still be written. False when nothing is left to do.
bool Pump::recover(std::vector<job::Settlement>& settlements) {
  std::vector<std::int64_t> known;
  for (const auto& [claim, count] : open_claims_) known.push_back(claim);
  const std::vector<std::int64_t> alive = session_->reconcile(known);
  const auto is_gone = [&](const job::Settlement& settlement) {
    return std::find(alive.begin(), alive.end(), settlement.claim) == alive.end();
  };
  // Their claim is gone: written by the statement whose answer was lost, or rescued by another runtime.
  const auto gone = std::stable_partition(settlements.begin(), settlements.end(),
                                          [&](const auto& settlement) { return !is_gone(settlement); });
  if (gone != settlements.end()) {
    log::warn(
        "whether outcomes were written is not known: their claim is gone, either by the statement whose "
        "answer "
        "was lost, which wrote them, or because another runtime rescued their jobs",
        {{"count", static_cast<unsigned long>(settlements.end() - gone)}});
  }
  report_written({std::make_move_iterator(gone), std::make_move_iterator(settlements.end())}, 0);
  settlements.erase(gone, settlements.end());
  return true;
}

void Pump::enlist_again() {
  runtime_ = context_.runtime(runtime_);
  open_claims_.clear();
  if (runtime_ != 0) session_ = context_.store.claims(runtime_, static_cast<int>(index_));
}

/// False when the runtime stops and has waited long enough.
bool Pump::wait_to_retry(int failures) {
  std::unique_lock lock(mutex_);
  const auto wake = Clock::now() + reconnect_delay(failures);
  changed_.wait_until(lock, wake, [&] { return stop_deadline_ && *stop_deadline_ <= Clock::now(); });
  if (!stop_deadline_ || Clock::now() < *stop_deadline_) return true;
  log::error(
      "outcomes could not be written before sluice stopped; another runtime will rescue their jobs, which "
      "may then run again");
  return false;
}

}  // namespace sluice::engine
