#include "engine/brief_pump.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <set>
#include <utility>

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
  light.place = job.place;
  return light;
}

job::Finished claimed(job::Finished finished, std::int64_t claim, std::string place) {
  finished.job.claim = claim;
  finished.job.place = std::move(place);
  return finished;
}

}  // namespace

BriefPump::BriefPump(std::uint32_t index, PumpContext context)
    : index_(index),
      context_(std::move(context)),
      finisher_(
          context_, [] {}, context_.finished),
      thread_([this] { run(); }) {}

void BriefPump::push(std::vector<job::Finished> jobs) {
  std::vector<job::Finished> kept;
  {
    const std::lock_guard lock(mutex_);
    for (job::Finished& one : jobs) {
      const auto left = left_.find(one.job.id);
      if (left == left_.end()) {
        --running_;
        returned_.push_back(std::move(one));
      } else if (!left->second.claim) {
        left->second.back = std::move(one);
      } else {
        if (*left->second.claim != 0) {
          kept.push_back(claimed(std::move(one), *left->second.claim, std::move(left->second.place)));
        }
        left_.erase(left);
      }
    }
  }
  changed_.notify_one();
  if (!kept.empty()) finisher_.push(std::move(kept));
}

void BriefPump::poke() {
  {
    const std::lock_guard lock(mutex_);
    poked_ = true;
  }
  changed_.notify_one();
}

void BriefPump::stop(Clock::time_point deadline) {
  finisher_.limit(deadline);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    deadline_ = deadline;
  }
  changed_.notify_one();
}

bool BriefPump::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void BriefPump::run() {
  enlist_again();
  while (wait_for_room()) pump_once();
  finisher_.no_more();
}

/// False when the pump stops.
bool BriefPump::wait_for_room() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stopping_) return false;
    const auto now = Clock::now();
    if (context_.router.claimable(now, ClaimMode::brief)) return true;
    changed_.wait_until(lock, context_.router.next_due(now),
                        [&] { return stopping_ || std::exchange(poked_, false); });
  }
}

void BriefPump::pump_once() {
  Intake intake = claim();
  if (intake.lanes.empty()) return;
  const auto deadline = Clock::now() + longest_lock;
  for (const store::ClaimedJob& one : intake.claimed.jobs) locked_.push_back(without_payload(one.job));
  {
    const std::lock_guard lock(mutex_);
    running_ = locked_.size();
  }
  hand_over(context_, index_, std::move(intake));
  if (!locked_.empty()) {
    wait_for_jobs(deadline);
    end(take_batch());
  }
  if (context_.router.exhausted()) context_.idle();
}

/// No lanes where there was no room, or the pump stops.
Intake BriefPump::claim() {
  for (int failures = 0; !stopping();) {
    try {
      Intake intake = claim_for_room(context_, ClaimMode::brief,
                                     [&](const auto& lanes) { return session_->claim(lanes); });
      context_.outage.up(this);
      return intake;
    } catch (const store::Fenced&) {
      enlist_again();
    } catch (const std::exception& error) {
      context_.outage.down(this, error.what());  // nothing is written, nothing is lost
    }
    wait_to_retry(++failures);
  }
  return {};
}

void BriefPump::wait_for_jobs(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline, [&] { return running_ == 0; });
}

/// Sorts the batch by what the commit has to do with its jobs.
BriefPump::Batch BriefPump::take_batch() {
  Batch batch;
  std::vector<job::Finished> returned;
  {
    const std::lock_guard lock(mutex_);
    returned = std::exchange(returned_, {});
    if (running_ > 0) {
      std::set<std::string> back;
      for (const job::Finished& one : returned) back.insert(one.job.id);
      std::copy_if(locked_.begin(), locked_.end(), std::back_inserter(batch.kept),
                   [&](const job::Job& job) { return back.count(job.id) == 0; });
      for (const job::Job& job : batch.kept) left_[job.id] = {};
      running_ = 0;
    }
  }
  locked_.clear();
  for (job::Finished& one : returned) {
    const bool plain = one.outcome.plain();
    if (!plain && one.outcome.result != job::Result::released) {
      batch.kept.push_back(without_payload(one.job));
      batch.came_back.push_back(std::move(one));
      continue;
    }
    if (plain) batch.done.push_back(without_payload(one.job));
    batch.settled.push_back(context_.settle(std::move(one)));
  }
  return batch;
}

void BriefPump::end(Batch batch) {
  store::Kept kept;
  if (write(batch, kept)) {
    report(batch.settled);
    if (kept.claim != 0) keep(std::move(batch.came_back), kept);
    return;
  }
  log::error(
      "jobs were run whose outcome could not be written before sluice stopped; they are still pending and "
      "will run again",
      {{"count", batch.done.size() + batch.came_back.size()}});
  drop(batch.done);
  drop(batch.kept);
}

/// False when the database stayed lost until the pump had to stop.
bool BriefPump::write(Batch& batch, store::Kept& kept) {
  for (int failures = 0;;) {
    try {
      if (failures > 0) lock_again(batch);
      kept = session_->end(batch.done, batch.kept);
      context_.outage.up(this);
      return true;
    } catch (const store::Fenced&) {
      enlist_again();
    } catch (const std::exception& error) {
      context_.outage.down(this, error.what());
    }
    wait_to_retry(++failures);
    const std::lock_guard lock(mutex_);
    if (deadline_ && *deadline_ <= Clock::now()) return false;
  }
}

/// The locks were lost: leaves what can still be written. The rest may have been written by an end whose
/// answer was lost, or somebody else has it now.
void BriefPump::lock_again(Batch& batch) {
  std::vector<job::Job> all(batch.done);
  all.insert(all.end(), batch.kept.begin(), batch.kept.end());
  const auto places = session_->relock(all, finisher_.open_claims());
  const auto is_gone = [&](const job::Job& job) { return places.count(job.id) == 0; };
  all.erase(std::remove_if(all.begin(), all.end(), std::not_fn(is_gone)), all.end());
  for (std::vector<job::Job>* jobs : {&batch.done, &batch.kept}) {
    jobs->erase(std::remove_if(jobs->begin(), jobs->end(), is_gone), jobs->end());
    for (job::Job& job : *jobs) job.place = places.at(job.id);
  }
  if (all.empty()) return;
  std::set<std::string> gone;
  for (const job::Job& job : all) gone.insert(job.id);
  const auto drop_from = [&](auto& list, auto id_of) {
    list.erase(
        std::remove_if(list.begin(), list.end(), [&](const auto& one) { return gone.count(id_of(one)) > 0; }),
        list.end());
  };
  drop_from(batch.settled, [](const job::Settlement& one) { return one.id; });
  drop_from(batch.came_back, [](const job::Finished& one) { return one.job.id; });
  log::warn(
      "whether outcomes were written is not known: the connection was lost with the locks on their jobs, "
      "which "
      "were written, or may run again",
      {{"count", gone.size()}});
  drop(all);
}

/// What is kept goes on as an ordinary claim.
void BriefPump::keep(std::vector<job::Finished> came_back, const store::Kept& kept) {
  finisher_.expect(kept.claim, kept.places.size());
  std::vector<job::Finished> back;
  for (job::Finished& one : came_back) {
    std::string place = kept.places.at(one.job.id);
    back.push_back(claimed(std::move(one), kept.claim, std::move(place)));
  }
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, place] : kept.places) {
      const auto left = left_.find(id);
      if (left == left_.end()) continue;
      if (left->second.back) {
        back.push_back(claimed(std::move(*left->second.back), kept.claim, place));
        left_.erase(left);
      } else {
        left->second.claim = kept.claim;
        left->second.place = place;
      }
    }
  }
  if (!back.empty()) finisher_.push(std::move(back));
}

void BriefPump::report(const std::vector<job::Settlement>& settled) {
  for (const job::Settlement& settlement : settled) {
    context_.router.settled(settlement.status == job::Status::pending);
  }
  context_.tally.count(settled);
}

/// Nothing will be written of these jobs.
void BriefPump::drop(const std::vector<job::Job>& jobs) {
  {
    const std::lock_guard lock(mutex_);
    for (const job::Job& job : jobs) {
      const auto left = left_.find(job.id);
      if (left == left_.end()) continue;
      if (left->second.back) {
        left_.erase(left);
      } else {
        left->second.claim = 0;
      }
    }
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) context_.router.settled(true);
  context_.tally.drop(static_cast<std::int64_t>(jobs.size()));
}

void BriefPump::enlist_again() {
  runtime_ = context_.runtime(runtime_);
  if (runtime_ != 0) session_ = context_.store.briefs(runtime_, static_cast<int>(index_));
}

void BriefPump::wait_to_retry(int failures) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, reconnect_delay(failures), [&] { return stopping_; });
}

}  // namespace sluice::engine
