// Jobs that ended a host, or may have, run alone: each in a host of its own. So such a job hurts
// no other, and what ends that host is its fault.
#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "base/planted.hpp"
#include "fleet/loop.hpp"

namespace sluice::fleet {

namespace {

constexpr std::size_t most_hosts = 4;  // of a plugin
constexpr std::size_t most_waiting = most_hosts;
constexpr std::chrono::seconds put_off_for{1};

/// Poison has crashed, too. It may be tried again by hand.
bool is_cleared(const job::Outcome& outcome) {
  return outcome.result != job::Result::released && outcome.result != job::Result::crashed &&
         outcome.code != poison_code;
}

}  // namespace

void Fleet::Loop::clear_suspects(const std::vector<job::Finished>& jobs) {
  for (const job::Finished& one : jobs) {
    if (!suspects_.empty() && is_cleared(one.outcome)) suspects_.erase(one.job.id);
  }
}

/// Takes the suspects out of the jobs.
std::vector<job::Job> Fleet::Loop::take_suspects(const Edition& edition, std::vector<job::Job>& jobs) const {
  if (suspects_.empty() || !edition.can_run_alone || base::planted(base::Bug::never_alone)) return {};
  const auto first = std::stable_partition(jobs.begin(), jobs.end(),
                                           [&](const job::Job& job) { return !suspects_.contains(job.id); });
  std::vector<job::Job> taken(std::make_move_iterator(first), std::make_move_iterator(jobs.end()));
  jobs.erase(first, jobs.end());
  return taken;
}

/// A few wait here. The others are put off, so that they do not take the room of jobs that can run. After a
/// stop began, no host would come for any.
void Fleet::Loop::run_alone(Edition& edition, std::vector<job::Job> jobs) {
  if (stopping_) return bounce(std::move(jobs));
  const std::size_t room = most_waiting - std::min(most_waiting, edition.waiting_alone.size());
  const auto rest = jobs.begin() + static_cast<std::ptrdiff_t>(std::min(room, jobs.size()));
  for (auto job = jobs.begin(); job != rest; ++job)
    edition.waiting_alone.push_back({std::move(*job), Clock::now()});
  jobs.erase(jobs.begin(), rest);
  job::Outcome later;
  later.result = job::Result::snooze;
  later.delay = put_off_for;
  if (!jobs.empty()) base::mark("solitary: a job is put off");
  if (!jobs.empty()) listener_.on_returned(unstarted(std::move(jobs), later));
  serve_alone(edition);
}

std::vector<std::shared_ptr<Fleet::Loop::Seat>> Fleet::Loop::solitary_seats(const Edition& edition) const {
  auto seats = seats_of(edition);
  std::erase_if(seats, [](const auto& seat) { return !seat->solitary || seat->replaced || !seat->host; });
  return seats;
}

/// Gives the next jobs to idle solitary hosts, starts some, or ends those that nobody needs.
void Fleet::Loop::serve_alone(Edition& edition) {
  const auto seats = solitary_seats(edition);
  std::size_t starting = 0;
  for (const auto& seat : seats) {
    const bool is_ready = seat->host->state() == HostState::ready;
    if (!is_ready && seat->host->state() != HostState::stopping) ++starting;
    if (is_ready && seat->host->in_flight() == 0) serve_alone(*seat);
  }
  const std::size_t wanted = std::min(edition.waiting_alone.size(), most_hosts);
  for (std::size_t more = seats.size(); starting < wanted && more < most_hosts && !stopping_;
       ++more, ++starting)
    seat_and_spawn(edition, SeatKind::solitary);
}

/// Its host is idle.
void Fleet::Loop::serve_alone(Seat& seat) {
  Edition& edition = *seat.edition;
  if (edition.waiting_alone.empty()) return seat.host->stop();
  job::Job job = std::move(edition.waiting_alone.front().job);
  edition.waiting_alone.pop_front();
  base::mark("solitary: a job runs alone");
  log::info("a job that may have ended a plugin host runs alone in another one",
            {{"plugin", edition.spec.name}, {"job", job.id}, {"pid", seat.host->pid()}});
  std::vector<job::Job> one;
  one.push_back(std::move(job));
  seat.host->send(std::move(one), edition.spec.types);
}

/// Jobs ended, so solitary hosts may be idle.
void Fleet::Loop::serve_all_alone() {
  std::vector<Edition*> editions;
  for (const auto& seat : seats_) {
    const bool counts = seat->solitary && !seat->edition->retired;
    if (counts && std::find(editions.begin(), editions.end(), seat->edition) == editions.end())
      editions.push_back(seat->edition);
  }
  for (Edition* const edition : editions) serve_alone(*edition);
}

std::vector<job::Finished> Fleet::Loop::recall_waiting(Clock::time_point latest) {
  std::vector<job::Job> recalled;
  const auto take = [&](Edition* edition) {
    while (edition != nullptr && !edition->waiting_alone.empty() &&
           edition->waiting_alone.front().since <= latest) {
      recalled.push_back(std::move(edition->waiting_alone.front().job));
      edition->waiting_alone.pop_front();
    }
  };
  for (const Place& place : places_) {
    take(place.present.get());
    if (place.canary) take(place.canary->edition.get());
  }
  return released(std::move(recalled));
}

/// The seat's solitary host ended.
void Fleet::Loop::end_solitary(const std::shared_ptr<Seat>& seat) {
  Edition& edition = *seat->edition;
  std::erase(seats_, seat);
  if (stopping_ || edition.retired) return;
  if (edition.given_up()) return bounce_waiting(edition);
  if (!seat->was_ready) give_up_solitude(edition);
  serve_alone(edition);
}

/// For example, if the plugin needs what only one process can have. Then its hosts' jobs share the blame
/// again.
void Fleet::Loop::give_up_solitude(Edition& edition) {
  log::warn("a second plugin host did not start, so jobs that may have ended a host run beside others again",
            {{"plugin", edition.spec.name}});
  base::mark("solitary: a second host does not start");
  edition.can_run_alone = false;
  for (const auto& seat : seats_of(edition)) {
    if (seat->host) seat->host->blame_all();
  }
  bounce_waiting(edition);
}

void Fleet::Loop::bounce_waiting(Edition& edition) {
  std::vector<job::Job> jobs;
  for (auto& one : std::exchange(edition.waiting_alone, {})) jobs.push_back(std::move(one.job));
  if (!jobs.empty()) base::mark("solitary: waiting jobs are given back");
  if (!jobs.empty()) bounce(std::move(jobs));
}

}  // namespace sluice::fleet
