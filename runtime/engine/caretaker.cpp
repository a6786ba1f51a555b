#include "engine/caretaker.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/duration.hpp"
#include "base/log.hpp"

namespace sluice::engine {

namespace {

constexpr std::chrono::milliseconds tick{500};
constexpr std::chrono::milliseconds busy_tick{100};  // while more are due
constexpr std::chrono::milliseconds least_pause{10};
constexpr std::chrono::seconds most_quiet{5};
constexpr int quiet_enough = 4;  // rounds in which nothing was under way, and then it is worth less often
constexpr std::chrono::milliseconds promote_time{100};
constexpr std::size_t promote_batch = 500;
constexpr std::size_t least_promoted = 100;
constexpr std::size_t most_ahead = 1000;
constexpr std::chrono::minutes tidy_interval{10};
constexpr std::size_t tidy_batch = 1000;
constexpr std::chrono::seconds worth_saying{3};
constexpr std::chrono::minutes complaint_pause{1};

/// Judges nobody.
constexpr double never = std::numeric_limits<double>::infinity();

std::optional<Clock::time_point> due_in(const std::optional<double>& seconds) {
  constexpr double soon = 3600;  // nobody waits for so long
  if (!seconds || *seconds > soon) return std::nullopt;
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(*seconds));
}

std::string in_words(Clock::duration time) {
  return base::format_duration(std::chrono::duration_cast<std::chrono::microseconds>(time));
}

}  // namespace

void Caretaker::Change::begin() {
  if (!open_) lanes_.begin_change();
  open_ = true;
}

void Caretaker::Change::end(bool any, bool more) {
  if (more) lanes_.begin_change();
  lanes_.end_change(any);
  open_ = more;
}

Caretaker::Caretaker(Context context)
    : context_(std::move(context)),
      session_(context_.store.care()),
      promoting_(context_.lanes),
      rescuing_(context_.lanes) {
  enlist();
  look_after();
  thread_ = base::Thread([this] { run(); });
}

Caretaker::~Caretaker() {
  {
    const base::Lock lock(mutex_);
    let_go_ = true;
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
  context_.leaving();
  try {
    context_.presence.write_traces(*session_, runtime_);  // before the runtime's row goes
    unfinished_.fallback.max_attempts = context_.config.max_attempts;
    session_->leave(runtime_, unfinished_);
    context_.presence.write_outcomes(*session_);
  } catch (const std::exception& error) {
    log::warn("the runtime could not sign off; it will be taken for lost after its lease",
              {{"reason", error.what()}});
  }
}

store::RuntimeId Caretaker::runtime(store::RuntimeId fenced) {
  const base::Lock lock(mutex_);
  if (fenced != 0 && runtime_ == fenced) {
    enlist_ = true;
    changed_.notify_all();
  }
  while (!let_go_ && runtime_ == fenced) changed_.wait(mutex_);
  return runtime_ == fenced ? 0 : runtime_;
}

void Caretaker::serve(std::vector<store::ServedType> types) {
  const base::Lock lock(mutex_);
  to_serve_ = std::move(types);
  changed_.notify_all();
}

void Caretaker::announce(std::string text) {
  const base::Lock lock(mutex_);
  to_announce_.push_back(std::move(text));
  changed_.notify_all();
}

void Caretaker::unwritten(std::vector<std::string> ids) {
  const base::Lock lock(mutex_);
  unfinished_.ids.insert(unfinished_.ids.end(), std::make_move_iterator(ids.begin()),
                         std::make_move_iterator(ids.end()));
}

void Caretaker::let_go() {
  const base::Lock lock(mutex_);
  let_go_ = true;
  changed_.notify_all();
}

store::RuntimeId Caretaker::enlisted() const {
  const base::Lock lock(mutex_);
  return runtime_;
}

void Caretaker::run() {
  while (wait_for_round()) {
    try {
      look_after();
      failures_ = 0;
      context_.outage.up(this);
    } catch (const std::exception& error) {
      ++failures_;
      context_.outage.down(this, error);
    }
  }
}

/// False when the runtime ends.
bool Caretaker::wait_for_round() {
  const base::Lock lock(mutex_);
  const auto pause = this->pause();
  const auto until = Clock::now() + pause;
  while (!stopping_ && !has_to_do(pause) && changed_.wait_until(mutex_, until)) {
  }
  if (std::exchange(poked_, false)) quiet_rounds_ = 0;
  return !stopping_;
}

/// Before the `pause` is over.
bool Caretaker::has_to_do(Clock::duration pause) const {
  if (failures_ > 0) return false;
  return to_serve_ || enlist_ || !to_announce_.empty() || (poked_ && pause > tick);
}

/// Until the next round. While nothing is under way, and what is new is announced, there is nothing to do
/// before the next schedule is due.
Clock::duration Caretaker::pause() const {
  if (failures_ > 0) return std::max(tick, reconnect_delay(failures_));
  if (promoting_.is_open()) return busy_tick;
  if (quiet_rounds_ < quiet_enough) return tick;
  const auto longest =
      std::clamp<Clock::duration>(unannounced_interval(context_.config.poll_interval), tick, most_quiet);
  return next_due_ ? std::clamp<Clock::duration>(*next_due_ - Clock::now(), least_pause, longest) : longest;
}

void Caretaker::poke() {
  const base::Lock lock(mutex_);
  poked_ = true;
  changed_.notify_all();
}

/// One round. What was refused is thrown in the end, so that it costs the other steps nothing.
void Caretaker::look_after() {
  refused_.clear();
  held_up_.clear();
  if (lost()) enlist_anew();
  attempt("recording the served job types", [this] { serve_now(); });
  attempt("announcing", [this] { make_announcements(); });
  attempt("making due jobs pending", [this] { promote(); });
  if (quiet_rounds_ < quiet_enough) attempt("cancelling jobs", [this] { cancel_requested(); });
  attempt("showing what runs", [this] { context_.presence.write(*session_, enlisted(), Clock::now()); });
  if (Clock::now() >= next_rescue_) attempt("rescuing the jobs of lost runtimes", [this] { rescue(); });
  if (Clock::now() >= next_tidy_) attempt("deleting records of deleted jobs", [this] { tidy(); });
  say_what_holds_up();
  if (!refused_.empty()) throw store::Refused(refused_);
}

template <class Step>
void Caretaker::attempt(const char* what, Step step) {
  try {
    step();
  } catch (const store::HeldUp& error) {
    held_up_ = std::string(what) + ": " + error.what();
  } catch (const store::Refused& error) {
    refused_ = error.what();
  }
}

void Caretaker::say_what_holds_up() {
  const auto now = Clock::now();
  if (held_up_.empty()) {
    if (table_.said)
      log::info("nothing holds sluice up any more", {{"after", in_words(now - *table_.since)}});
    table_ = {};
    return;
  }
  if (!table_.since) table_.since = now;
  if (table_.said || now - *table_.since < worth_saying) return;
  table_.said = true;
  log::warn(
      "somebody holds a lock that sluice waits for; running jobs go on, and so does the rest as soon as the "
      "lock "
      "is gone",
      {{"by", blocker({})}, {"waits", held_up_}, {"for", in_words(now - *table_.since)}});
}

/// They come again every second.
void Caretaker::say_which_rows_are_held(const store::Promoted& promoted) {
  const auto now = Clock::now();
  if (promoted.held == 0) {
    if (!rows_.since || now - rows_.last < worth_saying) return;
    if (rows_.said)
      log::info("the rows of jobs that are due are free again", {{"after", in_words(now - *rows_.since)}});
    rows_ = {};
    return;
  }
  rows_.last = now;
  if (!rows_.since) rows_.since = now;
  if (rows_.said || now - *rows_.since < worth_saying) return;
  rows_.said = true;
  log::warn("somebody has locked the rows of jobs that are due; they wait, and the others go on",
            {{"job", promoted.held_job},
             {"by", blocker(promoted.held_job)},
             {"jobs", promoted.held},
             {"for", in_words(now - *rows_.since)}});
}

std::string Caretaker::blocker(const std::optional<std::string>& job) {
  const std::string who = session_->blocker(job);
  return who.empty() ? "unknown: the lock was gone when we looked, or this user may not see it" : who;
}

bool Caretaker::lost() const {
  const base::Lock lock(mutex_);
  return enlist_ || context_.heart.lost(runtime_);
}

void Caretaker::serve_now() {
  base::Lock lock(mutex_);
  const auto types = to_serve_;
  lock.unlock();
  if (!types) return;
  session_->serve(enlisted(), *types);
  lock.lock();
  served_ = *types;
  to_serve_.reset();
}

/// After what was served is recorded. One whose statement fails is lost: who waits for it gives up by itself.
void Caretaker::make_announcements() {
  base::Lock lock(mutex_);
  const std::vector<std::string> texts = std::exchange(to_announce_, {});
  lock.unlock();
  for (const std::string& text : texts) session_->announce(text);
}

/// In a database that was made anew, numbers are given anew; and nobody may take the new one for the old.
void Caretaker::enlist() {
  store::RuntimeId id = session_->enlist(context_.info);
  if (id == enlisted()) id = session_->enlist(context_.info);
  log::identify(
      {{"runtime", static_cast<long long>(id)}, {"host", context_.info.host}, {"pid", context_.info.pid}});
  context_.presence.start_anew();
  const base::Lock lock(mutex_);
  runtime_ = id;
  enlist_ = false;
  if (!served_.empty()) to_serve_ = served_;
  context_.heart.beat_for(id);
  changed_.notify_all();
}

void Caretaker::enlist_anew() {
  log::error(
      "the database no longer knows this runtime: no heartbeat arrived within its lease, and another runtime "
      "rescued its jobs, or the schema was made anew or restored; outcomes of jobs still running here may be "
      "dropped. It goes on under a new id");
  enlist();
}

/// Those that are due are older than what is new, and so come first: no more are made pending than are
/// claimed, and what is new waits for a few of them only.
void Caretaker::promote() {
  {
    const base::Lock lock(mutex_);
    if (let_go_) return;
  }
  const Load load = context_.lanes.load();
  quiet_rounds_ = load.idle && load.jobs == found_ ? quiet_rounds_ + 1 : 0;
  const auto claimed = static_cast<std::size_t>(load.jobs - std::exchange(found_, load.jobs));
  ahead_ = load.resting ? 0 : ahead_ - std::min(ahead_, claimed);
  bool more = true, any = true;  // unless we know better
  const auto end = Clock::now() + promote_time;
  promoting_.begin();
  try {
    any = false;
    do {
      const std::size_t limit = ahead_ < most_ahead ? promote_batch : least_promoted;
      const store::Promoted promoted = session_->promote_due(limit);
      any = any || promoted.used > 0;
      next_due_ = due_in(promoted.next);
      more = promoted.used + promoted.held >= limit || !promoted.refusal.empty();
      ahead_ += promoted.used;
      say_which_rows_are_held(promoted);
      if (!promoted.refusal.empty()) {
        log::error(
            "the database refuses that a due job becomes pending; it is tried again in a minute, and the "
            "others go on",
            {{"job", promoted.refused_job}, {"reason", promoted.refusal}});
      }
    } while (more && ahead_ < most_ahead && Clock::now() < end);
  } catch (...) {
    promoting_.end(true, false);
    throw;
  }
  promoting_.end(any, more);
  if (!any) return;
  quiet_rounds_ = 0;
  context_.became_pending();
}

void Caretaker::cancel_requested() {
  std::vector<std::string> ids = session_->cancel_requests(enlisted());
  if (!ids.empty()) context_.cancel(std::move(ids));
}

/// A drain does not end while there are jobs of others that it may take back soon.
void Caretaker::rescue() {
  next_rescue_ = Clock::now() + context_.config.heartbeat;
  job::RetryPolicy fallback;
  fallback.max_attempts = context_.config.max_attempts;
  const store::Judge judge{enlisted(), context_.heart.steady_since().value_or(never)};
  store::Rescued rescued;
  rescuing_.begin();
  try {
    rescued = session_->rescue(judge, fallback);
  } catch (...) {
    rescuing_.end(true, false);
    throw;
  }
  const bool moved = rescued.pending + rescued.error > 0;
  const bool waits = rescued.suspected > 0 && context_.info.command == "drain";
  rescuing_.end(rescued.pending > 0, moved || waits);
  if (rescued.pending > 0) context_.became_pending();
  if (moved) next_rescue_ = Clock::now();
  if (moved || rescued.runtimes > 0) report(rescued);
  if (!rescued.refusal.empty() && Clock::now() >= next_complaint_) {
    next_complaint_ = Clock::now() + complaint_pause;
    log::error(
        "the database refuses that a job of a lost runtime is rescued; it is tried again, and the others go "
        "on",
        {{"job", rescued.refused_job}, {"reason", rescued.refusal}});
  }
  if (waits && !std::exchange(waits_, true)) {
    log::info("waiting for the lease of runtimes that have not been heard of, whose jobs are rescued then",
              {{"runtimes", rescued.suspected}});
  }
}

void Caretaker::tidy() {
  if (next_tidy_ == Clock::time_point{} || session_->tidy(tidy_batch).over) {
    next_tidy_ = Clock::now() + tidy_interval;
  }
}

void Caretaker::report(const store::Rescued& rescued) const {
  context_.tally.rescued(rescued);
  log::warn("rescued the jobs of runtimes that were lost",
            {{"runtimes", rescued.runtimes}, {"pending", rescued.pending}, {"error", rescued.error}});
}

}  // namespace sluice::engine
