#include "engine/caretaker.hpp"

#include <utility>

#include "base/log.hpp"

namespace sluice::engine {

namespace {

constexpr std::chrono::milliseconds tick{500};
constexpr std::size_t promote_batch = 1000;
constexpr std::chrono::minutes tidy_interval{10};
constexpr std::size_t tidy_batch = 1000;

}  // namespace

Caretaker::Caretaker(Context context) : context_(std::move(context)), session_(context_.store.care()) {
  enlist();
  look_after();
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Caretaker::~Caretaker() {
  let_go();
  thread_.request_stop();
  thread_.join();
  try {
    context_.presence.write_outcomes(*session_);
    session_->leave(runtime_);
  } catch (const std::exception& error) {
    log::warn("the runtime could not sign off; it will be taken for lost after its lease",
              {{"reason", error.what()}});
  }
}

store::RuntimeId Caretaker::runtime(store::RuntimeId fenced) {
  std::unique_lock lock(mutex_);
  if (fenced != 0 && runtime_ == fenced) enlist_ = true;
  changed_.notify_all();
  changed_.wait(lock, [&] { return let_go_ || runtime_ != fenced; });
  return runtime_ == fenced ? 0 : runtime_;
}

void Caretaker::serve(std::vector<store::ServedType> types) {
  const std::lock_guard lock(mutex_);
  to_serve_ = std::move(types);
  changed_.notify_all();
}

void Caretaker::announce(std::string text) {
  const std::lock_guard lock(mutex_);
  to_announce_.push_back(std::move(text));
  changed_.notify_all();
}

void Caretaker::let_go() {
  const std::lock_guard lock(mutex_);
  let_go_ = true;
  changed_.notify_all();
}

void Caretaker::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::unique_lock lock(mutex_);
    const auto pause = failures_ > 0 ? std::max(tick, reconnect_delay(failures_)) : tick;
    changed_.wait_for(lock, stop, pause,
                      [&] { return failures_ == 0 && (to_serve_ || enlist_ || !to_announce_.empty()); });
    lock.unlock();
    if (stop.stop_requested()) return;
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

void Caretaker::look_after() {
  std::unique_lock lock(mutex_);
  const bool again = enlist_;
  lock.unlock();
  if (again) enlist_anew();
  if (Clock::now() >= next_beat_) beat();
  lock.lock();
  const auto types = to_serve_;
  lock.unlock();
  if (types) {
    session_->serve(runtime_, *types);
    lock.lock();
    served_ = *types;
    to_serve_.reset();
    lock.unlock();
  }
  make_announcements();
  promote();
  cancel_requested();
  context_.presence.write(*session_, runtime_, Clock::now());
  if (Clock::now() >= next_rescue_) rescue();
  if (Clock::now() >= next_tidy_) {
    if (next_tidy_ != Clock::time_point{}) session_->tidy(tidy_batch);
    next_tidy_ = Clock::now() + tidy_interval;
  }
}

/// After what was served is recorded. One whose statement fails is lost: who waits for it gives up by itself.
void Caretaker::make_announcements() {
  std::unique_lock lock(mutex_);
  const std::vector<std::string> texts = std::exchange(to_announce_, {});
  lock.unlock();
  for (const std::string& text : texts) session_->announce(text);
}

void Caretaker::enlist() {
  const store::RuntimeId id = session_->enlist(context_.info);
  context_.presence.start_anew();
  const std::lock_guard lock(mutex_);
  runtime_ = id;
  enlist_ = false;
  if (!served_.empty()) to_serve_ = served_;
  next_beat_ = Clock::now() + context_.config.heartbeat;
  changed_.notify_all();
}

void Caretaker::beat() {
  if (!session_->beat(runtime_)) return enlist_anew();
  next_beat_ = Clock::now() + context_.config.heartbeat;
}

void Caretaker::enlist_anew() {
  log::error(
      "this runtime was presumed dead (no heartbeat arrived within its lease) and its jobs were rescued by "
      "another one; outcomes of jobs still running here will be dropped. It goes on under a new id");
  enlist();
}

/// Runs `change`, which makes jobs pending and returns whether it did.
template <class Change>
void Caretaker::make_pending(Change change) {
  context_.router.begin_change();
  bool any = true;  // unless we know better
  try {
    any = change();
  } catch (...) {
    context_.router.end_change(any);
    throw;
  }
  context_.router.end_change(any);
  if (any) context_.became_pending();
}

void Caretaker::promote() {
  {
    const std::lock_guard lock(mutex_);
    if (let_go_) return;
  }
  make_pending([this] {
    bool any = false;
    for (std::size_t promoted = promote_batch; promoted >= promote_batch;) {
      promoted = session_->promote_due(promote_batch);
      any = any || promoted > 0;
    }
    return any;
  });
}

void Caretaker::cancel_requested() {
  std::vector<std::string> ids = session_->cancel_requests(runtime_);
  if (!ids.empty()) context_.cancel(std::move(ids));
}

void Caretaker::rescue() {
  next_rescue_ = Clock::now() + context_.config.heartbeat;
  job::RetryPolicy fallback;
  fallback.max_attempts = context_.config.max_attempts;
  const auto lease = std::chrono::ceil<std::chrono::seconds>(context_.config.lease);
  make_pending([&] {
    const store::Rescued rescued = session_->rescue(lease, fallback);
    if (rescued.runtimes > 0) report(rescued);
    return rescued.pending > 0;
  });
}

void Caretaker::report(const store::Rescued& rescued) const {
  context_.tally.rescued(rescued);
  log::warn("rescued the jobs of runtimes that were lost",
            {{"runtimes", rescued.runtimes}, {"pending", rescued.pending}, {"error", rescued.error}});
}

}  // namespace sluice::engine
