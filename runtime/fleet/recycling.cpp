// The limits of hosts, and their relief: another host starts, and when it is ready, the first one gets no
// more jobs and ends after those that it has.
#include <algorithm>

#include "base/log.hpp"
#include "fleet/round.hpp"

namespace sluice::fleet {

namespace {

constexpr std::chrono::milliseconds watch_interval{250};
constexpr std::chrono::minutes until_next_try{1};

}  // namespace

void Fleet::Loop::watch_soon() {
  const bool any = std::any_of(seats_.begin(), seats_.end(), [](const auto& seat) {
    return seat->host && is_watched(seat->edition->settings.host_limits);
  });
  if (watch_timer_ || !any) return;
  watch_timer_ = std::make_unique<asio::steady_timer>(context_, watch_interval);
  watch_timer_->async_wait([this](const auto& error) {
    if (error || over_) return;
    watch_timer_.reset();
    watch();
    watch_soon();
  });
}

void Fleet::Loop::watch() {
  for (std::size_t i = 0; i < seats_.size(); ++i) watch(std::shared_ptr(seats_[i]));
}

void Fleet::Loop::watch(const std::shared_ptr<Seat>& seat) {
  if (!seat->host || seat->host->state() < HostState::starting) return;
  if (const auto excess = seat->host->measure()) return seat->host->kill(*excess);
  if (!may_recycle(*seat)) return;
  if (const auto reason = recycle_reason_of(*seat)) recycle(seat, *reason);
}

std::optional<std::string> Fleet::Loop::recycle_reason_of(const Seat& seat) const {
  const auto age = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - seat.ready_since);
  return recycle_reason(seat.edition->settings.host_limits, seat.host->usage(),
                        {seat.host->jobs_ended(), age});
}

/// One host of a plugin after another, so that not all start at once. A host that still has jobs lives on for
/// as long as they take, so there are bounds.
bool Fleet::Loop::may_recycle(const Seat& seat) const {
  constexpr std::ptrdiff_t most_relieved = 4;
  const Edition& edition = *seat.edition;
  const bool serves = seat.was_ready && !seat.replaced && !seat.solitary &&
                      seat.host->state() == HostState::ready && seat.host->ending().empty();
  if (!serves || stopping_ || edition.retired || is_candidate(edition) || Clock::now() < seat.keep_until)
    return false;
  const auto seats = seats_of(edition);
  const auto relieved =
      std::count_if(seats.begin(), seats.end(), [](const auto& one) { return one->recycled && one->host; });
  return relieved < most_relieved && std::none_of(seats.begin(), seats.end(), [](const auto& one) {
           return one->relieves.lock() != nullptr;
         });
}

void Fleet::Loop::recycle(const std::shared_ptr<Seat>& seat, const std::string& reason) {
  seat_and_spawn(*seat->edition, SeatKind::ordinary, seat)->reason = reason;
}

/// The seat's host is ready, so the one that it relieves gives back what has not started, and ends after what
/// has.
void Fleet::Loop::relieve(Seat& seat) {
  const auto old = seat.relieves.lock();
  seat.relieves.reset();
  if (!old || !old->host || old->replaced) return;
  old->replaced = old->recycled = true;
  old->was_ready = false;
  --seat.edition->ready_hosts;
  log::info("plugin host took over from another one, because " + seat.reason,
            {{"plugin", seat.edition->spec.name}, {"pid", seat.host->pid()}, {"from", old->host->pid()}});
  old->host->stop();
}

/// The seat's host will not get ready. Returns false if it was to relieve none.
bool Fleet::Loop::give_up_relief(Seat& seat, const std::string& why) {
  const auto old = seat.relieves.lock();
  if (!old || seat.edition->retired || stopping_) return false;
  old->keep_until = Clock::now() + until_next_try;
  log::warn("a plugin host can't take over from another one, which serves on: " + why,
            {{"plugin", seat.edition->spec.name}});
  dismiss(seat);
  return true;
}

/// Ends a host that was to relieve another one.
void Fleet::Loop::dismiss(Seat& seat) {
  seat.relieves.reset();
  seat.replaced = true;
  if (seat.host) seat.host->kill("is not needed");
  sweep_soon();
}

std::shared_ptr<Fleet::Loop::Seat> Fleet::Loop::relief_of(const Seat& seat) const {
  const auto found = std::find_if(seats_.begin(), seats_.end(),
                                  [&](const auto& one) { return one->relieves.lock().get() == &seat; });
  return found == seats_.end() ? nullptr : *found;
}

}  // namespace sluice::fleet
