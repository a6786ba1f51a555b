#include "engine/claimer.hpp"

#include <utility>

namespace sluice::engine {

namespace {

/// Of a job that plugins are not shown.
job::Finished turned_back(job::Job job) {
  job::Finished finished;
  finished.outcome.result = job::Result::fail;
  finished.outcome.code = "not-utf-8";
  finished.outcome.error =
      "the job's id or payload is not UTF-8, which plugins are promised; the database has no encoding "
      "(SQL_ASCII), and takes any bytes";
  finished.job = std::move(job);
  finished.job.payload = {};
  return finished;
}

}  // namespace

Claimer::Claimer(std::uint32_t pump, const PumpContext& context, Finisher& finisher)
    : pump_(pump), context_(context), finisher_(finisher), thread_([this] { run(); }) {}

void Claimer::poke() {
  {
    const base::Lock lock(mutex_);
    poked_ = true;
  }
  changed_.notify_one();
}

void Claimer::stop() {
  {
    const base::Lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
}

bool Claimer::stopping() const {
  const base::Lock lock(mutex_);
  return stopping_;
}

void Claimer::run() {
  enlist_again();
  while (wait_for_room()) claim();
  finisher_.no_more();
}

/// Returns when something may be claimed; false when the pump stops.
bool Claimer::wait_for_room() {
  const base::Lock lock(mutex_);
  for (;;) {
    if (stopping_) return false;
    const auto now = Clock::now();
    if (finisher_.unwritten() < context_.most_unwritten && context_.router.claimable(now)) return true;
    const auto next = context_.router.next_due(now);
    while (!stopping_ && !poked_ && changed_.wait_until(mutex_, next)) {
    }
    poked_ = false;
  }
}

void Claimer::wait_to_retry(int failures) {
  const auto until = Clock::now() + reconnect_delay(failures);
  const base::Lock lock(mutex_);
  while (!stopping_ && changed_.wait_until(mutex_, until)) {
  }
}

/// Asks again what was refused, too. What a statement claimed whose answer was lost is given back, by the
/// next reconciliation or, at a stop, as the runtime takes leave.
void Claimer::claim() {
  for (int failures = 0; !stopping();) {
    const auto step = [&] {
      if (failures > 0) session_->reconcile(finisher_.open_claims());
      claim_once();
      return true;
    };
    if (context_.ask(this, step, [this] { enlist_again(); })) return;
    wait_to_retry(++failures);
  }
}

void Claimer::claim_once() {
  const store::RuntimeId now = context_.runtime(0);
  if (now != runtime_) use(now);
  const std::vector<Reservation> lanes = context_.router.reserve(Clock::now());
  if (lanes.empty()) return;
  const auto started = Clock::now();
  store::Claimed claimed = ask(lanes);
  const auto took = Clock::now() - started;
  if (claimed.claim != 0) finisher_.expect(claimed.claim, claimed.jobs.size());
  hand_over(std::move(claimed), lanes, took);
  if (context_.router.exhausted()) context_.idle();
}

/// Gives the room back and throws on what the store throws.
store::Claimed Claimer::ask(const std::vector<Reservation>& lanes) {
  std::vector<store::LaneRequest> requests;
  requests.reserve(lanes.size());
  for (const Reservation& lane : lanes) requests.push_back(context_.router.request(lane));
  try {
    return session_->claim(requests, lanes.front().durable);
  } catch (...) {
    for (const Reservation& lane : lanes) context_.router.unclaimed(lane);
    throw;
  }
}

/// Tells the router what came, and gives the jobs to their plugins.
void Claimer::hand_over(store::Claimed claimed, const std::vector<Reservation>& lanes, Clock::duration took) {
  const auto policies = context_.policies.now();
  std::vector<job::Job> jobs;
  jobs.reserve(claimed.jobs.size());
  std::vector<job::Finished> unreadable;
  std::vector<ClaimResult> results(lanes.size());
  context_.tally.claimed(claimed.jobs);
  for (ClaimResult& result : results) result.asked_at = claimed.asked_at;
  for (store::ClaimedJob& one : claimed.jobs) {
    one.job.bytes = static_cast<std::int64_t>(one.job.payload.size());
    results[one.lane].add(one.job.type, one.job.bytes, one.job.created_at);
    const auto policy = policies->find(one.job.type);
    one.job.max_attempts = policy == policies->end() ? 1 : policy->second.max_attempts;
    one.job.pump = pump_;
    one.job.durable = lanes.front().durable;
    if (one.unreadable) {
      unreadable.push_back(turned_back(std::move(one.job)));
    } else {
      jobs.push_back(std::move(one.job));
    }
  }
  const auto now = Clock::now();
  for (std::size_t i = 0; i < lanes.size(); ++i) context_.router.claimed(lanes[i], results[i], took, now);
  if (!jobs.empty()) context_.deliver(std::move(jobs));
  if (!unreadable.empty()) context_.turn_back(std::move(unreadable));
}

void Claimer::enlist_again() {
  use(context_.runtime(runtime_));
}

/// None when sluice stops.
void Claimer::use(store::RuntimeId runtime) {
  runtime_ = runtime;
  if (runtime_ != 0) session_ = context_.store.claims(runtime_, static_cast<int>(pump_));
}

}  // namespace sluice::engine
