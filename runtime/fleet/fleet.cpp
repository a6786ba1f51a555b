#include "fleet/fleet.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <filesystem>

#include "base/usage_error.hpp"
#include "fleet/loop.hpp"
#include "fleet/spawn.hpp"

namespace sluice::fleet {

std::vector<std::string> limit_words(const HostSettings& settings, const std::string& keeper) {
  std::vector<std::string> words = job::words_of(settings.host_limits, keeper);
  if (settings.user) words.insert(words.begin(), "user " + settings.user->name);
  return words;
}

const char* name(PluginState state) {
  static constexpr std::array names{"loading", "described", "starting", "ready",   "restarting",
                                    "refused", "broken",    "removed",  "stopped", "disabled"};
  return names.at(static_cast<std::size_t>(state));
}

const char* name(Change::Kind kind) {
  static constexpr std::array names{"added", "replaced", "refused", "removed", "canary"};
  return names.at(static_cast<std::size_t>(kind));
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

Fleet::Fleet(Options options, Listener& listener)
    : loop_(std::make_unique<Loop>(std::move(options), listener)) {}
Fleet::~Fleet() = default;

void Fleet::take_signals() {
  loop_->take_signals();
}
void Fleet::withhold(const std::set<std::string>& variables) {
  fleet::withhold(variables);
}
void Fleet::load(const std::vector<std::string>& files) {
  loop_->load(files);
}
void Fleet::reload(const std::vector<std::string>& files, std::map<std::string, std::string> owners,
                   const std::optional<CanaryPlan>& plan) {
  loop_->reload(files, std::move(owners), plan);
}
bool Fleet::decide_canaries(bool promote) {
  return loop_->decide_canaries(promote);
}
bool Fleet::forgive() {
  return loop_->forgive();
}
std::string Fleet::roll_back() {
  return loop_->roll_back();
}
std::string Fleet::canary_words() const {
  return loop_->canary_words();
}
void Fleet::run() {
  loop_->run();
}
void Fleet::deliver(std::vector<job::Job> jobs) {
  asio::post(loop_->context(), [this, jobs = std::move(jobs)]() mutable { loop_->deliver(std::move(jobs)); });
}
void Fleet::cancel(std::vector<std::string> ids) {
  asio::post(loop_->context(), [this, ids = std::move(ids)] { loop_->cancel({ids.begin(), ids.end()}); });
}
std::vector<job::Finished> Fleet::recall(std::chrono::microseconds waited) {
  return loop_->recall(waited);
}
void Fleet::enforce_limits() {
  loop_->enforce_limits();
}

void Fleet::post(std::function<void()> step) {
  asio::post(loop_->context(), std::move(step));
}
void Fleet::every(std::function<std::chrono::milliseconds()> pause, std::function<void()> step) {
  loop_->every(std::move(pause), std::move(step));
}
void Fleet::after(std::chrono::milliseconds delay, std::function<void()> step) {
  loop_->after(delay, std::move(step));
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
std::map<std::string, int> Fleet::hosts(std::size_t plugin) const {
  return loop_->hosts(plugin);
}
HostTotals Fleet::host_totals(std::size_t plugin) const {
  return loop_->host_totals(plugin);
}
std::vector<HostFigures> Fleet::host_figures(std::size_t plugin) const {
  return loop_->host_figures(plugin);
}
std::vector<RunningJob> Fleet::running(std::chrono::microseconds at_least) const {
  return loop_->running(at_least);
}
bool Fleet::is_round_over() const {
  return loop_->is_round_over();
}
const std::vector<Change>& Fleet::changes() const {
  return loop_->changes();
}

}  // namespace sluice::fleet
