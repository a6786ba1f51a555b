#include "engine/pump/finisher.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <set>
#include <utility>

#include "base/duration.hpp"
#include "base/log.hpp"
#include "base/planted.hpp"

namespace sluice::engine {

namespace {

using store::Unwritten;

constexpr std::chrono::milliseconds linger{2};
constexpr std::size_t worthwhile = 200;
/// Claiming stops while this many outcomes are kept aside.
constexpr std::size_t most_aside = 5000;
/// The code of a job whose outcome the database refused.
constexpr const char* refused_code = "outcome-refused";
/// After this many refusals that could be the server's fault, while the server accepted other outcomes, an
/// outcome is refused for good.
constexpr int most_refusals = 3;
/// The number of failures up to which reconnect_delay() stays under a second.
constexpr int soon = 4;

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

std::vector<log::Field> fields_of(const job::Settlement& settlement) {
  return {{"job", settlement.id},
          {"type", settlement.type},
          {"attempt", settlement.attempt},
          {"outcome", job::name(settlement.outcome.result)}};
}

void log_aside(const job::Settlement& settlement, const Unwritten& unwritten) {
  std::vector<log::Field> fields = fields_of(settlement);
  if (unwritten.why == Unwritten::Why::locked) {
    if (!unwritten.message.empty()) fields.emplace_back("holder", unwritten.message);
    log::warn(
        "the outcome of a job waits because another session has locked the job's row; it is written when the "
        "row is unlocked, and other outcomes are written meanwhile",
        fields);
    return;
  }
  fields.emplace_back("reason", unwritten.message);
  log::error(
      "the database refuses the outcome of a job; the outcome is kept and tried again separately, and other "
      "outcomes are written meanwhile",
      fields);
}

/// The database answers, and may soon do what was requested, for example when a table is unlocked.
bool answered(const std::exception& error) {
  const auto* unavailable = dynamic_cast<const store::Unavailable*>(&error);
  return unavailable == nullptr || unavailable->answered();
}

/// Turns the refusal of a job's outcome into the job's error.
job::Settlement own_error(job::Settlement settlement, const Unwritten& unwritten) {
  job::Outcome& outcome = settlement.outcome;
  std::string error = "the database refused to write that the job ended as " +
                      std::string(job::name(outcome.result)) + ": " + unwritten.message;
  if (!unwritten.code.empty()) error += " [" + unwritten.code + "]";
  if (!outcome.error.empty()) error += "\nthe job's own error: " + outcome.error;
  outcome.error = std::move(error);
  outcome.code = refused_code;
  outcome.result = job::Result::fail;
  outcome.output.clear();
  settlement.status = job::Status::error;
  settlement.refund = false;
  settlement.delay.reset();
  return settlement;
}

}  // namespace

Finisher::Finisher(const PumpContext& context, std::function<void()> relieved, std::function<void()> ended)
    : context_(context),
      relieved_(std::move(relieved)),
      ended_(std::move(ended)),
      session_(context.store.finishes()),
      committer_(context,
                 [this](std::vector<Committer::Committed> committed) {
                   {
                     const base::Lock lock(mutex_);
                     for (auto& one : committed) committed_.push_back(std::move(one));
                   }
                   changed_.notify_one();
                 }),
      thread_([this] { run(); }) {}

void Finisher::expect(std::int64_t claim, std::size_t jobs) {
  const base::Lock lock(mutex_);
  open_claims_[claim].jobs = jobs;
  expected_ += jobs;
}

void Finisher::push(std::vector<job::Finished> jobs) {
  {
    const base::Lock lock(mutex_);
    if (inbox_.empty()) oldest_ = Clock::now();
    expected_ -= jobs.size();
    for (job::Finished& job : jobs) inbox_.push_back(std::move(job));
  }
  if (!base::planted(base::Bug::lost_wake)) changed_.notify_one();
}

void Finisher::mark(std::vector<job::Ref> jobs) {
  {
    const base::Lock lock(mutex_);
    running_ = std::move(jobs);
  }
  changed_.notify_one();
}

std::size_t Finisher::unwritten() const {
  const base::Lock lock(mutex_);
  return inbox_.size() + writing_;
}

std::vector<std::int64_t> Finisher::open_claims() const {
  const base::Lock lock(mutex_);
  std::vector<std::int64_t> claims;
  for (const auto& [claim, open] : open_claims_) claims.push_back(claim);
  claims.insert(claims.end(), surrendered_.begin(), surrendered_.end());
  return claims;
}

void Finisher::no_more() {
  {
    const base::Lock lock(mutex_);
    no_more_ = true;
  }
  changed_.notify_one();
}

void Finisher::limit(Clock::time_point deadline) {
  committer_.limit(deadline);
  {
    const base::Lock lock(mutex_);
    deadline_ = deadline;
  }
  changed_.notify_one();
}

void Finisher::run() {
  while (auto work = wait_for_work()) do_work(std::move(*work));
  ended_();
}

bool Finisher::due(Clock::time_point now) const {
  if (!committed_.empty()) return true;
  if (inbox_.empty()) return false;
  return expected_ == 0 || inbox_.size() >= worthwhile || now - oldest_ >= linger || no_more_;
}

/// Not counting outcomes that are kept aside.
bool Finisher::is_over() const {
  return no_more_ && expected_ == 0 && inbox_.empty() && committed_.empty() && committing_ == 0;
}

/// Nullopt if the pump has ended.
std::optional<Finisher::Work> Finisher::wait_for_work() {
  const base::Lock lock(mutex_);
  for (;;) {
    const auto now = Clock::now();
    if (auto work = take(now)) return work;
    if (is_over() && leave_aside(now)) return std::nullopt;
    const auto wake = next_wake();
    if (!wake) {
      changed_.wait(mutex_);
    } else {
      changed_.wait_until(mutex_, *wake);
    }
  }
}

/// When there may be something to do because time passes.
std::optional<Clock::time_point> Finisher::next_wake() const {
  std::optional<Clock::time_point> wake;
  const auto by = [&](Clock::time_point time) { wake = wake ? std::min(*wake, time) : time; };
  if (!inbox_.empty()) by(oldest_ + linger);
  for (const Aside& one : aside_) by(one.next);
  if (deadline_ && is_over() && !aside_.empty()) by(*deadline_);
  return wake;
}

std::optional<Finisher::Work> Finisher::take(Clock::time_point now) {
  Work work;
  if (is_over() && !hurried_) {
    hurried_ = true;
    for (Aside& one : aside_) one.next = now;
  }
  const auto waits = [&](const Aside& one) { return one.next > now; };
  const auto again = std::stable_partition(aside_.begin(), aside_.end(), waits);
  work.again.assign(std::make_move_iterator(again), std::make_move_iterator(aside_.end()));
  aside_.erase(again, aside_.end());
  context_.tally.aside(-static_cast<std::int64_t>(work.again.size()));
  work.running = std::exchange(running_, {});
  if (!due(now)) return work.empty() ? std::nullopt : std::optional(std::move(work));
  work.finished = std::exchange(inbox_, {});
  work.committed = std::exchange(committed_, {});
  writing_ = work.finished.size();
  return work;
}

/// At the end. Refused outcomes have been tried once more; locked rows may be unlocked before the deadline.
bool Finisher::leave_aside(Clock::time_point now) {
  const bool late = deadline_ && *deadline_ <= now;
  const auto has_time = [&](const Aside& one) { return one.locked && !late; };
  if (std::any_of(aside_.begin(), aside_.end(), has_time)) return false;
  for (const Aside& one : aside_) {
    std::vector<log::Field> fields = fields_of(one.settlement);
    fields.emplace_back("reason", one.why);
    base::mark("finisher: an outcome is left aside at a stop");
    log::error("the outcome of a job could not be written before sluice stopped", fields);
    if (one.settlement.outcome.result != job::Result::released) context_.unwritten({one.settlement.id});
  }
  context_.tally.aside(-static_cast<std::int64_t>(aside_.size()));
  aside_.clear();
  return true;
}

void Finisher::do_work(Work work) {
  std::vector<job::Settlement> settlements = context_.settle(std::move(work.finished));
  std::vector<job::Settlement> failed = take_committed(std::move(work.committed));
  place(settlements);
  hand_over_effects(settlements);
  std::move(failed.begin(), failed.end(), std::back_inserter(settlements));
  if (!settlements.empty() || !used_up_before_.empty()) write(std::move(settlements));
  if (!work.again.empty()) write_again(std::move(work.again));
  surrender_doubtful();
  if (!work.running.empty()) mark_running(std::move(work.running));
  {
    const base::Lock lock(mutex_);
    writing_ = aside_.size() > most_aside ? aside_.size() - most_aside : 0;
  }
  relieved_();
  if (context_.lanes.is_exhausted()) context_.idle();
}

/// If it fails, the engine reports the jobs again.
void Finisher::mark_running(std::vector<job::Ref> jobs) {
  std::erase_if(jobs, [&](const job::Ref& one) { return marked_.contains({one.claim, one.id}); });
  try {
    if (!jobs.empty()) {
      const std::vector<std::string> places = session_->mark(jobs, {});
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (places[i].empty()) continue;
        marked_[{jobs[i].claim, jobs[i].id}] = places[i];
        ++marked_of_[jobs[i].claim].jobs;
      }
    }
    // Only if it is known that all are marked, because then the claim is never looked at again.
    const std::vector<std::int64_t> filled = filled_claims();
    if (!filled.empty()) session_->mark({}, filled);
    for (const std::int64_t claim : filled) marked_of_[claim].filled = true;
    context_.outage.up(this);
  } catch (const std::exception& error) {
    if (!answered(error)) doubt_open_claims();
    log::debug("running jobs could not be marked as processing; trying again later",
               {{"reason", error.what()}});
  }
}

std::vector<std::int64_t> Finisher::filled_claims() {
  std::vector<std::int64_t> filled;
  const base::Lock lock(mutex_);
  for (const auto& [claim, marked] : marked_of_) {
    const auto open = open_claims_.find(claim);
    const bool known = open != open_claims_.end() && !open->second.doubtful;
    if (known && !marked.filled && open->second.jobs == marked.jobs) filled.push_back(claim);
  }
  return filled;
}

/// A marked row is in another place than where its claim found it.
void Finisher::place(std::vector<job::Settlement>& settlements) const {
  if (marked_.empty()) return;
  for (job::Settlement& settlement : settlements) {
    const auto marked = marked_.find({settlement.claim, settlement.id});
    if (marked != marked_.end()) settlement.place = marked->second;
  }
}

void Finisher::hand_over_effects(std::vector<job::Settlement>& settlements) {
  const auto effectful = std::stable_partition(settlements.begin(), settlements.end(),
                                               [](const auto& one) { return !one.outcome.effectful(); });
  for (auto one = effectful; one != settlements.end(); ++one) commit(std::move(*one), 0);
  settlements.erase(effectful, settlements.end());
}

/// Slow commits must not delay others. While a job is committed, it still takes room of its lane.
void Finisher::commit(job::Settlement settlement, int failures) {
  {
    const base::Lock lock(mutex_);
    ++committing_;
  }
  context_.lanes.on_commit(settlement.type, 1);
  committer_.push(std::move(settlement), failures);
}

/// Returns those that the database rejected, as failures to be written.
std::vector<job::Settlement> Finisher::take_committed(std::vector<Committer::Committed> committed) {
  std::vector<job::Settlement> written, dropped, unknown, rejected, untried;
  if (std::any_of(committed.begin(), committed.end(), [](const auto& one) { return one.unanswered; }))
    doubt_open_claims();
  for (auto& [settlement, unwritten, failures, unanswered] : committed) {
    context_.lanes.on_commit(settlement.type, -1);
    if (!unwritten) {
      written.push_back(std::move(settlement));
    } else if (unwritten->why == Unwritten::Why::not_ours) {
      (unanswered ? unknown : dropped).push_back(std::move(settlement));
    } else if (unwritten->why == Unwritten::Why::refused) {
      rejected.push_back(failed(std::move(settlement), *unwritten));
    } else if (unwritten->why == Unwritten::Why::locked) {
      keep_aside({std::move(settlement), {}, {}, failures, true, false, unanswered}, *unwritten);
    } else {
      untried.push_back(std::move(settlement));
    }
  }
  for (const auto* all : {&written, &dropped, &unknown}) {
    for (const std::int64_t claim : used_up(*all)) used_up_before_.push_back(claim);
    for (const job::Settlement& settlement : *all) close(settlement);
  }
  report_written(written);
  report_dropped(dropped);
  report_unknown(unknown);
  {
    const base::Lock lock(mutex_);
    committing_ -= committed.size();
  }
  if (!untried.empty()) give_up(untried);
  return rejected;
}

void Finisher::write(std::vector<job::Settlement> settlements) {
  bool unanswered = false;
  for (int failures = 0;;) {
    try {
      if (failures > 0) drop_settled(settlements);
      write_once(settlements, unanswered);
      context_.outage.up(this);
      return;
    } catch (const std::exception& error) {
      // Unavailable or Refused: the requests are kept and repeated.
      context_.outage.down(this, error);
      if (base::planted(base::Bug::unknown_is_done)) return report_unknown(settlements);
      if (!answered(error)) doubt_open_claims();
      unanswered = unanswered || !answered(error);
      failures = std::min(failures + 1, answered(error) ? soon : std::numeric_limits<int>::max());
    }
    if (wait_to_retry(failures)) continue;
    if (!settlements.empty()) give_up(settlements);
    return;
  }
}

/// Waits until the next try, and once more until the deadline itself; false after that.
bool Finisher::wait_to_retry(int failures) {
  const base::Lock lock(mutex_);
  const auto next = Clock::now() + reconnect_delay(failures);
  for (;;) {
    if (deadline_ && last_try_) return false;
    const auto until = deadline_ ? std::min(next, *deadline_) : next;
    if (Clock::now() >= until) break;
    changed_.wait_until(mutex_, until);
  }
  last_try_ = deadline_ && Clock::now() >= *deadline_;
  return true;
}

void Finisher::give_up(const std::vector<job::Settlement>& settlements) {
  base::mark("finisher: outcomes are given up at a stop");
  std::vector<std::string> ran;
  for (const job::Settlement& settlement : settlements) {
    if (settlement.outcome.result != job::Result::released) ran.push_back(settlement.id);
  }
  log::error(
      "outcomes could not be written before sluice stopped; their jobs are treated like those of a lost "
      "runtime",
      {{"count", settlements.size()}, {"ran", ran.size()}});
  context_.unwritten(std::move(ran));
}

void Finisher::write_once(std::vector<job::Settlement>& settlements, bool unanswered) {
  while (!settlements.empty() || !used_up_before_.empty()) {
    std::vector<std::int64_t> closing = used_up(settlements);
    closing.insert(closing.end(), used_up_before_.begin(), used_up_before_.end());
    const std::vector<Unwritten> unwritten = session_->finish(settlements, closing);
    used_up_before_.clear();
    std::vector<Aside> asked;
    asked.reserve(settlements.size());
    for (job::Settlement& settlement : settlements)
      asked.push_back({std::move(settlement), {}, {}, 0, false, false, unanswered});
    settlements.clear();
    for (Aside& one : sort_out(std::move(asked), unwritten)) {
      settlements.push_back(std::move(one.settlement));
    }
  }
}

/// Reports the written ones of `asked`, keeps aside those that can't be written, and returns those that have
/// to be written in another way.
std::vector<Finisher::Aside> Finisher::sort_out(std::vector<Aside> asked,
                                                const std::vector<Unwritten>& unwritten) {
  std::vector<job::Settlement> written, dropped, unknown;
  std::vector<Aside> otherwise_asked;
  auto next = unwritten.begin();
  for (std::size_t i = 0; i < asked.size(); ++i) {
    Aside& one = asked[i];
    if (next == unwritten.end() || next->index != i) {
      if (one.failures > 0)
        log::info("the outcome of a job was written after earlier attempts failed",
                  fields_of(one.settlement));
      close(one.settlement);
      if (one.over) context_.lanes.on_aside(-1);
      written.push_back(std::move(one.settlement));
      continue;
    }
    const Unwritten& why = *next++;
    if (why.why == Unwritten::Why::not_ours) {
      close(one.settlement);
      if (one.over) context_.lanes.on_aside(-1);
      (one.unanswered ? unknown : dropped).push_back(std::move(one.settlement));
    } else if (auto other = otherwise(one.settlement, why, one.failures)) {
      one.settlement = std::move(*other);
      otherwise_asked.push_back(std::move(one));
    } else {
      keep_aside(std::move(one), why);
    }
  }
  report_written(written);
  report_dropped(dropped);
  report_unknown(unknown);
  return otherwise_asked;
}

/// What to write instead of a refused outcome; nullopt if waiting is better.
std::optional<job::Settlement> Finisher::otherwise(const job::Settlement& settlement,
                                                   const Unwritten& unwritten, int failures) const {
  if (unwritten.why != Unwritten::Why::refused) return std::nullopt;
  if (settlement.status == job::Status::scheduled && unwritten.code == "23514") {
    if (!context_.no_scheduled.exchange(true)) {
      log::warn(
          "the table does not allow status scheduled: snoozed jobs wait in status error until they are due, "
          "and then become pending again",
          {{"reason", unwritten.message}});
    }
    job::Settlement waiting = settlement;
    waiting.status = job::Status::error;
    return waiting;
  }
  if (settlement.outcome.code == refused_code) return std::nullopt;
  if (unwritten.may_be_the_servers && failures < most_refusals) return std::nullopt;
  base::mark("finisher: an outcome is refused for good");
  return own_error(settlement, unwritten);
}

void Finisher::keep_aside(Aside aside, const Unwritten& unwritten) {
  base::mark("finisher: an outcome is kept aside");
  constexpr std::chrono::milliseconds longest_locked{2000}, longest_refused{30000};
  const bool locked = unwritten.why == Unwritten::Why::locked;
  if (aside.failures == 0 || locked != aside.locked) log_aside(aside.settlement, unwritten);
  aside.locked = locked;
  aside.why = unwritten.message.empty() ? "another session has locked its row" : unwritten.message;
  const auto delay = std::chrono::milliseconds(100) * (1 << std::min(aside.failures, 9));
  ++aside.failures;
  aside.next = Clock::now() + std::min(delay, locked ? longest_locked : longest_refused);
  // A drain does not wait for outcomes that can't be written.
  if (!locked && !aside.over) {
    aside.over = true;
    context_.lanes.on_aside(1);
  }
  aside_.push_back(std::move(aside));
  context_.tally.aside(1);
}

/// Each by itself, so it does not hold up others.
void Finisher::write_again(std::vector<Aside> asides) {
  const auto effectful = std::stable_partition(
      asides.begin(), asides.end(), [](const Aside& one) { return !one.settlement.outcome.effectful(); });
  for (auto one = effectful; one != asides.end(); ++one) commit(std::move(one->settlement), one->failures);
  asides.erase(effectful, asides.end());
  if (!asides.empty()) finish_again(std::move(asides));
}

void Finisher::finish_again(std::vector<Aside> asides) {
  while (!asides.empty()) {
    std::vector<job::Settlement> settlements;
    settlements.reserve(asides.size());
    for (const Aside& one : asides) settlements.push_back(one.settlement);
    std::vector<Unwritten> unwritten;
    try {
      unwritten = session_->finish_with_care(settlements, used_up(settlements));
      context_.outage.up(this);
    } catch (const std::exception& error) {
      // The next outcome will show whether the database is lost.
      if (!answered(error)) doubt_open_claims();
      for (Aside& one : asides) {
        const auto why = one.locked ? Unwritten::Why::locked : Unwritten::Why::refused;
        one.unanswered = one.unanswered || !answered(error);
        keep_aside(std::move(one), {0, why, "", error.what(), true});
      }
      return;
    }
    asides = sort_out(std::move(asides), unwritten);
  }
}

job::Settlement Finisher::failed(job::Settlement settlement, const Unwritten& unwritten) const {
  job::Finished again;
  static_cast<job::Ref&>(again.job) = settlement;
  const bool at_most_once = context_.policy(again.job.type).at_most_once;
  again.outcome.result = at_most_once ? job::Result::fail : job::Result::retry;
  again.outcome.duration = settlement.outcome.duration;
  again.outcome.code = unwritten.code;
  again.outcome.error =
      "the handler returned done, but committing its follow-up jobs and effects with the job failed: " +
      unwritten.message;
  return context_.settle(std::move(again));
}

/// The claims that have no other unwritten job, and can be deleted without a look at their jobs.
std::vector<std::int64_t> Finisher::used_up(const std::vector<job::Settlement>& settlements) const {
  std::unordered_map<std::int64_t, std::size_t> settled;
  for (const job::Settlement& settlement : settlements) ++settled[settlement.claim];
  std::vector<std::int64_t> closing;
  const base::Lock lock(mutex_);
  for (const auto& [claim, count] : settled) {
    const auto open = open_claims_.find(claim);
    const bool used_up = open != open_claims_.end() && open->second.jobs <= count;
    if (used_up && !open->second.doubtful) closing.push_back(claim);
  }
  return closing;
}

/// After a lost connection: keeps only the settlements that can still be written.
void Finisher::drop_settled(std::vector<job::Settlement>& settlements) {
  std::set<std::int64_t> claims;
  for (const job::Settlement& settlement : settlements) claims.insert(settlement.claim);
  if (claims.empty()) return;
  const std::vector<std::int64_t> living = session_->living({claims.begin(), claims.end()});
  const std::set<std::int64_t> alive(living.begin(), living.end());
  // Their claim is gone: either they were written by the statement whose answer was lost, or rescued by
  // another runtime.
  const auto gone =
      std::stable_partition(settlements.begin(), settlements.end(),
                            [&](const auto& settlement) { return alive.count(settlement.claim) > 0; });
  if (gone == settlements.end()) return;
  std::vector<job::Settlement> unknown(std::make_move_iterator(gone),
                                       std::make_move_iterator(settlements.end()));
  settlements.erase(gone, settlements.end());
  for (const job::Settlement& settlement : unknown) close(settlement);
  report_unknown(unknown);
}

/// Nothing more will be written for a job.
void Finisher::close(const job::Settlement& settlement) {
  if (const auto marked = marked_.find({settlement.claim, settlement.id}); marked != marked_.end()) {
    marked_.erase(marked);
    const auto of_claim = marked_of_.find(settlement.claim);
    if (--of_claim->second.jobs == 0) marked_of_.erase(of_claim);
  }
  const base::Lock lock(mutex_);
  const auto open = open_claims_.find(settlement.claim);
  if (open == open_claims_.end()) return;
  open->second.begun = true;
  if (--open->second.jobs > 0) return;
  if (open->second.doubtful) surrendered_.push_back(settlement.claim);
  open_claims_.erase(open);
}

/// A connection was lost, so the server may have crashed, and outcomes and marks that it acknowledged may be
/// lost.
void Finisher::doubt_open_claims() {
  if (base::planted(base::Bug::trusts_the_server)) return;
  const base::Lock lock(mutex_);
  for (auto& [claim, open] : open_claims_)
    open.doubtful = open.doubtful || open.begun || marked_of_.contains(claim);
  surrendered_.insert(surrendered_.end(), used_up_before_.begin(), used_up_before_.end());
  used_up_before_.clear();
}

/// Is repeated until it succeeds, or, at a stop, until the deadline. Then the runtime leaves with these
/// claims.
void Finisher::surrender_doubtful() {
  std::vector<std::int64_t> claims;
  {
    const base::Lock lock(mutex_);
    claims = surrendered_;
  }
  if (claims.empty()) return;
  for (int failures = 0;;) {
    try {
      session_->surrender(claims);
      context_.outage.up(this);
      break;
    } catch (const std::exception& error) {
      context_.outage.down(this, error);
      failures = std::min(failures + 1, answered(error) ? soon : std::numeric_limits<int>::max());
    }
    if (!wait_to_retry(failures)) return;
  }
  const base::Lock lock(mutex_);
  surrendered_.clear();
}

void Finisher::report_written(const std::vector<job::Settlement>& settlements) {
  context_.tally.count(settlements);
  bool again = false;
  for (const job::Settlement& settlement : settlements) {
    const bool given_back = settlement.status == job::Status::pending;
    if (given_back) context_.lanes.on_give_back(settlement.type, settlement.created_at);
    again = again || given_back || !settlement.outcome.follow_ups.empty();
    const bool snoozed = settlement.outcome.result == job::Result::snooze;
    if (settlement.status == job::Status::error && !snoozed) log_failure(settlement);
  }
  context_.lanes.on_write(settlements.size(), again);
}

/// Their claims are gone after a statement that got no answer, so they count as written.
void Finisher::report_unknown(const std::vector<job::Settlement>& settlements) {
  if (settlements.empty()) return;
  base::mark("finisher: it is unknown whether outcomes were written");
  log::warn(
      "it is unknown whether outcomes were written, because the database's answer was lost: either they were "
      "written, or their jobs had been taken away meanwhile (rescued by another runtime, which runs them "
      "again, or changed by hand)",
      {{"count", settlements.size()}});
  context_.tally.count(settlements);
  const bool again = std::any_of(settlements.begin(), settlements.end(), [](const auto& settlement) {
    return settlement.status == job::Status::pending;
  });
  context_.lanes.on_write(settlements.size(), again);
}

void Finisher::report_dropped(const std::vector<job::Settlement>& settlements) {
  if (settlements.empty()) return;
  base::mark("finisher: jobs were taken away");
  context_.tally.drop(static_cast<std::int64_t>(settlements.size()));
  context_.lanes.on_write(settlements.size(), false);
  log::warn(
      "outcomes were not written, because their jobs had been taken away meanwhile (rescued by another "
      "runtime, or changed by hand)",
      {{"count", settlements.size()}});
}

}  // namespace sluice::engine
