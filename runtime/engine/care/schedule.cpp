#include "engine/care/schedule.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"

namespace sluice::engine {

namespace {

constexpr int quiet_enough = 4;  // idle rounds after which the interval becomes longer
constexpr std::chrono::milliseconds promote_time{100};
constexpr std::size_t promote_batch = 500;
constexpr std::size_t least_promoted = 100;
constexpr std::size_t most_ahead = 1000;

std::optional<Clock::time_point> due_in(const std::optional<double>& seconds) {
  constexpr double soon = 3600;  // no wait is longer
  if (!seconds || *seconds > soon) return std::nullopt;
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(*seconds));
}

}  // namespace

bool Schedule::is_quiet() const {
  return quiet_rounds_ >= quiet_enough;
}

void Schedule::note_load() {
  const Load load = lanes_.load();
  quiet_rounds_ = load.idle && load.jobs == found_ ? quiet_rounds_ + 1 : 0;
  const auto claimed = static_cast<std::size_t>(load.jobs - std::exchange(found_, load.jobs));
  ahead_ = load.resting ? 0 : ahead_ - std::min(ahead_, claimed);
}

/// Due jobs are older than new ones, and so come first. Therefore no more jobs are made pending than are
/// claimed, and new jobs wait only for a few of them.
bool Schedule::promote(store::CareSession& session) {
  note_load();
  bool more = true, any = false;
  const auto end = Clock::now() + promote_time;
  change_.begin();
  try {
    do {
      const std::size_t limit = ahead_ < most_ahead ? promote_batch : least_promoted;
      const store::Promoted promoted = session.promote_due(limit);
      any = any || promoted.used > 0;
      next_due_ = due_in(promoted.next);
      more = promoted.used + promoted.held >= limit || !promoted.refusal.empty();
      ahead_ += promoted.used;
      report_held(session, promoted);
      if (!promoted.refusal.empty()) {
        log::error(
            "the database refuses to make a due job pending; this is tried again in a minute, and other jobs "
            "continue",
            {{"job", promoted.refused_job}, {"reason", promoted.refusal}});
      }
    } while (more && ahead_ < most_ahead && Clock::now() < end);
  } catch (...) {
    change_.end(true, false);
    throw;
  }
  change_.end(any, more);
  if (any) wake();
  return any;
}

/// Held-up jobs are tried again every second.
void Schedule::report_held(store::CareSession& session, const store::Promoted& promoted) {
  const auto now = Clock::now();
  if (promoted.held == 0) {
    if (!rows_.since || now - rows_.last < worth_saying) return;
    if (rows_.said)
      log::info("the rows of due jobs are unlocked again", {{"after", in_words(now - *rows_.since)}});
    rows_ = {};
    return;
  }
  rows_.last = now;
  if (!rows_.since) rows_.since = now;
  if (rows_.said || now - *rows_.since < worth_saying) return;
  rows_.said = true;
  log::warn("another session has locked the rows of due jobs; these jobs wait, and the others continue",
            {{"job", promoted.held_job},
             {"by", blocker(session, promoted.held_job)},
             {"jobs", promoted.held},
             {"for", in_words(now - *rows_.since)}});
}

}  // namespace sluice::engine
