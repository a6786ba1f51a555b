#include <algorithm>
#include <boost/asio/post.hpp>

#include "base/log.hpp"
#include "base/threads.hpp"
#include "fleet/loop.hpp"

namespace sluice::fleet {

void Fleet::Loop::load(const std::vector<std::string>& files) {
  child_signals_ = std::make_unique<asio::signal_set>(context_, SIGCHLD);
  wait_child_signal();
  round_ = Round{.first = true};
  for (const std::string& file : files) place_of(file);
  for (std::size_t i = 0; i < places_.size(); ++i) try_file(i);
  advance_soon();
}

void Fleet::Loop::reload(const std::vector<std::string>& files, std::map<std::string, std::string> owners) {
  if (stopping_ || !is_settled()) return;
  round_ = Round{};
  changes_.clear();
  owners_ = std::move(owners);
  for (Place& place : places_) place.listed = false;
  for (Plugin& plugin : plugins_) plugin.newer_refused.clear();
  for (const std::string& file : files) places_[place_of(file)].listed = true;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (places_[i].listed && wants_trial(places_[i])) try_file(i);
  }
  advance_soon();
}

std::size_t Fleet::Loop::place_of(const std::string& path) {
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

void Fleet::Loop::try_file(std::size_t plugin) {
  auto& candidate = places_[plugin].candidate;
  candidate = std::make_unique<Edition>();
  candidate->plugin = plugin;
  candidate->file = PluginFile(plugins_[plugin].path);
  seat_and_spawn(*candidate);
  show(plugin);
}

/// Posted, because the events that advance the round happen in the middle of other work.
void Fleet::Loop::advance_soon() {
  asio::post(context_, [this] { advance(); });
}

void Fleet::Loop::advance() {
  if (!round_ || (stopping_ && options_.start)) return;
  const auto any = [this](auto condition) {
    return std::any_of(places_.begin(), places_.end(),
                       [&](const Place& place) { return place.candidate && condition(*place.candidate); });
  };
  if (any([](const Edition& edition) { return edition.state == PluginState::loading; })) return;
  if (!round_->started) {
    round_->started = true;
    switch_off_disabled();
    refuse_conflicts();
    if (options_.start) start_described();
  }
  if (options_.start && any([this](const Edition& edition) { return awaited(edition); })) return;
  finish_round();
}

/// In a reload, all hosts of a candidate must become ready, so that nothing gets slower when it takes over.
bool Fleet::Loop::awaited(const Edition& edition) const {
  if (edition.given_up()) return false;
  if (!edition.usable()) return true;
  const auto seats = seats_of(edition);
  return !round_->first &&
         std::any_of(seats.begin(), seats.end(), [](const auto& seat) { return !seat->tried; });
}

bool Fleet::Loop::is_candidate(const Edition& edition) const {
  return places_[edition.plugin].candidate.get() == &edition;
}

/// Reads the candidates' settings. This comes before the search for conflicts, because a disabled plugin must
/// not conflict with others.
void Fleet::Loop::switch_off_disabled() {
  for (const Place& place : places_) {
    Edition* candidate = place.candidate.get();
    if (candidate == nullptr || candidate->state != PluginState::described) continue;
    candidate->settings = options_.settings(candidate->spec);
    if (candidate->settings.enabled) continue;
    candidate->state = PluginState::disabled;
    for (const auto& seat : seats_of(*candidate)) {
      if (seat->host) seat->host->stop();
    }
  }
}

void Fleet::Loop::start_described() {
  for (const Place& place : places_) {
    if (!place.candidate || place.candidate->state != PluginState::described) continue;
    start(*seats_of(*place.candidate).front());
    show(place.candidate->plugin);
  }
}

/// The plugins that would serve together, as far as is known.
std::vector<Fleet::Loop::Edition*> Fleet::Loop::contenders() const {
  std::vector<Edition*> all;
  for (const Place& place : places_) {
    const bool tried = place.candidate && !place.candidate->given_up();
    Edition* one = tried ? place.candidate.get() : place.present.get();
    if (place.listed && one != nullptr && !one->given_up()) all.push_back(one);
  }
  return all;
}

std::vector<Contender> Fleet::Loop::values_of(const std::vector<Edition*>& editions) const {
  std::vector<Contender> values;
  for (const Edition* edition : editions) {
    const auto& present = places_[edition->plugin].present;
    values.push_back({edition->file.path(),
                      edition->spec.name,
                      {},
                      present && present->usable() && present->spec.name == edition->spec.name});
    for (const job::TypeSpec& type : edition->spec.types) values.back().types.push_back(type.name);
  }
  return values;
}

/// Repeated, because each refusal leaves its place to the plugin at work, which may have another name.
void Fleet::Loop::refuse_conflicts() {
  for (;;) {
    const auto all = contenders();
    const auto conflicts = name_conflicts(values_of(all));
    if (conflicts.empty()) return;
    for (const auto& [index, reason] : conflicts) refuse(*all[index], PluginState::refused, reason);
  }
}

void Fleet::Loop::finish_round() {
  std::map<std::string, Server> servers;
  for (const auto& [type, plugin] : routes_)
    servers[type] = {plugins_[plugin].path, plugins_[plugin].spec.name};
  refuse_conflicts();
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (!places_[i].listed) {
      remove(i);
    } else if (places_[i].candidate) {
      take_over(i);
    }
  }
  share_out(servers);
  for (std::size_t i = 0; i < places_.size(); ++i) show(i);
  settled_ = true;
  round_.reset();
  listener_.on_settled();
}

void Fleet::Loop::remove(std::size_t plugin) {
  Place& place = places_[plugin];
  if (!place.present) return;
  changes_.push_back({Change::Kind::removed, plugin, ""});
  log::info("plugin removed", {{"plugin", place.present->spec.name}, {"file", plugins_[plugin].path}});
  retire(std::move(place.present));
}

void Fleet::Loop::take_over(std::size_t plugin) {
  Place& place = places_[plugin];
  const bool at_work = place.present && place.present->usable();
  if (place.candidate->state == PluginState::disabled) {
    if (at_work) changes_.push_back({Change::Kind::removed, plugin, ""});
    if (at_work || round_->first)
      log::info("plugin disabled by its settings", {{"plugin", place.candidate->spec.name}});
  } else if (place.candidate->given_up()) {
    changes_.push_back({Change::Kind::refused, plugin, place.candidate->reason});
    if (at_work) {
      plugins_[plugin].newer_refused = place.candidate->reason;
      return retire(std::move(place.candidate));
    }
  } else if (options_.start) {
    changes_.push_back({at_work ? Change::Kind::replaced : Change::Kind::added, plugin, ""});
    place.candidate->generation = ++place.generation;
    place.candidate->loaded_at = base::WallClock::now();
  }
  if (place.present) {
    place.candidate->restarts += place.present->restarts;
    retire(std::move(place.present));
  }
  place.present = std::move(place.candidate);
  if (round_->first || place.present->given_up()) return;
  log::info(at_work ? "plugin replaced" : "plugin added", {{"plugin", place.present->spec.name},
                                                           {"version", place.present->spec.version},
                                                           {"generation", place.present->generation},
                                                           {"file", plugins_[plugin].path}});
}

void Fleet::Loop::share_out(const std::map<std::string, Server>& servers) {
  const auto all = contenders();
  const std::vector<Share> shares = share_types(values_of(all), owners_, servers);
  std::vector<Share> by_plugin(plugins_.size());
  for (std::size_t i = 0; i < all.size(); ++i) by_plugin[all[i]->plugin] = shares[i];
  routes_.clear();
  for (std::size_t i = 0; i < plugins_.size(); ++i) {
    for (const std::string& type : by_plugin[i].types) routes_[type] = i;
    for (const auto& [type, reason] : by_plugin[i].refused) {
      const auto before = plugins_[i].refused_types.find(type);
      const bool known = before != plugins_[i].refused_types.end() && before->second == reason;
      if (options_.start && !known && !owners_.contains(type)) log::error("job type refused: " + reason);
    }
    plugins_[i].types = std::move(by_plugin[i].types);
    plugins_[i].refused_types = std::move(by_plugin[i].refused);
  }
}

void Fleet::Loop::show(std::size_t plugin) {
  const Place& place = places_[plugin];
  Plugin& shown = plugins_[plugin];
  shown.draining_hosts = static_cast<int>(std::count_if(seats_.begin(), seats_.end(), [&](const auto& seat) {
    return seat->host && seat->edition->retired && seat->edition->plugin == plugin;
  }));
  const Edition* edition = place.present ? place.present.get() : place.candidate.get();
  if (edition == nullptr) {
    shown.state = PluginState::removed;
    shown.ready_hosts = 0;
    return;
  }
  shown.state = edition->state;
  shown.reason = edition->reason;
  shown.spec = edition->spec;
  shown.settings = edition->settings;
  shown.ready_hosts = edition->ready_hosts;
  shown.restarts = edition->restarts;
  shown.generation = edition->generation;
  shown.loaded_at = edition->loaded_at;
}

/// Updates the edition's plugin and tells the listener, unless the edition is tried beside one at work.
void Fleet::Loop::tell(const Edition& edition) {
  show(edition.plugin);
  if (!is_candidate(edition) || !places_[edition.plugin].present) listener_.on_changed(edition.plugin);
}

}  // namespace sluice::fleet
