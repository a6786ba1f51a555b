// What the engine does on SIGHUP and on other requests of `sluice reload`: it reads the configuration and the
// plugin directory again, and has the fleet load what is new.
#include <algorithm>
#include <array>
#include <utility>

#include "base/log.hpp"
#include "base/systemd.hpp"
#include "base/text.hpp"
#include "config/host_users.hpp"
#include "config/secret_grants.hpp"
#include "engine/care/published_settings.hpp"
#include "engine/engine.hpp"

namespace sluice::engine {

void Engine::on_reload_request() {
  ask_for_reload(std::nullopt);
}

void Engine::on_reload_request(const fleet::ReloadRequest& request) {
  using What = fleet::ReloadRequest::What;
  if (request.what == What::canary) return ask_for_reload(request.plan);
  if (request.what == What::rollback) return roll_back();
  decide_canaries(request.what == What::promote);
}

/// If no canary is under way, what went back can still be promoted: it is loaded as by a plain reload.
void Engine::decide_canaries(bool promote) {
  if (stopping_) return refuse_reload("sluice is stopping");
  reload_began_ = Clock::now();
  if (fleet_.decide_canaries(promote)) return;
  if (promote && fleet_.forgive()) return ask_for_reload(std::nullopt);
  refuse_reload(promote ? "there is no canary to promote, and none went back" : "there is no canary to end");
}

void Engine::roll_back() {
  if (stopping_) return refuse_reload("sluice is stopping");
  if (!options_.reread) return refuse_reload("a drain keeps the plugins that it started with");
  if (!fleet_.is_round_over()) return refuse_reload("a reload is under way; roll back when it is over");
  if (const std::string canary = fleet_.canary_words(); !canary.empty())
    return refuse_reload("a canary is under way, " + canary + "; end it with sluice reload --abort");
  reload_began_ = Clock::now();
  if (const std::string why = fleet_.roll_back(); !why.empty()) return refuse_reload(why);
  log::info("rolling back");
  systemd::reloading();
}

void Engine::on_canary_end() {
  announce_reload("");
}

void Engine::ask_for_reload(const std::optional<fleet::CanaryPlan>& plan) {
  if (stopping_) return refuse_reload("sluice is stopping");
  if (!options_.reread)
    return log::info("not reloading, because a drain keeps the plugins that it started with");
  if (!fleet_.is_round_over()) {
    log::info("reloading when all plugins that are loading are ready or refused");
    reload_wanted_ = plan;
    return;
  }
  if (const std::string canary = fleet_.canary_words(); !canary.empty()) {
    return refuse_reload("a canary is under way, " + canary +
                         "; wait until it is decided, or decide it with sluice reload --promote or --abort");
  }
  reload(plan);
}

void Engine::reload(const std::optional<fleet::CanaryPlan>& plan) {
  reload_began_ = Clock::now();
  std::vector<std::string> files;
  try {
    config::Config config = options_.reread();
    config::check_users(config);
    files = fleet::find_plugins(config_.plugin_directory);
    take(std::move(config));
  } catch (const base::UsageError& error) {
    return refuse_reload(error.what());
  }
  log::info("reloading", {{"directory", config_.plugin_directory}});
  systemd::reloading();
  fleet_.reload(files, owners(), plan);
}

/// Applies only [plugin] and [type], because several threads use the other settings.
void Engine::take(config::Config config) {
  std::swap(config_.plugins, config.plugins);
  std::swap(config_.types, config.types);
  presence_.set_settings(published_settings(config_));
  fleet_.withhold(config::secret_variables(config_));
  std::string keys;
  for (const std::string& key : config::changed_keys(config_, config))
    keys += (keys.empty() ? "" : ", ") + key;
  if (!keys.empty()) log::warn("some changed settings take effect only after a restart", {{"keys", keys}});
}

void Engine::refuse_reload(const std::string& why) {
  reload_began_ = Clock::now();
  log::error("not reloading, everything stays as it is: " + why);
  announce_reload(why);
}

void Engine::report_reload() {
  std::array<std::size_t, 5> counts{};
  for (const fleet::Change& change : fleet_.changes()) ++counts.at(static_cast<std::size_t>(change.kind));
  std::vector<log::Field> fields;
  for (const auto kind :
       {fleet::Change::Kind::added, fleet::Change::Kind::replaced, fleet::Change::Kind::refused,
        fleet::Change::Kind::removed, fleet::Change::Kind::canary}) {
    fields.emplace_back(fleet::name(kind), counts.at(static_cast<std::size_t>(kind)));
  }
  fields.emplace_back("types", served_.size());
  log::info("reloaded", fields);
  systemd::ready(outcomes());
  announce_reload("");
}

/// How many are under way. A stop ends them.
std::int64_t Engine::canaries() const {
  if (stopping_) return 0;
  const auto& plugins = fleet_.plugins();
  return std::count_if(plugins.begin(), plugins.end(),
                       [](const auto& plugin) { return plugin.canary.has_value(); });
}

/// For `sluice reload --wait`, which takes the first announcement of a reload that began after its signal:
/// what was done, or why nothing was. A notification holds less than 8,000 bytes, so a long list is cut
/// short.
void Engine::announce_reload(const std::string& error) {
  constexpr std::size_t longest = 7000;
  constexpr std::size_t longest_reason = 400;
  const auto began = std::chrono::duration_cast<std::chrono::microseconds>(reload_began_.time_since_epoch());
  std::string text = "{\"runtime\":" + std::to_string(caretaker_->runtime(0)) +
                     ",\"began_us\":" + std::to_string(began.count()) + ",\"error\":" +
                     base::json_quote(base::shortened(base::valid_utf8(error), longest_reason)) +
                     ",\"changes\":[";
  const char* between = "";
  for (const fleet::Change& change : error.empty() ? fleet_.changes() : std::vector<fleet::Change>{}) {
    const fleet::Plugin& plugin = fleet_.plugins()[change.plugin];
    const auto quoted = [&](const std::string& value) {
      return base::json_quote(base::shortened(base::valid_utf8(value), longest_reason));
    };
    const bool shares = change.kind == fleet::Change::Kind::canary && plugin.canary;
    const std::string& version = shares ? plugin.canary->version : plugin.spec.version;
    std::string one = std::string(between) + R"({"change":")" + fleet::name(change.kind) + R"(","plugin":)" +
                      quoted(plugin.spec.name) + R"(,"version":)" + quoted(version) + R"(,"generation":)" +
                      std::to_string(plugin.generation) + R"(,"file":)" + quoted(plugin.path) +
                      R"(,"reason":)" + quoted(change.reason) + "}";
    if (text.size() + one.size() > longest) break;
    text += one;
    between = ",";
  }
  caretaker_->announce(text + "],\"canaries\":" + std::to_string(canaries()) + "}");
}

}  // namespace sluice::engine
