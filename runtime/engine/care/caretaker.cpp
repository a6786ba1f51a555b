#include "engine/care/caretaker.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "base/planted.hpp"
#include "base/text.hpp"

namespace sluice::engine {

namespace {

constexpr std::chrono::milliseconds tick{500};
constexpr std::chrono::milliseconds busy_tick{100};  // while more are due
constexpr std::chrono::milliseconds least_pause{10};
constexpr std::chrono::seconds most_quiet{5};
constexpr std::chrono::milliseconds paused_interval{400};
constexpr std::chrono::minutes tidy_interval{10};
constexpr std::size_t tidy_batch = 1000;
}  // namespace

Caretaker::Caretaker(Context context)
    : context_(std::move(context)),
      session_(context_.store.care()),
      schedule_(context_.lanes),
      rescue_({context_.config, context_.lanes, context_.heart, context_.tally,
               context_.info.command == "drain"}) {
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
    log::warn("the runtime could not sign off; it will be considered lost when its lease expires",
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

/// False if the runtime ends.
bool Caretaker::wait_for_round() {
  const base::Lock lock(mutex_);
  const auto pause = this->pause();
  const auto until = Clock::now() + pause;
  while (!stopping_ && !has_to_do(pause) && changed_.wait_until(mutex_, until)) {
  }
  if (std::exchange(poked_, false)) schedule_.wake();
  return !stopping_;
}

/// Before `pause` has passed.
bool Caretaker::has_to_do(Clock::duration pause) const {
  if (failures_ > 0) return false;
  return to_serve_ || enlist_ || !to_announce_.empty() || (poked_ && pause > tick);
}

/// Until the next round. If nothing is under way and new jobs are announced, there is nothing to do before
/// the next schedule is due.
Clock::duration Caretaker::pause() const {
  if (failures_ > 0) return std::max(tick, reconnect_delay(failures_));
  if (schedule_.is_behind()) return busy_tick;
  if (!schedule_.is_quiet()) return tick;
  const auto longest =
      std::clamp<Clock::duration>(unannounced_interval(context_.config.poll_interval), tick, most_quiet);
  const auto next = schedule_.next_due();
  return next ? std::clamp<Clock::duration>(*next - Clock::now(), least_pause, longest) : longest;
}

void Caretaker::poke() {
  const base::Lock lock(mutex_);
  poked_ = true;
  changed_.notify_all();
}

/// One round. Errors of refused steps are thrown at its end, so they do not affect the other steps.
void Caretaker::look_after() {
  refused_.clear();
  held_up_.clear();
  if (lost()) enlist_anew();
  attempt("recording the served job types", [this] { serve_now(); });
  attempt("announcing", [this] { make_announcements(); });
  attempt("making due jobs pending", [this] { promote(); });
  if (Clock::now() >= next_paused_) attempt("reading which job types are paused", [this] { read_paused(); });
  if (!schedule_.is_quiet()) attempt("cancelling jobs", [this] { cancel_requested(); });
  attempt("recording what runs", [this] { context_.presence.write(*session_, enlisted(), Clock::now()); });
  if (rescue_.is_due(Clock::now())) attempt("rescuing the jobs of lost runtimes", [this] { rescue(); });
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
      log::info("sluice no longer waits for a lock", {{"after", in_words(now - *table_.since)}});
    table_ = {};
    return;
  }
  if (!table_.since) table_.since = now;
  if (table_.said || now - *table_.since < worth_saying) return;
  table_.said = true;
  log::warn(
      "sluice waits for a lock that another session holds; running jobs continue, and the rest continues "
      "when the lock is released",
      {{"by", blocker(*session_, {})}, {"waits", held_up_}, {"for", in_words(now - *table_.since)}});
}

bool Caretaker::lost() const {
  const base::Lock lock(mutex_);
  return (enlist_ || context_.heart.lost(runtime_)) && !base::planted(base::Bug::never_enlists_again);
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

/// After the served types are recorded. An announcement whose statement fails is lost, because whoever waits
/// for it gives up by itself.
void Caretaker::make_announcements() {
  base::Lock lock(mutex_);
  const std::vector<std::string> texts = std::exchange(to_announce_, {});
  lock.unlock();
  for (const std::string& text : texts) session_->announce(text);
}

/// A recreated database hands out numbers from the start, and the new number must not be mistaken for the old
/// one.
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
  base::mark("caretaker: enlists anew");
  log::error(
      "the database no longer knows this runtime: either no heartbeat arrived within its lease and another "
      "runtime rescued its jobs, or the schema was recreated or restored. Outcomes of jobs still running "
      "here may be dropped. The runtime continues under a new id");
  enlist();
}

void Caretaker::promote() {
  {
    const base::Lock lock(mutex_);
    if (let_go_) return;
  }
  if (schedule_.promote(*session_)) context_.became_pending();
}

void Caretaker::read_paused() {
  const std::vector<std::string> types = session_->paused_types();
  next_paused_ = Clock::now() + paused_interval;
  if (!context_.lanes.set_paused({types.begin(), types.end()})) return;
  log::info("the paused job types have changed", {{"paused", base::joined(types)}});
  context_.became_pending();
}

void Caretaker::cancel_requested() {
  std::vector<std::string> ids = session_->cancel_requests(enlisted());
  if (!ids.empty()) context_.cancel(std::move(ids));
}

void Caretaker::rescue() {
  if (rescue_.run(*session_, enlisted())) context_.became_pending();
}

void Caretaker::tidy() {
  if (next_tidy_ == Clock::time_point{} || session_->tidy(tidy_batch, context_.config.keep_audit).over) {
    next_tidy_ = Clock::now() + tidy_interval;
  }
}

}  // namespace sluice::engine
