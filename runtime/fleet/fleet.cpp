#include "fleet/fleet.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <filesystem>
#include <set>

#include "base/config.hpp"
#include "base/duration.hpp"
#include "base/log.hpp"
#include "fleet/host_process.hpp"
#include "fleet/restart_policy.hpp"

namespace sluice::fleet {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

const char* name(PluginState state) {
  static constexpr std::array names{"loading",    "described", "starting", "ready",
                                    "restarting", "refused",   "broken",   "stopped"};
  return names.at(static_cast<std::size_t>(state));
}

std::vector<std::string> find_plugins(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".so")
      files.push_back(std::filesystem::absolute(entry->path()).string());
  }
  if (error) {
    throw base::UsageError("reading the plugin directory '" + directory + "' failed: " + error.message() +
                           "; name another with --plugins, SLUICE_PLUGIN_DIR or plugins.directory");
  }
  std::sort(files.begin(), files.end());
  return files;
}

class Fleet::Loop : public HostProcess::Listener {
 public:
  Loop(Options options, fleet::Listener& listener)
      : options_(std::move(options)), listener_(listener), work_(asio::make_work_guard(context_)) {}

  void load(const std::vector<std::string>& files, bool stop_signals);
  void run() { context_.run(); }
  void deliver(std::size_t plugin, std::vector<job::Job> jobs);
  void cancel(const std::set<std::string>& ids);
  void every(std::chrono::milliseconds interval, std::function<void()> step);
  void stop(std::chrono::microseconds patience);
  void kill_all(const std::string& why);
  void release();

  asio::io_context& context() { return context_; }
  const std::vector<Plugin>& plugins() const { return plugins_; }
  std::vector<RunningJob> running(std::chrono::microseconds at_least) const;
  bool is_settled() const { return settled_; }

 private:
  struct Seat {  // one host of a plugin, and its history
    std::size_t plugin = 0;
    std::shared_ptr<HostProcess> host;  // shared with its handlers in the event loop
    std::unique_ptr<asio::steady_timer> timer;
    ExitHistory history;
    Clock::time_point ready_since{};
    bool was_ready = false;
  };

  // HostProcess::Listener
  void described(HostProcess& host, job::PluginSpec spec) override;
  void refused(HostProcess& host, const std::string& reason) override;
  void ready(HostProcess& host) override;
  void finished(std::vector<job::Finished> jobs) override;
  void ended(HostProcess& host) override;

  void take_signals(bool stop_signals);
  void wait_stop_signal();
  void wait_child_signal();
  void reap();

  void spawn(Seat& seat);
  void limit_start(Seat& seat, const char* doing);
  void start(Seat& seat);
  void start_all_when_described();
  void settle_types();
  void settle_names();
  void settle_when_started();
  void refuse(Plugin& plugin, PluginState state, const std::string& reason);
  void restart_later(Seat& seat);
  void bounce(std::vector<job::Job> jobs);
  void finish_when_empty();
  Seat& seat_of(const HostProcess& host);
  Plugin& plugin_of(const Seat& seat) { return plugins_[seat.plugin]; }

  const Options options_;
  fleet::Listener& listener_;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::vector<Plugin> plugins_;
  std::vector<std::unique_ptr<Seat>> seats_;
  std::unique_ptr<asio::signal_set> stop_signals_;
  std::unique_ptr<asio::signal_set> child_signals_;
  std::unique_ptr<asio::steady_timer> stop_timer_;
  std::vector<std::unique_ptr<asio::steady_timer>> tickers_;
  bool started_ = false;
  bool settled_ = false;
  bool stopping_ = false;
  bool released_ = false;
  bool over_ = false;  // run() is about to return
  int signals_ = 0;
};

void Fleet::Loop::load(const std::vector<std::string>& files, bool stop_signals) {
  take_signals(stop_signals);
  for (const std::string& file : files) {
    plugins_.push_back({});
    plugins_.back().path = file;
    seats_.push_back(std::make_unique<Seat>());
    seats_.back()->plugin = plugins_.size() - 1;
  }
  for (std::size_t i = 0; i < files.size(); ++i) spawn(*seats_[i]);
  asio::post(context_, [this] { start_all_when_described(); });
}

void Fleet::Loop::take_signals(bool stop_signals) {
  child_signals_ = std::make_unique<asio::signal_set>(context_, SIGCHLD);
  wait_child_signal();
  if (!stop_signals) return;
  stop_signals_ = std::make_unique<asio::signal_set>(context_, SIGTERM, SIGINT);
  wait_stop_signal();
}

void Fleet::Loop::wait_stop_signal() {
  stop_signals_->async_wait([this](const auto& error, int) {
    if (error || over_) return;
    listener_.signalled(++signals_);
    wait_stop_signal();
  });
}

void Fleet::Loop::wait_child_signal() {
  child_signals_->async_wait([this](const auto& error, int) {
    if (error || over_) return;
    reap();
    wait_child_signal();
  });
}

void Fleet::Loop::reap() {
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    const std::shared_ptr<HostProcess> host = seats_[i]->host;
    int status = 0;
    if (!host || waitpid(host->pid(), &status, WNOHANG) != host->pid()) continue;
    host->reaped(status, stopping_);
  }
}

void Fleet::Loop::spawn(Seat& seat) {
  const std::string& path = plugin_of(seat).path;
  try {
    seat.was_ready = false;
    seat.host = std::make_shared<HostProcess>(context_, *this, options_.executable, path);
    seat.host->begin();
    limit_start(seat, "load");
  } catch (const std::exception& error) {
    refuse(plugin_of(seat), PluginState::refused,
           path + ": " + error.what() + "; check the limits of processes and files");
  }
}

/// Kills the host when it does not get on within the start timeout.
void Fleet::Loop::limit_start(Seat& seat, const char* doing) {
  seat.timer = std::make_unique<asio::steady_timer>(context_, options_.start_timeout);
  seat.timer->async_wait([this, &seat, doing](const auto& error) {
    if (error || !seat.host) return;
    seat.host->kill(std::string("did not ") + doing + " within " +
                    base::format_duration(options_.start_timeout));
  });
}

void Fleet::Loop::described(HostProcess& host, job::PluginSpec spec) {
  Seat& seat = seat_of(host);
  Plugin& plugin = plugin_of(seat);
  seat.timer.reset();
  host.set_name(spec.name);
  if (plugin.state != PluginState::loading) {  // another host of a plugin that is known, or a restart
    const bool same = spec.name == plugin.spec.name && spec.types.size() == plugin.spec.types.size() &&
                      std::equal(spec.types.begin(), spec.types.end(), plugin.spec.types.begin(),
                                 [](const auto& a, const auto& b) { return a.name == b.name; });
    if (same) return start(seat);
    return refused(host,
                   "found a file that changed since it was first loaded, expected the same name and types; "
                   "restart sluice to take the new one");
  }
  plugin.spec = std::move(spec);
  plugin.state = PluginState::described;
  start_all_when_described();
}

void Fleet::Loop::refused(HostProcess& host, const std::string& reason) {
  Seat& seat = seat_of(host);
  seat.timer.reset();
  refuse(plugin_of(seat), PluginState::refused, plugin_of(seat).path + ": " + reason);
  host.kill("was refused");
}

void Fleet::Loop::refuse(Plugin& plugin, PluginState state, const std::string& reason) {
  if (plugin.state == PluginState::refused || plugin.state == PluginState::broken) return;
  plugin.state = state;
  plugin.reason = reason;
  const auto index = static_cast<std::size_t>(&plugin - plugins_.data());
  for (const auto& seat : seats_) {
    if (seat->plugin == index && seat->host) seat->host->stop();
  }
  if (options_.start) log::error("plugin refused: " + reason);
  start_all_when_described();
  settle_when_started();
  listener_.changed(index);
}

void Fleet::Loop::start_all_when_described() {
  const bool waiting = std::any_of(plugins_.begin(), plugins_.end(),
                                   [](const Plugin& plugin) { return plugin.state == PluginState::loading; });
  if (waiting || started_ || stopping_) return;
  started_ = true;
  settle_names();
  settle_types();
  for (std::size_t i = 0; i < plugins_.size(); ++i) {
    if (plugins_[i].state == PluginState::described) start(*seats_[i]);
  }
  settle_when_started();
}

/// Two files with one plugin name: which of them its configuration is for can't be told.
void Fleet::Loop::settle_names() {
  std::map<std::string, std::vector<Plugin*>> by_name;
  for (Plugin& plugin : plugins_) {
    if (plugin.state == PluginState::described) by_name[plugin.spec.name].push_back(&plugin);
  }
  for (const auto& [plugin_name, same] : by_name) {
    if (same.size() < 2) continue;
    for (Plugin* plugin : same) {
      const Plugin* other = plugin == same[0] ? same[1] : same[0];
      refuse(*plugin, PluginState::refused,
             plugin->path + ": found the plugin name '" + plugin_name + "' in " + other->path +
                 " too, expected each name once; take one of the files out of the plugin directory");
    }
  }
}

void Fleet::Loop::settle_types() {
  std::map<std::string, std::vector<Plugin*>> by_type;
  for (Plugin& plugin : plugins_) {
    if (plugin.state == PluginState::loading || plugin.state == PluginState::refused) continue;
    plugin.types.clear();
    plugin.refused_types.clear();
    for (const job::TypeSpec& type : plugin.spec.types) by_type[type.name].push_back(&plugin);
  }
  for (const auto& [type, declaring] : by_type) {
    const auto owner = options_.owners.find(type);
    for (Plugin* plugin : declaring) {
      const bool owned = owner != options_.owners.end() && owner->second == plugin->spec.name;
      if (owned || (declaring.size() == 1 && owner == options_.owners.end())) {
        plugin->types.push_back(type);
        continue;
      }
      const Plugin* other = declaring.size() == 1    ? nullptr
                            : plugin == declaring[0] ? declaring[1]
                                                     : declaring[0];
      const std::string reason = owner != options_.owners.end()
                                     ? "the configuration gives it to plugin '" + owner->second + "'"
                                     : plugin->path + ": found job type '" + type + "' in " + other->path +
                                           " too, expected one plugin for each type; set plugin = \"" +
                                           plugin->spec.name + "\" under [type.\"" + type +
                                           "\"] in the configuration, or take one of them away";
      plugin->refused_types[type] = reason;
      if (options_.start && owner == options_.owners.end()) log::error("job type refused: " + reason);
    }
  }
}

void Fleet::Loop::start(Seat& seat) {
  Plugin& plugin = plugin_of(seat);
  if (!options_.start || stopping_) return;
  plugin.settings = options_.settings(plugin.spec.name);
  if (plugin.state == PluginState::described) plugin.state = PluginState::starting;
  std::vector<bool> at_most_once;
  for (const job::TypeSpec& type : plugin.spec.types) at_most_once.push_back(type.at_most_once);
  seat.host->set_at_most_once(std::move(at_most_once));
  seat.host->start({static_cast<std::uint32_t>(plugin.settings.slots), options_.log_level,
                    !plugin.settings.role.empty(), plugin.settings.config});
  limit_start(seat, "start");
}

void Fleet::Loop::ready(HostProcess& host) {
  Seat& seat = seat_of(host);
  Plugin& plugin = plugin_of(seat);
  seat.timer.reset();
  if (stopping_ || host.state() != HostState::ready) return;
  seat.was_ready = true;
  seat.ready_since = Clock::now();
  seat.history.failed_starts = 0;
  const bool first = plugin.state == PluginState::starting;
  plugin.state = PluginState::ready;
  ++plugin.ready_hosts;
  log::debug("plugin host ready", {{"plugin", plugin.spec.name}, {"pid", host.pid()}});
  if (first) {
    const std::size_t index = seat.plugin;
    for (int more = 1; more < plugins_[index].settings.processes; ++more) {
      seats_.push_back(std::make_unique<Seat>());
      seats_.back()->plugin = index;
      spawn(*seats_.back());
    }
  }
  listener_.changed(seat_of(host).plugin);
  settle_when_started();
}

void Fleet::Loop::settle_when_started() {
  if (settled_ || !started_) return;
  const bool waiting = std::any_of(plugins_.begin(), plugins_.end(), [&](const Plugin& plugin) {
    return plugin.state == PluginState::starting;
  });
  if (waiting) return;
  settled_ = true;
  asio::post(context_, [this] { listener_.settled(); });
}

void Fleet::Loop::finished(std::vector<job::Finished> jobs) {
  listener_.returned(std::move(jobs));
}

void Fleet::Loop::ended(HostProcess& host) {
  Seat& seat = seat_of(host);
  Plugin& plugin = plugin_of(seat);
  const std::string ending = host.ending();
  const bool was_ready = seat.was_ready;
  seat.timer.reset();
  seat.host.reset();
  if (was_ready) {
    --plugin.ready_hosts;
    listener_.changed(seat.plugin);
  }
  if (stopping_) return finish_when_empty();
  if (plugin.state == PluginState::refused || plugin.state == PluginState::broken) return;
  if (!was_ready && (plugin.state == PluginState::loading || plugin.state == PluginState::starting)) {
    const char* doing = plugin.state == PluginState::loading ? "while it was being loaded" : "in its init";
    return refuse(plugin, PluginState::refused,
                  plugin.path + ": found that its process " + ending + " " + doing +
                      ", expected it to get ready; run it under a debugger, or look at what it printed");
  }
  log::warn("plugin host died", {{"plugin", plugin.spec.name}, {"ending", ending}});
  restart_later(seat);
}

void Fleet::Loop::restart_later(Seat& seat) {
  Plugin& plugin = plugin_of(seat);
  if (seat.was_ready && Clock::now() - seat.ready_since >= healthy_run) seat.history = {};
  ++seat.history.failures;
  if (!seat.was_ready) ++seat.history.failed_starts;
  ++plugin.restarts;
  const auto delay = restart_delay(seat.history);
  if (!delay) {
    return refuse(plugin, PluginState::broken,
                  plugin.path + ": found that " + std::to_string(seat.history.failed_starts) +
                      " starts in a row failed, expected it to get ready; mend it and restart sluice");
  }
  if (plugin.ready_hosts == 0) plugin.state = PluginState::restarting;
  seat.timer = std::make_unique<asio::steady_timer>(context_, *delay);
  seat.timer->async_wait([this, &seat](const auto& error) {
    if (!error && !stopping_) spawn(seat);
  });
}

void Fleet::Loop::deliver(std::size_t plugin, std::vector<job::Job> jobs) {
  std::vector<Seat*> ready;
  for (const auto& seat : seats_) {
    const bool takes = seat->plugin == plugin && seat->host && seat->host->state() == HostState::ready;
    if (takes) ready.push_back(seat.get());
  }
  // The least loaded first, an equal share to each; within a host, oldest first.
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
    ready[i]->host->send({next, part_end}, plugins_[plugin].spec.types);
    next = part_end;
  }
  if (next != end) bounce({next, end});
}

void Fleet::Loop::cancel(const std::set<std::string>& ids) {
  for (const auto& seat : seats_) {
    if (seat->host) seat->host->cancel(ids);
  }
}

std::vector<RunningJob> Fleet::Loop::running(std::chrono::microseconds at_least) const {
  std::vector<RunningJob> jobs;
  const auto latest = Clock::now() - at_least;
  for (const auto& seat : seats_) {
    if (seat->host) seat->host->add_running(latest, jobs);
  }
  return jobs;
}

/// Hands back what no host can take: a host died between the claim and now.
void Fleet::Loop::bounce(std::vector<job::Job> jobs) {
  std::vector<job::Finished> released;
  for (job::Job& job : jobs) {
    job.payload = {};
    released.push_back({std::move(job), {}});
    released.back().outcome.result = job::Result::released;
  }
  listener_.returned(std::move(released));
}

void Fleet::Loop::every(std::chrono::milliseconds interval, std::function<void()> step) {
  tickers_.push_back(std::make_unique<asio::steady_timer>(context_));
  asio::steady_timer& timer = *tickers_.back();
  // The ticking refers to itself; the timer owns the end of it.
  auto tick = std::make_shared<std::function<void()>>();
  *tick = [this, &timer, interval, step = std::move(step), again = std::weak_ptr(tick)] {
    timer.expires_after(interval);
    timer.async_wait([this, step, keep = again.lock()](const auto& error) {
      if (error || over_) return;  // over: the timer is gone, though its time had come before that
      step();
      (*keep)();
    });
  };
  (*tick)();
}

void Fleet::Loop::stop(std::chrono::microseconds patience) {
  stopping_ = true;
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

void Fleet::Loop::finish_when_empty() {
  const bool empty =
      std::none_of(seats_.begin(), seats_.end(), [](const auto& seat) { return seat->host != nullptr; });
  if (!stopping_ || !released_ || !empty) return;
  for (Plugin& plugin : plugins_) {
    if (plugin.state == PluginState::ready || plugin.state == PluginState::restarting)
      plugin.state = PluginState::stopped;
  }
  // Posted, because a ticker's own step may have led here.
  asio::post(context_, [this] {
    over_ = true;  // a signal may be queued already, which cancelling does not take back
    work_.reset();
    tickers_.clear();
    stop_timer_.reset();
    if (stop_signals_) stop_signals_->cancel();
    child_signals_->cancel();
  });
}

Fleet::Loop::Seat& Fleet::Loop::seat_of(const HostProcess& host) {
  const auto found =
      std::find_if(seats_.begin(), seats_.end(), [&](const auto& seat) { return seat->host.get() == &host; });
  return **found;
}

Fleet::Fleet(Options options, Listener& listener)
    : loop_(std::make_unique<Loop>(std::move(options), listener)) {}
Fleet::~Fleet() = default;

void Fleet::load(const std::vector<std::string>& files, bool stop_signals) {
  loop_->load(files, stop_signals);
}
void Fleet::run() {
  loop_->run();
}
void Fleet::deliver(std::size_t plugin, std::vector<job::Job> jobs) {
  asio::post(loop_->context(),
             [this, plugin, jobs = std::move(jobs)]() mutable { loop_->deliver(plugin, std::move(jobs)); });
}
void Fleet::cancel(std::vector<std::string> ids) {
  asio::post(loop_->context(), [this, ids = std::move(ids)] { loop_->cancel({ids.begin(), ids.end()}); });
}
void Fleet::post(std::function<void()> step) {
  asio::post(loop_->context(), std::move(step));
}
void Fleet::every(std::chrono::milliseconds interval, std::function<void()> step) {
  loop_->every(interval, std::move(step));
}
void Fleet::stop(std::chrono::microseconds patience) {
  loop_->stop(patience);
}
void Fleet::kill_all() {
  loop_->kill_all("was told to stop at once");
}
void Fleet::release() {
  asio::post(loop_->context(), [this] { loop_->release(); });
}
const std::vector<Plugin>& Fleet::plugins() const {
  return loop_->plugins();
}
std::vector<RunningJob> Fleet::running(std::chrono::microseconds at_least) const {
  return loop_->running(at_least);
}
bool Fleet::is_settled() const {
  return loop_->is_settled();
}

}  // namespace sluice::fleet
