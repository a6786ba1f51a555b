#include <algorithm>
#include <boost/asio/post.hpp>
#include <iterator>
#include <utility>

#include "base/duration.hpp"
#include "base/log.hpp"
#include "base/planted.hpp"
#include "fleet/round.hpp"

namespace sluice::fleet {

namespace {

constexpr std::size_t most_signatures = 1000;
constexpr int poison_crashes = 3;

/// A job that crashed again, at a place where this version of the plugin crashes again and again, is not
/// tried again.
void quarantine(job::Finished& finished, int crashes) {
  const int most = base::planted(base::Bug::poison_too_early) ? 2 : poison_crashes;
  if (finished.job.attempt < 2 || crashes < most || base::planted(base::Bug::never_poison)) return;
  base::mark("fleet: a job is poison");
  finished.outcome.result = job::Result::fail;
  finished.outcome.code = poison_code;
  finished.outcome.error +=
      "; this version of the plugin has crashed at the same place " + std::to_string(crashes) +
      " times, so the job is not tried again; after a new version was loaded, run sluice jobs "
      "retry --code poison";
}

/// When a plugin's host ended, for its refusal.
const char* when_ended(PluginState state, bool was_ready) {
  if (state == PluginState::loading) return "while it was being loaded";
  if (state == PluginState::described) return "after it was loaded";
  return was_ready ? "before it had any job" : "in its init";
}

}  // namespace

std::shared_ptr<Fleet::Loop::Seat> Fleet::Loop::seat_and_spawn(Edition& edition, SeatKind kind,
                                                               const std::shared_ptr<Seat>& relieved) {
  auto seat = seats_.emplace_back(std::make_shared<Seat>());
  seat->edition = &edition;
  seat->solitary = kind == SeatKind::solitary;
  seat->relieves = relieved;
  spawn(seat);
  return seat;
}

/// A host is started from the edition's own file, even if another file has taken its place. If that fails, or
/// if the file was overwritten, it is started from the file at the path, provided that this declares the same
/// and is not on trial.
bool Fleet::Loop::starts_from_own(const Seat& seat) const {
  const PluginFile& own = seat.edition->file;
  if (own.has_copy() || !own.replaced()) return true;
  return !own.overwritten() && (seat.history.failed_starts == 0 || guards(*seat.edition));
}

void Fleet::Loop::spawn(const std::shared_ptr<Seat>& seat) {
  Edition& edition = *seat->edition;
  try {
    seat->was_ready = false;
    seat->cut_short = false;
    seat->fallback.reset();
    if (!starts_from_own(*seat)) {
      PluginFile& file = seat->fallback.emplace(Fallback{PluginFile(edition.file.path()), {}}).file;
      if (file.fd() >= 0) file.hold(trust::vet(options_.trust, file.path(), file.fd()));
    }
    const PluginFile& file = seat->fallback ? seat->fallback->file : edition.file;
    const bool kept = file.has_copy() || (!seat->fallback && file.replaced());
    seat->host = std::make_shared<HostProcess>(context_, *this, file, kept);
    if (options_.control_groups) seat->host->set_group(options_.control_groups->make(seat->host->pid()));
    if (kept && edition.state != PluginState::loading) seat->host->set_plugin(edition.spec);
    seat->host->begin(rights_to_load(edition), options_.trust.ownership, slots_of(*seat));
    limit_start(seat, "load");
  } catch (const std::exception& error) {
    if (seat->solitary) return asio::post(context_, [this, seat] { end_solitary(seat); });
    if (give_up_relief(*seat, error.what())) return;
    refuse(edition, PluginState::refused,
           edition.file.path() + ": " + error.what() +
               (dynamic_cast<const std::system_error*>(&error) ? "; check the limits of processes and files"
                                                               : ""));
  }
}

/// The rights of a plugin are known when it has said its name. Until then it may be anything.
HostRights Fleet::Loop::rights_to_load(const Edition& edition) const {
  const HostSettings& settings = edition.settings;
  if (edition.state == PluginState::loading)
    return {options_.wary() ? job::strictest_sandbox() : job::Sandbox{}, options_.first_user(), {}};
  return {settings.sandbox, settings.user, settings.user ? settings.host_limits : job::HostLimits{}};
}

int Fleet::Loop::slots_of(const Seat& seat) {
  return seat.solitary ? 1 : seat.edition->settings.slots;
}

/// Kills the host if it does not make progress within the start timeout.
void Fleet::Loop::limit_start(const std::shared_ptr<Seat>& seat, const char* doing) {
  seat->timer = std::make_unique<asio::steady_timer>(context_, options_.start_timeout);
  seat->timer->async_wait([this, weak = std::weak_ptr(seat), doing](const auto& error) {
    const auto late = weak.lock();
    if (error || !late || !late->host) return;
    late->host->kill(std::string("did not ") + doing + " within " +
                     base::format_duration(options_.start_timeout));
  });
}

Standing Fleet::Loop::standing_of(const Edition& edition) const {
  if (edition.retired) return Standing::retired;
  if (edition.given_up()) return Standing::given_up;
  if (edition.state == PluginState::loading) return Standing::loading;
  if (edition.state == PluginState::described) return Standing::described;
  if (edition.state == PluginState::starting) return Standing::starting;
  return is_candidate(edition) && !round_->is_first() ? Standing::trial : Standing::serving;
}

void Fleet::Loop::on_described(HostProcess& host, job::PluginSpec spec) {
  const auto seat = seat_of(host);
  seat->timer.reset();
  host.set_plugin(spec);
  const Action action = action_for(standing_of(*seat->edition), HostEvent::described);
  if (action == Action::learn) return learn(*seat->edition, std::move(spec));
  if (action == Action::compare) return compare(*seat, spec);
}

void Fleet::Loop::learn(Edition& edition, job::PluginSpec spec) {
  edition.spec = std::move(spec);
  edition.state = PluginState::described;
  show(edition.plugin);
  advance_soon();
}

/// Another host of a plugin that is known, or a restart.
void Fleet::Loop::compare(Seat& seat, const job::PluginSpec& spec) {
  const job::PluginSpec& known = seat.edition->spec;
  const bool same = spec.name == known.name &&
                    std::equal(spec.types.begin(), spec.types.end(), known.types.begin(), known.types.end(),
                               [](const auto& a, const auto& b) { return a.name == b.name; });
  if (same) {
    if (seat.fallback) seat.fallback->spec = spec;
    adopt_fallback(*seat.edition);
    return start(seat);
  }
  on_refused(*seat.host,
             "found a file that changed since it was loaded, expected the same name and types; run "
             "sluice reload to load the new file");
}

/// If all of the edition's hosts run another file than its own, that one is its file from now on. Otherwise a
/// reload would try it beside itself.
void Fleet::Loop::adopt_fallback(Edition& edition) {
  std::vector<std::shared_ptr<Seat>> hosts = seats_of(edition);
  std::erase_if(hosts, [](const auto& seat) { return !seat->host || seat->replaced; });
  const bool all = std::all_of(hosts.begin(), hosts.end(), [&](const auto& seat) {
    return seat->fallback && seat->fallback->spec &&
           seat->fallback->file.same_as(hosts.front()->fallback->file);
  });
  if (hosts.empty() || !all) return;
  log::warn("a plugin host was started from the file that has taken the place of its own",
            {{"plugin", edition.spec.name},
             {"version", hosts.front()->fallback->spec->version},
             {"before", edition.spec.version},
             {"file", edition.file.path()}});
  edition.spec = *hosts.front()->fallback->spec;
  edition.file = std::move(hosts.front()->fallback->file);
  for (const auto& seat : hosts) seat->fallback.reset();
  show(edition.plugin);
}

void Fleet::Loop::on_refused(HostProcess& host, const std::string& reason) {
  const auto seat = seat_of(host);
  seat->timer.reset();
  Edition& edition = *seat->edition;
  if (seat->replaced || give_up_relief(*seat, reason)) return host.kill("is not needed");
  if (!seat->solitary && action_for(standing_of(edition), HostEvent::refused) == Action::refuse)
    refuse(edition, PluginState::refused, edition.file.path() + ": " + reason);
  host.kill("was refused");
}

void Fleet::Loop::refuse(Edition& edition, PluginState state, const std::string& reason) {
  if (edition.given_up() || edition.retired) return;
  edition.state = state;
  edition.reason = reason;
  for (const auto& seat : seats_of(edition)) {
    if (seat->host) seat->host->stop();
  }
  const auto& present = places_[edition.plugin].present;
  if (options_.start && is_candidate(edition) && present && present->usable()) {
    log::error("plugin refused, the present version continues: " + reason,
               {{"generation", present->generation}});
  } else if (options_.start) {
    log::error("plugin refused: " + reason);
  }
  advance_soon();
  tell(edition);
}

void Fleet::Loop::start(Seat& seat) {
  Edition& edition = *seat.edition;
  if (!options_.start || stopping_ || edition.retired) return;
  if (edition.state == PluginState::described) edition.state = PluginState::starting;
  if (seat.host->rights() != rights_to_load(edition)) return load_again(seat);
  std::vector<bool> at_most_once;
  for (const job::TypeSpec& type : edition.spec.types) at_most_once.push_back(type.at_most_once);
  seat.host->set_at_most_once(std::move(at_most_once));
  seat.host->set_limits(edition.settings.limits);
  seat.host->set_cpu_limits(edition.settings.cpu_limits);
  seat.host->set_role(edition.settings.role);
  const bool is_sole = seat.solitary && !base::planted(base::Bug::alone_for_free);
  if (is_sole || !edition.can_run_alone) seat.host->blame_all();
  const int slots = slots_of(seat);
  try {
    if (!edition.settings.user) seat.host->limit(edition.settings.host_limits, slots);
  } catch (const std::runtime_error& error) {
    return on_refused(*seat.host, error.what());
  }
  watch_soon();
  seat.host->start({static_cast<std::uint32_t>(slots), options_.log_level, !edition.settings.role.empty(),
                    edition.settings.config, false, edition.settings.strict,
                    static_cast<std::uint32_t>(edition.settings.log_limit),
                    static_cast<std::uint32_t>(options_.most_requests), edition.settings.secrets.values});
  limit_start(seat_of(*seat.host), "start");
}

/// The kernel can only take rights away. So the plugin gets its own in a new host.
void Fleet::Loop::load_again(Seat& seat) {
  seat.loads_again = true;
  seat.host->kill("is loaded again with its own rights");
}

void Fleet::Loop::on_ready(HostProcess& host) {
  const auto seat = seat_of(host);
  Edition& edition = *seat->edition;
  seat->timer.reset();
  if (stopping_ || seat->replaced || host.state() != HostState::ready) return;
  if (action_for(standing_of(edition), HostEvent::ready) != Action::serve) return;
  seat->was_ready = true;
  if (seat->solitary) return serve_alone(edition);
  seat->tried = true;
  seat->ready_since = Clock::now();
  seat->history.failed_starts = 0;
  const bool first = edition.state == PluginState::starting;
  edition.state = PluginState::ready;
  ++edition.ready_hosts;
  log::debug("plugin host ready", {{"plugin", edition.spec.name}, {"pid", host.pid()}});
  if (first) {
    for (int more = 1; more < edition.settings.processes; ++more) seat_and_spawn(edition);
  }
  relieve(*seat);
  tell(edition);
  advance_soon();
}

void Fleet::Loop::on_finished(HostProcess& host, std::vector<job::Finished> jobs) {
  if (host.state() != HostState::gone) count_for_canary(*seat_of(host)->edition, jobs);  // else judged
  clear_suspects(jobs);
  listener_.on_returned(std::move(jobs));
  serve_all_alone();
}

void Fleet::Loop::on_judged(HostProcess& host, std::vector<Judged>& jobs) {
  Edition& edition = *seat_of(host)->edition;
  const bool fresh = arm_of(edition) == Canary::Arm::fresh;
  for (const Judged& job : jobs) count_for_canary(edition, {job.finished});
  for (Judged& job : jobs) {
    if (job.suspect) suspects_.insert(job.finished.job.id);
    if (fresh) base::mark("canary: a host of its died with a job");
    if (fresh) continue;  // it will be judged, and its jobs run again in the present version
    if (!job.stack || job.stack->frames.empty() || job.finished.outcome.code != crash_code) continue;
    const std::string place = host.build() + signature(*job.stack);
    if (edition.crashes.size() > most_signatures && !edition.crashes.contains(place)) continue;
    quarantine(job.finished, ++edition.crashes[place]);
  }
}

void Fleet::Loop::on_ended(HostProcess& host) {
  const auto seat = seat_of(host);
  Edition& edition = *seat->edition;
  const std::string ending = host.ending();
  const std::string culprit = host.culprit();
  const bool was_ready = seat->was_ready;
  const HostLife life{was_ready, Clock::now() - seat->ready_since, host.jobs_ended()};
  const bool over_limit = host.is_over_limit();
  ended_cpu_seconds_[edition.plugin] += host.totals().cpu_seconds;
  seat->timer.reset();
  seat->host.reset();
  adopt_fallback(edition);
  const bool again = std::exchange(seat->loads_again, false);
  if (again && !stopping_ && !edition.retired && !edition.given_up()) return spawn(seat);
  seat->tried = true;
  if (seat->solitary) {
    end_solitary(seat);
    if (edition.retired) sweep_soon();
    if (stopping_) finish_when_empty();
    return;
  }
  if (was_ready) --edition.ready_hosts;
  if (const auto relief = relief_of(*seat)) dismiss(*relief);
  give_up_relief(*seat, "its process " + ending);
  if (edition.retired || seat->replaced) sweep_soon();
  if (was_ready || edition.retired) tell(edition);
  if (stopping_) return finish_when_empty();
  if (seat->replaced) return tell(edition);
  const Action action = action_for(standing_of(edition), HostEvent::died);
  if (action == Action::refuse) {
    return refuse(edition, PluginState::refused,
                  edition.file.path() + ": found that its process " + ending + " " +
                      when_ended(edition.state, was_ready) + ", expected it to get ready; " +
                      (over_limit ? "raise that limit, or have the plugin take less"
                                  : "run it under a debugger, or look at what it printed"));
  }
  if (action != Action::restart) return;
  if (culprit.empty()) count_crash_for_canary(edition);
  std::vector<log::Field> fields{{"plugin", edition.spec.name}, {"ending", ending}};
  if (!culprit.empty()) fields.emplace_back("job", culprit);
  log::warn("plugin host died", fields);
  seat->history = after_death(seat->history, life);
  restart_later(seat);
}

/// Replaced hosts wait for their other jobs, which may have no time limit. So the oldest are killed, and
/// their other jobs are given back.
void Fleet::Loop::limit_replaced(const Edition& edition) {
  constexpr std::ptrdiff_t most = 4;
  auto seats = seats_of(edition);
  std::erase_if(seats, [](const auto& seat) { return !seat->replaced || seat->recycled || !seat->host; });
  for (std::ptrdiff_t i = 0; i < std::ssize(seats) - most; ++i) {
    seats[static_cast<std::size_t>(i)]->cut_short = true;
    seats[static_cast<std::size_t>(i)]->host->kill("was one of too many hosts with a job that did not stop");
  }
}

/// A job of the seat's host does not stop. The host finishes its other jobs, and another one takes new jobs.
/// A solitary host has no other jobs, and the next one starts when a job waits for it. Both are told to stop,
/// so that they end even if the job stops after all.
void Fleet::Loop::replace(Seat& seat) {
  Edition& edition = *seat.edition;
  seat.replaced = true;
  if (edition.retired || stopping_ || !seat.was_ready) return;
  if (seat.solitary) {
    seat.host->stop();
    return serve_alone(edition);
  }
  log::warn(
      "a job did not stop when it was asked to; another plugin host takes over, and this one is killed "
      "when its other jobs have ended",
      {{"plugin", edition.spec.name}, {"pid", seat.host->pid()}});
  seat.was_ready = false;
  --edition.ready_hosts;
  ++edition.restarts;
  if (edition.ready_hosts == 0) edition.state = PluginState::restarting;
  limit_replaced(edition);
  auto waiting = seat.host->recall(Clock::now());
  if (!waiting.empty()) listener_.on_returned(std::move(waiting));
  seat.host->stop();
  if (const auto relief = relief_of(seat)) {
    relief->relieves.reset();  // it serves instead in any case
  } else {
    seat_and_spawn(edition);
  }
  tell(edition);
}

void Fleet::Loop::restart_later(const std::shared_ptr<Seat>& seat) {
  Edition& edition = *seat->edition;
  ++edition.restarts;
  const auto delay = restart_delay(seat->history);
  if (!delay) {
    base::mark("fleet: a plugin is broken");
    return refuse(
        edition, PluginState::broken,
        edition.file.path() + ": found that " + std::to_string(seat->history.failed_starts) +
            " starts in a row failed, expected it to get ready; fix the plugin and run sluice reload");
  }
  if (edition.ready_hosts == 0) edition.state = PluginState::restarting;
  show(edition.plugin);
  seat->timer = std::make_unique<asio::steady_timer>(context_, *delay);
  seat->timer->async_wait([this, weak = std::weak_ptr(seat)](const auto& error) {
    const auto due = weak.lock();
    const bool wanted = due && !due->edition->retired && !due->edition->given_up();
    if (!error && wanted && !stopping_) spawn(due);
  });
}

/// The edition gets no more jobs. Its hosts give back jobs that have not started, and finish those that have.
void Fleet::Loop::retire(std::unique_ptr<Edition> edition) {
  retired_.push_back(std::move(edition));
  const std::shared_ptr<Edition> old = retired_.back();
  old->retired = true;
  bounce_waiting(*old);
  for (const auto& seat : seats_of(*old)) {
    if (!seat->host) {
      seat->timer.reset();
    } else if (seat->host->state() == HostState::loading || seat->host->state() == HostState::starting) {
      seat->host->kill("is no longer needed");
    } else {
      seat->host->stop();
    }
  }
  old->patience = std::make_unique<asio::steady_timer>(context_, options_.drain_timeout);
  old->patience->async_wait([this, weak = std::weak_ptr(old)](const auto& error) {
    const auto late = weak.lock();
    if (!error && late) cut_short(late);
  });
  sweep_soon();
}

/// The time for the jobs of a retired edition is over.
void Fleet::Loop::cut_short(const std::shared_ptr<Edition>& edition) {
  log::warn("asking the jobs that still run in a replaced plugin host to cancel",
            {{"plugin", edition->spec.name}, {"after", base::format_duration(options_.drain_timeout)}});
  for (const auto& seat : seats_of(*edition)) {
    if (seat->host) seat->host->cancel_all();
  }
  edition->patience->expires_after(options_.cancel_grace);
  edition->patience->async_wait([this, weak = std::weak_ptr(edition)](const auto& error) {
    const auto late = weak.lock();
    if (error || !late) return;
    base::mark("fleet: a replaced host is killed");
    for (const auto& seat : seats_of(*late)) {
      seat->cut_short = true;
      if (seat->host) seat->host->kill("did not stop in time");
    }
  });
}

/// Posted, so it comes after everything that the timers of retired editions have already queued.
void Fleet::Loop::sweep_soon() {
  asio::post(context_, [this] { sweep(); });
}

/// Releases retired editions whose last host is gone.
void Fleet::Loop::sweep() {
  std::erase_if(seats_,
                [](const auto& seat) { return (seat->edition->retired || seat->replaced) && !seat->host; });
  std::erase_if(retired_, [this](const auto& edition) { return seats_of(*edition).empty(); });
}

std::shared_ptr<Fleet::Loop::Seat> Fleet::Loop::seat_of(const HostProcess& host) const {
  return *std::find_if(seats_.begin(), seats_.end(),
                       [&](const auto& seat) { return seat->host.get() == &host; });
}

std::vector<std::shared_ptr<Fleet::Loop::Seat>> Fleet::Loop::seats_of(const Edition& edition) const {
  std::vector<std::shared_ptr<Seat>> its;
  for (const auto& seat : seats_) {
    if (seat->edition == &edition) its.push_back(seat);
  }
  return its;
}

}  // namespace sluice::fleet
