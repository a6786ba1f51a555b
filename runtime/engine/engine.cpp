#include "engine/engine.hpp"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/duration.hpp"
#include "base/host_name.hpp"
#include "base/log.hpp"
#include "base/systemd.hpp"
#include "base/threads.hpp"
#include "base/version.hpp"
#include "config/host_users.hpp"
#include "config/job_settings.hpp"
#include "config/secret_grants.hpp"
#include "engine/care/published_settings.hpp"
#include "engine/care/type_limits.hpp"
#include "engine/pump/pump.hpp"

namespace sluice::engine {

namespace {

constexpr std::chrono::milliseconds tick{200};
constexpr std::chrono::milliseconds idle_tick{1000};
constexpr std::chrono::seconds mark_again{1};
constexpr std::chrono::milliseconds least_mark_tick{25};  // between looks for jobs to be marked
constexpr std::chrono::milliseconds status_interval{5000};
/// Jobs that wait in a plugin host for this long are given back, so another runtime can run them.
constexpr std::chrono::seconds longest_wait{1};
/// How long a drain waits for a lost database before it gives up. `run` waits for ever.
constexpr std::chrono::seconds drain_outage_limit{60};
/// The time to write outcomes after the last handler was killed, then for calls under way, then to sign off.
/// A stop takes at most drain_timeout, cancel_grace and these, whatever hangs.
constexpr std::chrono::milliseconds write_grace{2500};
constexpr std::chrono::milliseconds call_grace{700};
constexpr std::chrono::milliseconds leave_grace{1000};

/// How long the job was pending before its handler was called.
void note_wait(job::Finished& finished, Clock::time_point now) {
  if (finished.job.pending_since == Clock::time_point::max()) return;
  const auto waited = now - finished.outcome.duration - finished.job.pending_since;
  finished.outcome.waited =
      std::max(std::chrono::duration_cast<job::Microseconds>(waited), job::Microseconds(0));
}

/// How a job left its host. What the store finally records may differ.
void log_end(const job::Finished& finished) {
  const job::Job& job = finished.job;
  const double now = std::chrono::duration<double>(base::WallClock::now().time_since_epoch()).count();
  const double took = static_cast<double>(finished.outcome.duration.count()) / 1e6;
  std::vector<log::Field> fields{{"job", job.id},
                                 {"type", job.type},
                                 {"attempt", job.attempt},
                                 {"outcome", job::name(finished.outcome.result)},
                                 {"took", base::format_duration(finished.outcome.duration)}};
  if (finished.host != 0) fields.emplace_back("plugin_host", finished.host);
  const double waited = now - took - job.created_at;
  if (waited >= 0 && waited < 1e9) {
    fields.emplace_back(
        "since_created",
        base::format_duration(std::chrono::microseconds(static_cast<std::int64_t>(waited * 1e6))));
  }
  log::debug("job ended", fields);
}

}  // namespace

Engine::Engine(store::Store& store, const config::Config& config, EngineOptions options)
    : store_(store),
      config_(config),
      options_(std::move(options)),
      lanes_(config.batch_max, config.poll_interval, options_.limit, options_.drain),
      heart_(store, config_, outage_),
      presence_(tally_, config_.keep_traces),
      fleet_(fleet_options(), *this),
      observer_([this](std::function<void()> step) { fleet_.post(std::move(step)); },
                [this] { return look(); }) {}

Engine::~Engine() = default;

fleet::Options Engine::fleet_options() const {
  fleet::Options options;
  options.start_timeout = config_.start_timeout;
  options.drain_timeout = config_.drain_timeout;
  options.cancel_grace = config_.cancel_grace;
  options.most_requests = config_.effects_max;
  options.log_level = static_cast<int>(config_.log_level);
  options.settings = [this](const job::PluginSpec& plugin) {
    const auto found = config_.plugins.find(plugin.name);
    const config::PluginSettings settings =
        found == config_.plugins.end() ? config::PluginSettings{} : found->second;
    return fleet::HostSettings{settings.enabled,
                               settings.processes,
                               settings.slots,
                               settings.role,
                               settings.config,
                               config::strictness_of(plugin, config_),
                               config::sandbox_of(plugin, config_),
                               config::limits_of(plugin, config_),
                               settings.limits,
                               settings.log_limit,
                               config::secrets_of(plugin.name, config_),
                               config::user_of(plugin.name, config_),
                               config::cpu_limits_of(plugin, config_)};
  };
  options.wary = [this] { return config::has_sandbox(config_); };
  options.first_user = [this] { return config::first_user(config_); };
  options.trust = config::trust_of(config_);
  options.require_sandbox = config_.require_sandbox;
  options.control_groups = options_.control_groups;
  options.owners = owners();
  return options;
}

/// Job type → plugin, for the types whose plugin the configuration names.
std::map<std::string, std::string> Engine::owners() const {
  std::map<std::string, std::string> owners;
  for (const auto& [type, settings] : config_.types) {
    if (settings.plugin) owners[type] = *settings.plugin;
  }
  return owners;
}

EngineResult Engine::run() {
  store_.desk()->check_schema();
  presence_.set_settings(published_settings(config_));
  fleet_.withhold(config::secret_variables(config_));
  fleet_.take_signals();  // before other processes can see the runtime and ask it to reload
  const std::vector<std::string> files = fleet::find_plugins(config_.plugin_directory);
  const store::RuntimeInfo info{base::host_name(), static_cast<int>(getpid()), std::string(base::version()),
                                options_.drain ? "drain" : "run", config_.lease};
  caretaker_ = std::make_unique<Caretaker>(Caretaker::Context{
      store_, config_, lanes_, outage_, heart_, tally_, presence_, info,
      [this] { fleet_.post([this] { poke_pumps(); }); },
      [this](std::vector<std::string> ids) { fleet_.cancel(std::move(ids)); },
      [this] { store_.limit(std::max(Clock::now(), deadline_ + call_grace) + leave_grace); }});
  fleet_.load(files);
  const auto pause = [this] {
    return is_up_ && !stopping_ && fleet_.is_round_over() && lanes_.load().idle ? idle_tick : tick;
  };
  fleet_.every(pause, [this] {
    if (options_.progress) options_.progress(tally_);
    show();
    give_back_waiting();
    fleet_.enforce_limits();
    give_up_when_lost();
    end_when_drained();
  });
  report_to_systemd();
  if (!options_.drain) {
    const auto interval = std::chrono::duration_cast<std::chrono::milliseconds>(config_.log_summary);
    fleet_.every([interval] { return interval; }, [this] { sum_up(); });
  }
  fleet_.run();
  observer_.close();
  pruner_.reset();
  pumps_.clear();
  caretaker_.reset();
  heart_.stop();
  return result_;
}

/// A summary of the jobs since the last line, for readers who do not want a line for each job.
void Engine::sum_up() {
  SummedUp now;
  for (const auto& [type, count] : tally_.by_type()) {
    now.done += count.done;
    now.retrying += count.retrying;
    now.failed += count.failed;
    now.snoozed += count.snoozed;
  }
  const SummedUp before = std::exchange(summed_up_, now);
  if (now == before) return;
  const auto since = [](std::int64_t later, std::int64_t earlier) {
    return static_cast<long long>(later - earlier);
  };
  log::info("jobs ended", {{"done", since(now.done, before.done)},
                           {"will_retry", since(now.retrying, before.retrying)},
                           {"failed", since(now.failed, before.failed)},
                           {"snoozed", since(now.snoozed, before.snoozed)},
                           {"within", base::format_duration(config_.log_summary)}});
}

/// The watchdog is fed by the event loop, so a runtime whose loop hangs is ended.
void Engine::report_to_systemd() {
  fleet_.every([] { return status_interval; },
               [this] {
                 if (is_up_ && !stopping_) systemd::status(outcomes());
               });
  if (const auto patience = systemd::watchdog()) {
    const auto interval = std::chrono::duration_cast<std::chrono::milliseconds>(*patience / 3);
    fleet_.every([interval] { return interval; }, systemd::alive);
  }
}

std::string Engine::outcomes() const {
  std::int64_t done = 0, failed = 0;
  for (const auto& [type, count] : tally_.by_type()) {
    done += count.done;
    failed += count.failed + count.retrying;
  }
  const std::string counts = std::to_string(done) + " done, " + std::to_string(failed) + " failed; ";
  if (outage_.lasting()) return counts + "the database does not answer: " + outage_.reason();
  return counts + std::to_string(result_.plugins) + " plugins for " + std::to_string(served_.size()) +
         " job types";
}

bool Engine::wanted(const std::string& type) const {
  return options_.types.empty() || options_.types.count(type) > 0;
}

/// One lane for all types of a plugin that share room and are claimed alike, and one more for each type with
/// its own concurrency.
void Engine::add_lanes(std::size_t index, const fleet::Plugin& plugin, std::vector<LaneSpec>& lanes,
                       Policies::ByType& policies) {
  LaneSpec shared{index, {}};
  LaneSpec brief{index, {}, 0, true};
  LaneSpec once{index, {}, 0, false, true};
  for (const job::TypeSpec& type : plugin.spec.types) {
    const bool served = std::count(plugin.types.begin(), plugin.types.end(), type.name) > 0;
    if (!served || !wanted(type.name)) continue;
    policies[type.name] = config::policy_of(type, config_);
    int concurrency = type.concurrency;
    if (const auto set = config_.types.find(type.name); set != config_.types.end()) {
      concurrency = set->second.concurrency.value_or(concurrency);
    }
    const auto place = static_cast<std::size_t>(&type - plugin.spec.types.data());
    served_.push_back({type.name, plugin.spec.name, plugin.spec.version, policies[type.name],
                       type.payload_schema, limits_of(plugin, place, policies[type.name], concurrency)});
    const bool is_brief = this->is_brief(type);
    if (concurrency > 0) {
      lanes.push_back({index, {type.name}, concurrency, is_brief, type.at_most_once});
    } else {
      (is_brief ? brief : type.at_most_once ? once : shared).types.push_back(type.name);
    }
  }
  for (LaneSpec* lane : {&shared, &brief, &once}) {
    if (!lane->types.empty()) lanes.push_back(std::move(*lane));
  }
}

/// A type that runs at most once is never brief, whatever declares it so.
bool Engine::is_brief(const job::TypeSpec& type) const {
  bool brief = type.brief;
  if (const auto set = config_.types.find(type.name); set != config_.types.end()) {
    brief = set->second.brief.value_or(brief);
  }
  if (!brief || !type.at_most_once) return brief;
  log::warn(
      "a job type that runs at most once can't be brief, because its claims must be durable; brief is "
      "ignored",
      {{"type", type.name}});
  return false;
}

/// Without this warning, a misspelt name would silently have no effect.
void Engine::warn_of_unused_settings() const {
  std::set<std::string> names, types;
  for (const fleet::Plugin& plugin : fleet_.plugins()) {
    names.insert(plugin.spec.name);
    for (const job::TypeSpec& type : plugin.spec.types) types.insert(type.name);
  }
  for (const auto& [name, settings] : config_.plugins) {
    if (names.count(name) == 0)
      log::warn("the configuration has settings for an unknown plugin", {{"plugin", name}});
  }
  for (const auto& [type, settings] : config_.types) {
    if (types.count(type) == 0)
      log::warn("the configuration has settings for a job type that no plugin declares", {{"type", type}});
  }
}

std::size_t Engine::refused() const {
  const auto& plugins = fleet_.plugins();
  return static_cast<std::size_t>(std::count_if(plugins.begin(), plugins.end(), [](const auto& plugin) {
    return !plugin.usable() && plugin.state != fleet::PluginState::disabled;
  }));
}

void Engine::on_round_end() {
  if (stopping_) return;
  const bool first = pumps_.empty();
  warn_of_unused_settings();
  serve();
  if (first) {
    log::info("plugins loaded", {{"directory", config_.plugin_directory},
                                 {"ready", result_.plugins},
                                 {"refused", refused()},
                                 {"types", served_.size()}});
    start_pumps();
    is_up_ = true;
    systemd::ready(outcomes());
  } else {
    report_reload();
  }
  if (const auto wanted = std::exchange(reload_wanted_, std::nullopt)) ask_for_reload(*wanted);
}

/// From now on, claims for the plugins that are ready now.
void Engine::serve() {
  std::vector<LaneSpec> lanes;
  Policies::ByType policies;
  const auto& plugins = fleet_.plugins();
  served_.clear();
  result_.plugins = 0;
  result_.served.clear();
  for (std::size_t i = 0; i < plugins.size(); ++i) {
    if (!plugins[i].usable()) continue;
    ++result_.plugins;
    result_.served.insert(plugins[i].types.begin(), plugins[i].types.end());
    add_lanes(i, plugins[i], lanes, policies);
  }
  if (lanes.empty()) log::warn("no plugin serves any of the requested job types: no job will be claimed");
  policies_.set(std::move(policies));
  lanes_.set_lanes(std::move(lanes));
  publish_slots();
  caretaker_->serve(served_);
}

void Engine::publish_slots() {
  const auto& plugins = fleet_.plugins();
  for (std::size_t i = 0; i < plugins.size(); ++i) on_changed(i);
}

/// The present state, for the caretaker to publish.
void Engine::show() {
  presence_.set_plugins(fleet_.plugins(), [this](std::size_t plugin) { return fleet_.host_figures(plugin); });
  presence_.set_running(fleet_.running(Presence::long_job));
}

void Engine::on_changed(std::size_t plugin) {
  const fleet::Plugin& now = fleet_.plugins()[plugin];
  const bool gone = now.state == fleet::PluginState::refused || now.state == fleet::PluginState::broken ||
                    now.state == fleet::PluginState::disabled;
  lanes_.set_slots(plugin, gone ? std::nullopt : std::optional(now.slots()));
  poke_pumps();
}

void Engine::poke_pumps() {
  for (const auto& pump : pumps_) pump->poke();
}

void Engine::start_pumps() {
  const PumpContext context{
      store_,
      lanes_,
      outage_,
      tally_,
      policies_,
      no_scheduled_,
      2 * static_cast<std::size_t>(config_.batch_max),
      static_cast<std::size_t>(config_.effects_max),
      config_.effects_timeout,
      [this](std::vector<job::Job> jobs) {
        fleet_.deliver(std::move(jobs));
        if (!marking_.exchange(true)) fleet_.post([this] { mark_soon(); });
      },
      [this](std::vector<job::Finished> jobs) {
        fleet_.post([this, jobs = std::move(jobs)] { on_returned(jobs); });
      },
      [this](store::RuntimeId fenced) { return caretaker_->runtime(fenced); },
      [this](std::vector<std::string> ids) { caretaker_->unwritten(std::move(ids)); },
      [this] {
        fleet_.post([this] { poke_pumps(); });
        caretaker_->poke();
      },
      [this] {
        if (options_.drain) fleet_.post([this] { end_when_drained(); });
      },
      [this] { fleet_.post([this] { pump_finished(); }); },
  };
  pumps_running_ = static_cast<std::size_t>(config_.pumps);
  for (std::uint32_t i = 0; i < pumps_running_; ++i) {
    const bool listens = i == 0 && !options_.drain;  // a drain does not wait for new jobs
    pumps_.push_back(std::make_unique<Pump>(i, context, listens));
  }
  start_pruner();
  end_when_drained();
}

void Engine::start_pruner() {
  std::vector<Retention> retentions;
  if (config_.keep_done) retentions.push_back({"done", *config_.keep_done});
  if (config_.keep_error) retentions.push_back({"error", *config_.keep_error});
  if (options_.drain || retentions.empty()) return;
  pruner_ = std::make_unique<Pruner>(store_, outage_, retentions);
}

void Engine::end_when_drained() {
  const bool running = pumps_running_ > 0 && !stopping_;
  if (options_.drain && running && lanes_.is_exhausted()) stop(config_.drain_timeout);
}

void Engine::on_returned(std::vector<job::Finished> jobs) {
  const auto now = Clock::now();
  for (job::Finished& one : jobs) note_wait(one, now);
  lanes_.on_return(jobs, now);
  presence_.add_ended(jobs);
  std::vector<std::vector<job::Finished>> by_pump(pumps_.size());
  for (job::Finished& job : jobs) {
    if (log::enabled(log::Level::debug)) log_end(job);
    by_pump[job.job.pump].push_back(std::move(job));
  }
  const bool claimable = lanes_.can_reserve(now);
  for (std::size_t i = 0; i < by_pump.size(); ++i) {
    if (!by_pump[i].empty()) pumps_[i]->push(std::move(by_pump[i]));
    if (claimable) pumps_[i]->poke();
  }
}

/// While jobs are under way, looks for those that have run for long.
void Engine::mark_soon() {
  if (config_.processing_after.count() == 0) return;
  const auto half = std::chrono::duration_cast<std::chrono::milliseconds>(config_.processing_after) / 2;
  fleet_.after(std::clamp(half, least_mark_tick, tick), [this] {
    mark_running();
    marking_ = false;  // before the look, so that no job that starts now is missed
    if (lanes_.load().at_work && !marking_.exchange(true)) mark_soon();
  });
}

/// They become `processing` in the table, as its readers expect.
void Engine::mark_running() {
  const auto now = Clock::now();
  std::vector<std::vector<job::Ref>> by_pump(pumps_.size());
  std::set<std::pair<std::int64_t, std::string>> running;
  for (const fleet::RunningJob& job : fleet_.running(config_.processing_after)) {
    running.emplace(job.claim, job.id);
    by_pump[job.pump].push_back(job);
  }
  // A pump is told about the same jobs again, in case it could not mark them.
  const bool news = !std::includes(marked_.begin(), marked_.end(), running.begin(), running.end());
  if (!news && now - marked_at_ < mark_again) return;
  marked_ = std::move(running);
  marked_at_ = now;
  for (std::size_t i = 0; i < by_pump.size(); ++i) {
    if (!by_pump[i].empty()) pumps_[i]->mark(std::move(by_pump[i]));
  }
}

/// A job that looked quick when it was claimed, and is not, must not wait here while another runtime could
/// run it.
void Engine::give_back_waiting() {
  if (stopping_) return;
  auto jobs = fleet_.recall(longest_wait);
  if (jobs.empty()) return;
  log::debug("gave back jobs that waited too long for a slot", {{"count", jobs.size()}});
  lanes_.on_recall(jobs, longest_wait, Clock::now());
  on_returned(std::move(jobs));
}

void Engine::on_signal(int times) {
  result_.stopped = true;
  systemd::stopping();
  if (times == 1) {
    log::info("stopping: claiming no more, waiting for started jobs",
              {{"at_most", base::format_duration(config_.drain_timeout)}});
    stop(config_.drain_timeout);
  } else if (times == 2) {
    log::warn("stopping now: asking started jobs to cancel; a further signal kills them");
    stop(std::chrono::microseconds(0));
  } else {
    limit_calls(std::chrono::microseconds(0));
    fleet_.kill_all();
  }
}

void Engine::stop(std::chrono::microseconds patience) {
  if (stopping_ && !result_.stopped) return;
  const bool first = !stopping_;
  stopping_ = true;
  const bool reloading = !fleet_.is_round_over() || !fleet_.canary_words().empty();
  if (first && !pumps_.empty() && reloading) announce_reload("sluice is stopping");
  limit_calls(patience + config_.cancel_grace);
  fleet_.stop(patience);
  if (first && pumps_running_ == 0) fleet_.release();
  caretaker_->let_go();
}

/// All handlers have ended after `patience`. Whatever still waits for the database then, because of a lock or
/// a server that hangs, is cut short.
void Engine::limit_calls(std::chrono::microseconds patience) {
  deadline_ = Clock::now() + patience + write_grace;
  for (const auto& pump : pumps_) pump->stop(deadline_);
  store_.limit(deadline_ + call_grace);
}

void Engine::give_up_when_lost() {
  const auto lost = outage_.lasting();
  if (!options_.drain || stopping_ || !lost || *lost < drain_outage_limit) return;
  result_.failure =
      "the database did not answer for " + base::format_duration(*lost) + ": " + outage_.reason();
  stop(config_.drain_timeout);
}

void Engine::pump_finished() {
  if (--pumps_running_ == 0) fleet_.release();
}

Observation Engine::look() const {
  Observation observation;
  observation.settled = is_up_;
  observation.stopping = stopping_;
  const auto& plugins = fleet_.plugins();
  for (std::size_t i = 0; i < plugins.size(); ++i) {
    const fleet::Plugin& plugin = plugins[i];
    const fleet::HostTotals totals = fleet_.host_totals(i);
    observation.plugins.push_back(
        {plugin.path, plugin.spec.name, plugin.spec.version, fleet::name(plugin.state), plugin.reason,
         plugin.types, fleet_.hosts(i), plugin.settings.processes, plugin.restarts, plugin.slots(),
         plugin.canary, totals.cpu_seconds, totals.resident_bytes, totals.oldest_age, totals.killed_orphans});
  }
  return observation;
}

}  // namespace sluice::engine
