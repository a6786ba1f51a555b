#include "world/site.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>

#include <boost/asio/signal_set.hpp>

#include "world/trace.hpp"

namespace sluice::sim {

namespace {

using std::chrono::milliseconds;

}  // namespace

Site::Site(const Settings& settings, std::size_t index, const std::string& scratch, Database& database,
           Ledger& ledger)
    : settings_(settings),
      index_(index),
      directory_(scratch + "/runtime" + std::to_string(index + 1)),
      database_(database),
      ledger_(ledger) {
  std::filesystem::create_directories(directory_);
  for (const char* plugin : {"mail", "pdf"}) write_plugin(plugin, "ok");
}

/// Each version has another size. The times of the files are real, and so may be equal, as their inodes may.
void Site::write_plugin(const std::string& plugin, const std::string& how) {
  constexpr std::size_t step = 32;
  const std::string path = directory_ + "/" + plugin + ".so";
  ++version_;
  std::string content = std::to_string(version_) + " " + how;
  content.resize(static_cast<std::size_t>(version_) * step, ' ');
  std::ofstream(path + ".new") << content;
  std::filesystem::rename(path + ".new", path);
}

void Site::open() {
  sched().spawn(world_, [this] { supervise(); });
}

void Site::supervise() {
  while (!closing_) {
    static int last_id = 10;
    process_ = std::make_shared<Process>(++last_id, "runtime" + std::to_string(index_ + 1));
    all_.push_back(process_);
    process_->skew = settings_.skews[index_];
    over_ = false;
    up_ = true;
    sched().spawn(*process_, [this, process = process_] { run(*process, false, over_); });
    while (!over_) sched().wait(changed_);
    up_ = false;
    engine_ = nullptr;
    sched().wake_all(changed_);
    if (!closing_) sched().sleep(milliseconds(sched().random().between(10, 5000)));
  }
}

void Site::run(Process& process, bool drains, bool& over) {
  RemoteStore store(database_, process,
                    [this, &process](store::RuntimeId id) { ledger_.enlisted(id, process); });
  config::Config config = settings_.config;
  config.plugin_directory = directory_;
  engine::EngineOptions options;
  options.drain = drains;
  if (!drains) options.reread = [config] { return config; };
  trace("runtime starts");
  try {
    engine::Engine engine(store, config, options);
    if (!drains) engine_ = &engine;
    const engine::EngineResult result = engine.run();
    engine_ = drains ? engine_ : nullptr;
    trace("runtime ended", {{"failure", result.failure}});
  } catch (const std::exception& error) {
    trace("runtime failed", {{"error", error.what()}});
  }
  for (const auto& host : Host::of(process)) host->die(SIGKILL);
  over = true;
  sched().wake_all(changed_);
}

void Site::drain() {
  static int last_id = 500;
  all_.push_back(std::make_shared<Process>(++last_id, "drain" + std::to_string(index_ + 1)));
  Process& process = *all_.back();
  auto over = std::make_shared<bool>(false);
  ++drains_;
  sched().spawn(process, [this, &process, over] {
    run(process, true, *over);
    --drains_;
  });
}

void Site::close() {
  closing_ = true;
  if (up_) send_signal(*process_, SIGTERM);
}

bool Site::recycles(const std::string& plugin) const {
  return settings_.config.plugins.at(plugin).limits.recycle_jobs.has_value();
}

/// One may be about to relieve another.
std::string Site::crowd() const {
  if (!up_) return {};
  std::map<std::string, int> hosts;
  for (const auto& host : Host::of(*process_)) {
    if (host->told_to_stop() && !recycles(host->plugin()))
      return host->name() + " was told to stop, and does not end";
    if (!host->told_to_stop()) ++hosts[host->plugin()];
  }
  for (const auto& [plugin, count] : hosts) {
    const int most = settings_.config.plugins.at(plugin).processes + (recycles(plugin) ? 1 : 0);
    if (count > most)
      return process_->name() + " has " + std::to_string(count) + " hosts of plugin " + plugin + ", and " +
             std::to_string(most) + " are wanted";
  }
  return {};
}

void Site::kill() {
  if (!up_) return;
  trace("runtime killed", {{"runtime", process_->name()}});
  kill(*process_);
  engine_ = nullptr;
  over_ = true;
  sched().wake_all(changed_);
}

/// Its hosts end with it.
void Site::kill(Process& process) {
  sched().kill(process);
  for (const auto& host : Host::of(process)) host->die(SIGKILL);
}

void Site::freeze() {
  if (up_) sched().freeze(*process_);
}

void Site::thaw() {
  for (const auto& process : all_) {
    if (process->frozen()) sched().thaw(*process);
  }
}

}  // namespace sluice::sim
