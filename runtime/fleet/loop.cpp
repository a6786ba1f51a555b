#include "fleet/loop.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>

#include "base/log.hpp"
#include "base/planted.hpp"
#include "fleet/orphans.hpp"
#include "fleet/round.hpp"

namespace sluice::fleet {

namespace {

/// Claimed for an earlier version of the plugin, whose jobs were brief, while this version's jobs run at most
/// once.
bool must_be_claimed_anew(const job::Job& job, const std::vector<job::TypeSpec>& types) {
  return !job.durable && std::any_of(types.begin(), types.end(), [&](const job::TypeSpec& type) {
    return type.at_most_once && type.name == job.type;
  });
}

}  // namespace

Fleet::Loop::Loop(Options options, fleet::Listener& listener)
    : options_(std::move(options)),
      listener_(listener),
      work_(asio::make_work_guard(context_)),
      owners_(options_.owners),
      had_terminal_(isatty(STDERR_FILENO) != 0) {}

Fleet::Loop::~Loop() = default;

void Fleet::Loop::take_signals() {
  stop_signals_ = std::make_unique<asio::signal_set>(context_, SIGTERM, SIGINT);
  wait_stop_signal();
  reload_signals_ = std::make_unique<asio::signal_set>(context_, SIGHUP);
  wait_reload_signal();
  reload_inbox_ = std::make_unique<ReloadInbox>(context_, [this](const ReloadRequest& request) {
    if (!over_) listener_.on_reload_request(request);
  });
}

void Fleet::Loop::wait_stop_signal() {
  stop_signals_->async_wait([this](const auto& error, int) {
    if (error || over_) return;
    listener_.on_signal(++signals_);
    wait_stop_signal();
  });
}

/// SIGHUP has two meanings: an operator's request to reload, and the end of the terminal that we were started
/// in.
void Fleet::Loop::wait_reload_signal() {
  reload_signals_->async_wait([this](const auto& error, int) {
    if (error || over_) return;
    if (had_terminal_ && isatty(STDERR_FILENO) == 0) {
      listener_.on_signal(++signals_);
    } else {
      listener_.on_reload_request();
    }
    wait_reload_signal();
  });
}

void Fleet::Loop::wait_child_signal() {
  child_signals_->async_wait([this](const auto& error, int) {
    if (error || over_) return;
    bury(ended_hosts());
    wait_child_signal();
  });
}

std::vector<Fleet::Loop::EndedHost> Fleet::Loop::ended_hosts() const {
  std::vector<EndedHost> ended;
  for (const auto& seat : seats_) {
    EndedHost one{seat, seat->host};
    if (one.host && wait4(one.host->pid(), &one.status, WNOHANG, &one.usage) == one.host->pid())
      ended.push_back(std::move(one));
  }
  return ended;
}

/// The orphans of hosts that have ended are killed first, so that those are known which do not die at once.
void Fleet::Loop::bury(const std::vector<EndedHost>& ended) {
  for (const EndedHost& one : ended) {
    orphans_of_ = one.seat->edition->spec.name;
    orphans_at_ = one.seat->edition->plugin;
  }
  reap_orphans();
  for (const EndedHost& one : ended)
    one.host->reaped(one.status, one.usage, stopping_ || one.seat->cut_short);
}

/// Says it when the last one has ended, so once for each host that left some, however many they are.
void Fleet::Loop::reap_orphans() {
  const bool waited = orphans_left_ > 0;
  const Orphans orphans = end_orphans();
  orphans_left_ = orphans.left;
  if (orphans_killed_ == 0) orphan_ = orphans.example;
  orphans_killed_ += orphans.killed;
  killed_orphans_[orphans_at_] += orphans.killed;
  if (orphans_left_ > 0) return;
  if (orphans_killed_ > 0) {
    log::info(
        "killed the processes that a plugin host left behind when it ended",
        {{"plugin", orphans_of_}, {"processes", std::exchange(orphans_killed_, 0)}, {"first", orphan_}});
  }
  if (waited) finish_when_empty();
}

/// By the plugins that serve the types now. These may be other ones than when the jobs were claimed.
void Fleet::Loop::deliver(std::vector<job::Job> jobs) {
  std::map<std::size_t, std::vector<job::Job>> by_plugin;
  std::vector<job::Job> unserved;
  for (job::Job& job : jobs) {
    const auto route = routes_.find(job.type);
    (route == routes_.end() ? unserved : by_plugin[route->second]).push_back(std::move(job));
  }
  for (auto& [plugin, its_jobs] : by_plugin) give(plugin, std::move(its_jobs));
  if (!unserved.empty()) bounce(std::move(unserved));
}

void Fleet::Loop::give(std::size_t plugin, std::vector<job::Job> jobs) {
  const Place& place = places_[plugin];
  if (auto its = take_canary_jobs(place, jobs); !its.empty()) give(*place.canary->edition, std::move(its));
  if (!jobs.empty()) give(*place.present, std::move(jobs));
}

void Fleet::Loop::give(Edition& edition, std::vector<job::Job> jobs) {
  const auto anew = std::stable_partition(jobs.begin(), jobs.end(), [&](const job::Job& job) {
    return !must_be_claimed_anew(job, edition.spec.types);
  });
  if (anew != jobs.end()) bounce({std::make_move_iterator(anew), std::make_move_iterator(jobs.end())});
  jobs.erase(anew, jobs.end());
  if (auto alone = take_suspects(edition, jobs); !alone.empty()) run_alone(edition, std::move(alone));
  std::vector<Seat*> ready;
  for (const auto& seat : seats_) {
    const bool takes = seat->edition == &edition && !seat->replaced && !seat->solitary && seat->host &&
                       seat->host->state() == HostState::ready;
    if (takes) ready.push_back(seat.get());
  }
  // The least loaded hosts come first, and each gets an equal share. Within a host, the oldest jobs come
  // first.
  std::sort(ready.begin(), ready.end(),
            [](const Seat* a, const Seat* b) { return a->host->in_flight() < b->host->in_flight(); });
  auto next = std::make_move_iterator(jobs.begin());
  const auto end = std::make_move_iterator(jobs.end());
  for (std::size_t i = 0; i < ready.size(); ++i) {
    const std::size_t hosts_left = ready.size() - i;
    const auto left = static_cast<std::size_t>(end - next);
    const std::size_t share = std::min((left + hosts_left - 1) / hosts_left, ready[i]->host->room());
    if (share == 0) continue;
    const auto part_end = next + static_cast<std::ptrdiff_t>(share);
    ready[i]->host->send({next, part_end}, edition.spec.types);
    next = part_end;
  }
  if (next != end) bounce({next, end});
}

std::vector<RunningJob> Fleet::Loop::running(std::chrono::microseconds at_least) const {
  std::vector<RunningJob> jobs;
  const auto latest = Clock::now() - at_least;
  for (const auto& seat : seats_) {
    if (seat->host) seat->host->add_running(latest, jobs);
  }
  return jobs;
}

std::vector<job::Finished> Fleet::Loop::recall(std::chrono::microseconds waited) {
  const auto latest = Clock::now() - waited;
  std::vector<job::Finished> recalled = recall_waiting(latest);
  for (const auto& seat : seats_) {
    if (!seat->host) continue;
    auto its = seat->host->recall(latest);
    recalled.insert(recalled.end(), std::make_move_iterator(its.begin()), std::make_move_iterator(its.end()));
  }
  return recalled;
}

void Fleet::Loop::cancel(const std::set<std::string>& ids) {
  for (const auto& seat : seats_) {
    if (seat->host) seat->host->cancel(ids);
  }
}

void Fleet::Loop::enforce_limits() {
  // A host may have died before this process was stopped for a while. Its jobs have not hung since.
  if (const auto ended = ended_hosts(); !ended.empty()) bury(ended);
  const auto now = Clock::now();
  const auto latest = now - options_.cancel_grace;
  if (options_.control_groups) options_.control_groups->sweep();
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    const std::shared_ptr<Seat> seat = seats_[i];
    if (!seat->host) continue;
    if (seat->host->lingers(now - options_.drain_timeout)) seat->host->kill("did not stop in time");
    if (!seat->host->enforce_limits(now, latest)) continue;
    if (!seat->replaced) replace(*seat);
    if (seat->host->ask_for_stacks(latest)) continue;
    if (base::planted(base::Bug::hangs_for_ever)) continue;
    if (!seat->host->has_only_stuck_jobs(latest)) continue;
    base::mark("fleet: a job did not stop in time");
    seat->host->kill("a job did not stop in time");
  }
  serve_all_alone();  // a host may have become idle because its job was taken back
}

/// Hands back jobs that no host can take, because a host died or was replaced after the claim.
void Fleet::Loop::bounce(std::vector<job::Job> jobs) {
  base::mark("fleet: no host takes a job");
  listener_.on_returned(released(std::move(jobs)));
}

/// The jobs on their way back, without their payloads.
std::vector<job::Finished> Fleet::Loop::unstarted(std::vector<job::Job> jobs, const job::Outcome& outcome) {
  std::vector<job::Finished> returned;
  for (job::Job& job : jobs) {
    job.payload = {};
    returned.push_back({std::move(job), outcome, {}});
  }
  return returned;
}

std::vector<job::Finished> Fleet::Loop::released(std::vector<job::Job> jobs) {
  job::Outcome outcome;
  outcome.result = job::Result::released;
  return unstarted(std::move(jobs), outcome);
}

void Fleet::Loop::every(std::function<std::chrono::milliseconds()> pause, std::function<void()> step) {
  tickers_.push_back(std::make_unique<asio::steady_timer>(context_));
  asio::steady_timer& timer = *tickers_.back();
  // The ticking function refers to itself, and the timer owns its end.
  auto tick = std::make_shared<std::function<void()>>();
  *tick = [this, &timer, pause = std::move(pause), step = std::move(step), again = std::weak_ptr(tick)] {
    timer.expires_after(pause());
    timer.async_wait([this, step, keep = again.lock()](const auto& error) {
      if (error || over_) return;  // over: the timer is gone, though it had expired before
      step();
      (*keep)();
    });
  };
  (*tick)();
}

void Fleet::Loop::after(std::chrono::milliseconds delay, std::function<void()> step) {
  auto timer = std::make_shared<asio::steady_timer>(context_, delay);
  timer->async_wait([this, timer, step = std::move(step)](const auto& error) {
    if (!error && !over_) step();
  });
}

void Fleet::Loop::stop(std::chrono::microseconds patience) {
  stopping_ = true;
  if (auto waiting = recall_waiting(Clock::now()); !waiting.empty())
    listener_.on_returned(std::move(waiting));
  for (const auto& seat : seats_) {
    if (!seat->host) {
      seat->timer.reset();
    } else if (seat->host->state() == HostState::loading || seat->host->state() == HostState::starting) {
      seat->host->kill("was not ready when sluice stopped");
    } else {
      seat->host->stop();
    }
  }
  stop_timer_ = std::make_unique<asio::steady_timer>(context_, patience);
  stop_timer_->async_wait([this](const auto& error) {
    if (error || over_) return;
    for (const auto& seat : seats_) {
      if (seat->host) seat->host->cancel_all();
    }
    stop_timer_->expires_after(options_.cancel_grace);
    stop_timer_->async_wait([this](const auto& late) {
      if (!late) kill_all("did not stop in time");
    });
  });
  finish_when_empty();
}

void Fleet::Loop::kill_all(const std::string& why) {
  for (const auto& seat : seats_) {
    if (seat->host) seat->host->kill(why);
  }
}

void Fleet::Loop::release() {
  released_ = true;
  finish_when_empty();
}

std::map<std::string, int> Fleet::Loop::hosts(std::size_t plugin) const {
  std::map<std::string, int> by_state{{"down", 0}};
  for (const HostState state : {HostState::loading, HostState::described, HostState::starting,
                                HostState::ready, HostState::stopping}) {
    by_state[fleet::name(state)] = 0;
  }
  for (const auto& seat : seats_) {
    if (seat->edition->plugin == plugin) ++by_state[seat->host ? fleet::name(seat->host->state()) : "down"];
  }
  return by_state;
}

HostTotals Fleet::Loop::host_totals(std::size_t plugin) const {
  HostTotals totals;
  if (const auto ended = ended_cpu_seconds_.find(plugin); ended != ended_cpu_seconds_.end())
    totals.cpu_seconds = ended->second;
  if (const auto killed = killed_orphans_.find(plugin); killed != killed_orphans_.end())
    totals.killed_orphans = killed->second;
  for (const auto& seat : seats_) {
    if (seat->edition->plugin != plugin || !seat->host) continue;
    const HostTotals one = seat->host->totals();
    totals.cpu_seconds += one.cpu_seconds;
    totals.resident_bytes += one.resident_bytes;
    if (!seat->was_ready) continue;
    const std::chrono::duration<double> age = Clock::now() - seat->ready_since;
    totals.oldest_age = std::max(totals.oldest_age, age.count());
  }
  return totals;
}

std::vector<HostFigures> Fleet::Loop::host_figures(std::size_t plugin) const {
  std::vector<HostFigures> figures;
  for (const auto& seat : seats_) {
    if (seat->edition->plugin != plugin || !seat->host) continue;
    const HostTotals totals = seat->host->totals();
    HostFigures& one = figures.emplace_back();
    one.pid = seat->host->pid();
    one.state = fleet::name(seat->host->state());
    if (seat->was_ready) one.age = std::chrono::duration<double>(Clock::now() - seat->ready_since).count();
    one.cpu_seconds = totals.cpu_seconds;
    one.resident_bytes = totals.resident_bytes;
    one.version = seat->edition->spec.version;
  }
  return figures;
}

void Fleet::Loop::finish_when_empty() {
  const bool empty =
      std::none_of(seats_.begin(), seats_.end(), [](const auto& seat) { return seat->host != nullptr; });
  if (!stopping_ || !released_ || !empty) return;
  if (orphans_left_ > 0 && !gave_up_orphans_) return give_up_orphans_later();
  for (Plugin& plugin : plugins_) {
    if (plugin.usable()) plugin.state = PluginState::stopped;
  }
  // Posted, because a ticker's own step may have called this.
  asio::post(context_, [this] {
    over_ = true;  // a signal may already be queued, and cancelling does not undo that
    work_.reset();
    tickers_.clear();
    stop_timer_.reset();
    watch_timer_.reset();
    orphans_timer_.reset();
    if (reload_inbox_) reload_inbox_->close();
    for (const auto& signals : {&stop_signals_, &reload_signals_, &child_signals_}) {
      if (*signals) (*signals)->cancel();
    }
  });
}

/// A process that waits for a device does not even die of SIGKILL.
void Fleet::Loop::give_up_orphans_later() {
  constexpr std::chrono::seconds patience{2};
  if (orphans_timer_) return;
  orphans_timer_ = std::make_unique<asio::steady_timer>(context_, patience);
  orphans_timer_->async_wait([this](const auto& error) {
    if (error || over_) return;
    log::error("processes that plugin hosts left behind were killed and still exist; look what they wait for",
               {{"processes", orphans_left_}, {"first", orphan_}});
    gave_up_orphans_ = true;
    finish_when_empty();
  });
}

void Fleet::Loop::load(const std::vector<std::string>& files) {
  child_signals_ = std::make_unique<asio::signal_set>(context_, SIGCHLD);
  wait_child_signal();
  std::set<std::size_t> listed;
  for (const std::string& file : files) listed.insert(index_of(file));
  round_ = std::make_unique<Round>(*this, true, listed);
  for (const std::size_t plugin : listed) round_->try_file(plugin);
  advance_soon();
}

void Fleet::Loop::reload(const std::vector<std::string>& files, std::map<std::string, std::string> owners,
                         const std::optional<CanaryPlan>& plan) {
  if (stopping_ || !is_round_over()) return;
  changes_.clear();
  owners_ = std::move(owners);
  for (Plugin& plugin : plugins_) plugin.newer_refused.clear();
  std::set<std::size_t> listed;
  for (const std::string& file : files) listed.insert(index_of(file));
  round_ = std::make_unique<Round>(*this, false, listed, plan);
  for (const std::size_t plugin : listed) {
    const Place& place = places_[plugin];
    if (!plan && has_gone_back(place)) {
      base::mark("canary: went back before");
      plugins_[plugin].newer_refused = place.went_back->reason;
      changes_.push_back({Change::Kind::refused, plugin, place.went_back->reason});
      log::warn("not tried again, because it went back: " + place.went_back->reason,
                {{"plugin", place.present->spec.name}});
      if (wants_kept(place)) round_->try_kept(plugin, place.present->file.held_again());
    } else if (wants_trial(place)) {
      round_->try_file(plugin);
    }
  }
  advance_soon();
}

/// Once for each such path, because all plugins of a directory lie behind it.
void Fleet::Loop::warn_of_group(const std::string& path) {
  if (options_.trust.ownership != base::Ownership::check) return;
  const std::string found = base::group_writable(path);
  if (found.empty() || !warned_of_.insert(found).second) return;
  log::warn("every member of a group can replace plugins, because the group may write to this path",
            {{"path", found}, {"plugin_file", path}});
}

std::size_t Fleet::Loop::index_of(const std::string& path) {
  const auto found = std::find_if(plugins_.begin(), plugins_.end(),
                                  [&](const Plugin& plugin) { return plugin.path == path; });
  if (found != plugins_.end()) return static_cast<std::size_t>(found - plugins_.begin());
  places_.emplace_back();
  plugins_.emplace_back().path = path;
  return places_.size() - 1;
}

bool Fleet::Loop::wants_trial(const Place& place) const {
  return !place.present || !place.present->usable() || place.present->file.replaced() ||
         options_.settings(place.present->spec) != place.present->settings;
}

/// The file at the path went back. The present version, whose file is kept, does not work or has other
/// settings now. If a canary went back, its settings may have been at fault.
bool Fleet::Loop::wants_kept(const Place& place) const {
  const Edition& present = *place.present;
  if (!present.file.replaced() || !present.file.loadable()) return false;
  if (!present.usable()) return true;
  const HostSettings settings = options_.settings(present.spec);
  return settings != present.settings &&
         (place.went_back->by_rollback || settings != place.went_back->settings);
}

/// Posted, because the events that advance the round happen in the middle of other work.
void Fleet::Loop::advance_soon() {
  asio::post(context_, [this] {
    if (!round_ || (stopping_ && options_.start) || !round_->advance()) return;
    round_.reset();
    first_round_over_ = true;
    listener_.on_round_end();
  });
}

bool Fleet::Loop::is_candidate(const Edition& edition) const {
  return round_ && round_->candidate(edition.plugin) == &edition;
}

void Fleet::Loop::show(std::size_t plugin) {
  const Place& place = places_[plugin];
  Plugin& shown = plugins_[plugin];
  shown.draining_hosts = static_cast<int>(std::count_if(seats_.begin(), seats_.end(), [&](const auto& seat) {
    return seat->host && (seat->edition->retired || seat->replaced) && seat->edition->plugin == plugin;
  }));
  const Edition* edition = place.present.get();
  if (edition == nullptr && round_) edition = round_->candidate(plugin);
  if (edition == nullptr) {
    shown.state = PluginState::removed;
    shown.ready_hosts = shown.ready_slots = 0;
    return;
  }
  shown.state = edition->state;
  shown.reason = edition->reason;
  shown.spec = edition->spec;
  shown.settings = edition->settings;
  shown.ready_hosts = edition->ready_hosts;
  shown.ready_slots = ready_slots(*edition);
  shown.limits_enforced = are_limits_enforced(*edition);
  shown.canary.reset();
  if (place.canary) {
    const Canary& canary = place.canary->canary;
    // While no host of the present version is ready, most jobs that are claimed would come back at once.
    if (shown.ready_slots > 0) shown.ready_slots += started(*place.canary->edition);
    shown.canary = {place.canary->edition->spec.version, canary.plan().share, canary.jobs(),
                    canary.failures(), place.canary->words};
  }
  shown.restarts = edition->restarts;
  shown.generation = edition->generation;
  shown.digest = edition->digest;
  shown.loaded_at = edition->loaded_at;
}

/// Hosts that are not started yet will have what the present ones have.
bool Fleet::Loop::are_limits_enforced(const Edition& edition) const {
  const auto seats = seats_of(edition);
  return options_.control_groups && std::all_of(seats.begin(), seats.end(), [](const auto& seat) {
           return !seat->was_ready || !seat->host || seat->host->is_enforced();
         });
}

int Fleet::Loop::ready_slots(const Edition& edition) const {
  int slots = 0;
  for (const auto& seat : seats_of(edition)) {
    if (seat->host && seat->was_ready && !seat->replaced && !seat->solitary) slots += edition.settings.slots;
  }
  return slots;
}

/// Updates the edition's plugin and tells the listener, unless the edition is tried beside one at work.
void Fleet::Loop::tell(const Edition& edition) {
  show(edition.plugin);
  if (!is_candidate(edition) || !places_[edition.plugin].present) listener_.on_changed(edition.plugin);
}

}  // namespace sluice::fleet
