#include "engine/pump/claimer.hpp"

#include <algorithm>
#include <utility>

#include "base/planted.hpp"

namespace sluice::engine {

namespace {

/// For a job that is not shown to plugins.
job::Finished turned_back(job::Job job) {
  job::Finished finished;
  finished.outcome.result = job::Result::fail;
  finished.outcome.code = "not-utf-8";
  finished.outcome.error =
      "the job's id or payload is not valid UTF-8, which plugins rely on; the database's encoding is "
      "SQL_ASCII, so it stores any bytes";
  finished.job = std::move(job);
  finished.job.payload = {};
  return finished;
}

}  // namespace

Claimer::Claimer(std::uint32_t pump, const PumpContext& context, Finisher& finisher, bool listens)
    : pump_(pump),
      listens_(listens),
      context_(context),
      finisher_(finisher),
      session_(context.store.claims(0, static_cast<int>(pump), listens)),
      waker_(context.lanes),
      thread_([this] { run(); }) {}

void Claimer::poke() {
  session_->interrupt();
}

void Claimer::stop() {
  stopping_ = true;
  session_->interrupt();
}

void Claimer::run() {
  enlist_again();
  while (wait_for_room()) claim();
  finisher_.no_more();
}

/// Returns when a claim may be made; false if the pump stops.
bool Claimer::wait_for_room() {
  for (int failures = 0; !stopping_;) {
    const auto now = Clock::now();
    const bool room = has_room(now);
    if (room && !listens_) return true;
    try {
      reconcile();
      listen(room ? now : context_.lanes.next_look(now));
      if (std::exchange(failures, 0) > 0) context_.outage.up(this);
    } catch (const std::exception& error) {
      context_.outage.down(this, error);
      waker_.on_lost();
      lost_ = true;
      ++failures;
      if (!room) wait_to_retry(failures);
    }
    if (room) return true;
  }
  return false;
}

bool Claimer::has_room(Clock::time_point now) const {
  return finisher_.unwritten() < context_.most_unwritten && context_.lanes.can_reserve(now);
}

/// Waits until poke() is called, jobs were inserted, or `until`.
void Claimer::listen(Clock::time_point until) {
  if (listens_) {
    const auto now = Clock::now();
    waker_.renew(*session_, runtime_, now);
    until = std::min(until, waker_.next_renewal(now));
  }
  const std::int64_t heard = session_->wait(until);
  if (heard == 0) return;
  waker_.on_notified(heard);
  notified_ = true;
}

void Claimer::wait_to_retry(int failures) {
  const auto until = Clock::now() + reconnect_delay(failures);
  while (!stopping_ && Clock::now() < until) {
    try {
      session_->wait(until);
    } catch (const std::exception& error) {
      context_.outage.down(this, error);
    }
  }
}

/// Also repeats refused claims. Jobs that were claimed by a statement whose answer was lost are given back by
/// the next reconciliation or, at a stop, when the runtime signs off.
void Claimer::claim() {
  for (int failures = 0; !stopping_;) {
    const auto step = [&] {
      reconcile();
      claim_once();
      return true;
    };
    if (context_.ask(this, step, [this] { enlist_again(); })) break;
    waker_.on_lost();
    lost_ = true;
    wait_to_retry(++failures);
  }
  if (std::exchange(notified_, false)) context_.notified();
}

/// Also after a connection was lost that only listened: the server may have crashed, and the ends of claims
/// may be among the commits that it lost.
void Claimer::reconcile() {
  if (!lost_ || base::planted(base::Bug::no_reconcile)) return;
  session_->reconcile(finisher_.open_claims(), newest_);
  lost_ = false;
}

void Claimer::claim_once() {
  const store::RuntimeId now = context_.runtime(0);
  if (now != runtime_) use(now);
  const std::vector<ClaimPlan> plans = context_.lanes.reserve(Clock::now());
  if (plans.empty()) return;
  const auto started = Clock::now();
  store::Claimed claimed = ask(plans);
  const auto took = Clock::now() - started;
  if (claimed.claim != 0) {
    newest_ = claimed.claim;
    finisher_.expect(claimed.claim, claimed.jobs.size());
  }
  hand_over(std::move(claimed), plans, took);
  if (context_.lanes.is_exhausted()) context_.idle();
}

/// If the store throws, frees the room and throws on.
store::Claimed Claimer::ask(const std::vector<ClaimPlan>& plans) {
  std::vector<store::LaneRequest> requests;
  requests.reserve(plans.size());
  for (const ClaimPlan& plan : plans) requests.push_back(plan.request);
  try {
    return session_->claim(requests, plans.front().durable);
  } catch (...) {
    context_.lanes.on_claim_failure(plans, Clock::now());
    throw;
  }
}

/// Reports the claimed jobs to the lanes, and gives them to their plugins.
void Claimer::hand_over(store::Claimed claimed, const std::vector<ClaimPlan>& plans, Clock::duration took) {
  const auto policies = context_.policies.now();
  std::vector<job::Job> jobs;
  jobs.reserve(claimed.jobs.size());
  std::vector<job::Finished> unreadable;
  context_.tally.claimed(claimed.jobs);
  for (store::ClaimedJob& one : claimed.jobs)
    one.job.bytes = static_cast<std::int64_t>(one.job.payload.size());
  context_.lanes.on_claim(plans, claimed, took, Clock::now());
  for (store::ClaimedJob& one : claimed.jobs) {
    const auto policy = policies->find(one.job.type);
    one.job.max_attempts = policy == policies->end() ? 1 : policy->second.max_attempts;
    one.job.pump = pump_;
    one.job.durable = plans.front().durable;
    if (one.unreadable) {
      unreadable.push_back(turned_back(std::move(one.job)));
    } else {
      jobs.push_back(std::move(one.job));
    }
  }
  if (!jobs.empty()) context_.deliver(std::move(jobs));
  if (!unreadable.empty()) context_.turn_back(std::move(unreadable));
}

void Claimer::enlist_again() {
  if (runtime_ != 0) base::mark("claimer: fenced");
  use(context_.runtime(runtime_));
}

/// Nullopt if sluice is stopping.
void Claimer::use(store::RuntimeId runtime) {
  runtime_ = runtime;
  session_->use(runtime);
}

}  // namespace sluice::engine
