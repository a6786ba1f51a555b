#include "engine/brief_pump.hpp"

#include <algorithm>
#include <set>

#include "base/log.hpp"

namespace sluice::engine {

namespace {

/// For how long rows stay locked, at most: an application that writes one of them waits so long.
constexpr std::chrono::milliseconds longest_lock{100};

job::Job without_payload(const job::Job& job) {
  job::Job light;
  light.id = job.id;
  light.type = job.type;
  light.attempt = job.attempt;
  light.claim = job.claim;
  light.place = job.place;
  return light;
}

/// Those of job::Finished or store::ClaimedJob, without payloads.
template <typename WithJob>
std::vector<job::Job> jobs_of(const std::vector<WithJob>& all) {
  std::vector<job::Job> jobs;
  jobs.reserve(all.size());
  for (const WithJob& one : all) jobs.push_back(without_payload(one.job));
  return jobs;
}

job::Finished claimed(job::Finished finished, std::int64_t claim, std::string place) {
  finished.job.claim = claim;
  finished.job.place = std::move(place);
  return finished;
}

/// Of the rows that such a claim locked, it may have left some.
bool reached_the_byte_limit(const store::Claimed& claimed) {
  std::size_t bytes = 0;
  for (const store::ClaimedJob& one : claimed.jobs) bytes += one.job.payload.size();
  return bytes >= static_cast<std::size_t>(claim_bytes);
}

}  // namespace

BriefPump::BriefPump(std::uint32_t index, PumpContext context)
    : index_(index),
      context_(std::move(context)),
      finisher_(
          context_, [this] { gate_.poke(); }, context_.finished),
      gate_(context_, finisher_, ClaimMode::brief),
      thread_([this] { run(); }) {}

void BriefPump::push(std::vector<job::Finished> jobs) {
  std::vector<job::Finished> kept;
  {
    const std::lock_guard lock(mutex_);
    for (job::Finished& one : jobs) {
      if (one.job.claim > 0) {
        kept.push_back(std::move(one));
        continue;
      }
      if (one.job.claim == batch_) {
        --running_;
        returned_.push_back(std::move(one));
        continue;
      }
      const auto left = left_.find({one.job.claim, one.job.id});
      if (left == left_.end()) continue;
      Left& attempt = left->second;
      if (attempt.claim == being_written) {
        attempt.back = std::move(one);
        continue;
      }
      if (attempt.claim != not_ours) {
        kept.push_back(claimed(std::move(one), attempt.claim, std::move(attempt.place)));
      }
      left_.erase(left);
    }
  }
  changed_.notify_one();
  if (!kept.empty()) finisher_.push(std::move(kept));
}

void BriefPump::stop(Clock::time_point deadline) {
  finisher_.limit(deadline);
  {
    const std::lock_guard lock(mutex_);
    deadline_ = deadline;
  }
  changed_.notify_one();
  gate_.stop();
}

void BriefPump::run() {
  enlist_again();
  while (gate_.wait_for_room()) pump_once();
  finisher_.no_more();
}

void BriefPump::pump_once() {
  Intake intake = claim();
  if (intake.lanes.empty()) return;
  const auto deadline = Clock::now() + longest_lock;
  const bool others_locked = reached_the_byte_limit(intake.claimed);
  if (intake.claimed.claim < 0) {
    begin_batch(intake.claimed);
  } else {
    if (others_locked) context_.router.unlocked();
    if (intake.claimed.claim > 0) finisher_.expect(intake.claimed.claim, intake.claimed.jobs.size());
  }
  hand_over(context_, index_, std::move(intake));
  if (!locked_.empty()) {
    wait_for_jobs(deadline);
    write(take_batch(), others_locked);
  }
  if (context_.router.exhausted()) context_.idle();
}

template <typename Step>
auto BriefPump::ask(Step&& step) {
  return context_.ask(this, step, [this] { enlist_again(); });
}

/// No lanes where there was no room, or the pump stops. Nothing runs yet: what was recorded by a statement
/// whose answer was lost is given back, by the next relock() or, at a stop, as the runtime takes leave.
Intake BriefPump::claim() {
  for (int failures = 0; !gate_.stopping();) {
    auto intake = ask([&] {
      if (failures > 0) session_->relock({}, finisher_.open_claims());
      return claim_for_room(context_, ClaimMode::brief, [&](const auto& lanes) { return lock(lanes); });
    });
    if (intake) return std::move(*intake);
    gate_.wait_to_retry(++failures);
  }
  return {};
}

/// Gives the jobs the number of their batch, or, while the database is in trouble, a claim.
store::Claimed BriefPump::lock(const std::vector<store::LaneRequest>& lanes) {
  const store::RuntimeId now = context_.runtime(0);
  if (now != runtime_) use(now);
  store::Claimed claimed = session_->claim(lanes);
  if (claimed.jobs.empty()) return claimed;
  if (context_.record_first || context_.outage.lasting()) {
    record(claimed);
  } else {
    claimed.claim = -++batches_;
    for (store::ClaimedJob& one : claimed.jobs) one.job.claim = claimed.claim;
  }
  return claimed;
}

void BriefPump::record(store::Claimed& claimed) {
  const store::Kept kept = end({}, jobs_of(claimed.jobs));
  claimed.claim = kept.claim;
  std::erase_if(claimed.jobs, [&](const auto& one) { return kept.places.count(one.job.id) == 0; });
  for (store::ClaimedJob& one : claimed.jobs) {
    one.job.claim = kept.claim;
    one.job.place = kept.places.at(one.job.id);
  }
}

void BriefPump::begin_batch(const store::Claimed& claimed) {
  locked_ = jobs_of(claimed.jobs);
  const std::lock_guard lock(mutex_);
  batch_ = claimed.claim;
  running_ = locked_.size();
}

void BriefPump::wait_for_jobs(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline, [&] { return running_ == 0; });
}

/// Sorts the batch at hand by what is to be written. What comes back from now on finds itself in left_.
BriefPump::Batch BriefPump::take_batch() {
  Batch batch;
  std::vector<job::Finished> returned;
  {
    const std::lock_guard lock(mutex_);
    returned = std::exchange(returned_, {});
    batch_ = 0;
    if (running_ > 0) {
      std::set<std::string_view> back;
      for (const job::Finished& one : returned) back.insert(one.job.id);
      for (job::Job& job : locked_) {
        if (back.count(job.id) > 0) continue;
        left_[{job.claim, job.id}] = {};
        batch.kept.push_back(std::move(job));
      }
      running_ = 0;
    }
  }
  locked_.clear();
  for (job::Finished& one : returned) {
    if (one.outcome.plain()) {
      batch.done.push_back(std::move(one));
    } else if (one.outcome.result == job::Result::released) {
      batch.released.push_back(std::move(one));
    } else {
      batch.kept.push_back(without_payload(one.job));
      batch.back.push_back(std::move(one));
    }
  }
  return batch;
}

void BriefPump::write(Batch batch, bool others_locked) {
  auto kept = ask([&] { return end(jobs_of(batch.done), batch.kept); });
  const bool written = kept.has_value();
  if (!written) {
    for (job::Job& job : jobs_of(batch.done)) batch.kept.push_back(std::move(job));
    std::move(batch.done.begin(), batch.done.end(), std::back_inserter(batch.back));
    kept = keep_what_is_left(batch.kept);
  }
  if (others_locked) context_.router.unlocked();
  if (written) report(std::exchange(batch.done, {}));
  report(std::exchange(batch.released, {}));
  go_on(std::move(batch), *kept);
}

/// Where rows stayed as they were in spite of their locks, they would be locked, and run, again and again.
store::Kept BriefPump::end(const std::vector<job::Job>& done, const std::vector<job::Job>& kept) {
  store::Kept answer = session_->end(done, kept);
  if (answer.places.size() < kept.size() && !context_.record_first.exchange(true)) {
    log::error(
        "the table held back updates of locked jobs: look for a trigger, a rule or a policy on it; jobs of "
        "brief types are claimed like others until sluice starts again");
  }
  return answer;
}

/// After a failed end. Nothing when the database stayed lost until the pump had to stop.
store::Kept BriefPump::keep_what_is_left(const std::vector<job::Job>& jobs) {
  for (int failures = 0;;) {
    const auto kept = ask([&] {
      const auto places = session_->relock(jobs, finisher_.open_claims());
      std::vector<job::Job> ours;
      for (const job::Job& job : jobs) {
        const auto place = places.find(job.id);
        if (place == places.end()) continue;
        ours.push_back(job);
        ours.back().place = place->second;
      }
      return ours.empty() ? store::Kept() : end({}, ours);
    });
    if (kept) return *kept;
    std::unique_lock lock(mutex_);
    const auto is_over = [&] { return deadline_ && *deadline_ <= Clock::now(); };
    if (changed_.wait_for(lock, reconnect_delay(++failures), is_over)) return {};
  }
}

/// What is kept goes on as an ordinary claim; the rest of batch.kept is written, or somebody else's, by now.
void BriefPump::go_on(Batch batch, const store::Kept& kept) {
  if (!kept.places.empty()) finisher_.expect(kept.claim, kept.places.size());
  std::vector<job::Job> lost;
  {
    const std::lock_guard lock(mutex_);
    for (job::Job& job : batch.kept) {
      const auto place = kept.places.find(job.id);
      const bool ours = place != kept.places.end();
      const auto left = left_.find({job.claim, job.id});
      if (left != left_.end() && left->second.back) {
        batch.back.push_back(std::move(*left->second.back));
        left_.erase(left);
      } else if (left != left_.end()) {
        left->second.claim = ours ? kept.claim : not_ours;
        if (ours) left->second.place = place->second;
      }
      if (!ours) lost.push_back(std::move(job));
    }
  }
  std::vector<job::Finished> back;
  for (job::Finished& one : batch.back) {
    const auto place = kept.places.find(one.job.id);
    if (place != kept.places.end()) back.push_back(claimed(std::move(one), kept.claim, place->second));
  }
  if (!back.empty()) finisher_.push(std::move(back));
  if (!lost.empty()) drop(lost.size());
}

/// Nothing will be written of so many jobs.
void BriefPump::drop(std::size_t jobs) {
  log::warn(
      "whether outcomes were written is not known, as the locks on their jobs were lost before the answer; "
      "what was not written runs again",
      {{"count", jobs}});
  for (std::size_t i = 0; i < jobs; ++i) context_.router.settled(true);
  context_.tally.drop(static_cast<std::int64_t>(jobs));
}

void BriefPump::report(std::vector<job::Finished> jobs) {
  const std::vector<job::Settlement> settled = context_.settle(std::move(jobs));
  context_.tally.count(settled);
  for (const job::Settlement& one : settled) {
    context_.router.settled(one.status == job::Status::pending);
  }
}

void BriefPump::enlist_again() {
  use(context_.runtime(runtime_));
}

/// None when sluice stops.
void BriefPump::use(store::RuntimeId runtime) {
  runtime_ = runtime;
  if (runtime_ != 0) session_ = context_.store.briefs(runtime_, static_cast<int>(index_));
}

}  // namespace sluice::engine
