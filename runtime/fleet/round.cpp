#include "fleet/round.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "base/text.hpp"
#include "fleet/missing_secret.hpp"

namespace sluice::fleet {

namespace {

/// Of a plugin's file. A larger one would take the event loop too long.
constexpr std::int64_t largest_digested = std::int64_t{64} << 20U;

}  // namespace

void Fleet::Loop::Round::try_file(std::size_t plugin) {
  try_file(plugin, PluginFile(loop_.plugins_[plugin].path));
}

void Fleet::Loop::Round::try_kept(std::size_t plugin, PluginFile file) {
  kept_.insert(plugin);
  try_file(plugin, std::move(file));
}

void Fleet::Loop::Round::try_file(std::size_t plugin, PluginFile file) {
  auto& candidate = candidates_[plugin];
  candidate = std::make_unique<Edition>();
  candidate->plugin = plugin;
  candidate->file = std::move(file);
  if (is_trusted(*candidate)) loop_.seat_and_spawn(*candidate);
  loop_.show(plugin);
}

/// From then on, a copy of a file whose content was checked is loaded, whatever is at its path. A kept file
/// that has one was checked when it was new: the lock and the signature are those of its successor by now.
bool Fleet::Loop::Round::is_trusted(Edition& edition) {
  if (edition.file.has_copy()) return true;
  const std::string& path = edition.file.path();
  try {
    if (edition.file.fd() >= 0) edition.file.hold(trust::vet(loop_.options_.trust, path, edition.file.fd()));
  } catch (const std::runtime_error& refusal) {
    loop_.refuse(edition, PluginState::refused, path + ": " + refusal.what());
    return false;
  }
  loop_.warn_of_group(path);
  return true;
}

Fleet::Loop::Edition* Fleet::Loop::Round::candidate(std::size_t plugin) const {
  const auto found = candidates_.find(plugin);
  return found == candidates_.end() ? nullptr : found->second.get();
}

bool Fleet::Loop::Round::advance() {
  const auto any = [this](auto condition) {
    return std::any_of(candidates_.begin(), candidates_.end(),
                       [&](const auto& candidate) { return condition(*candidate.second); });
  };
  if (any([](const Edition& edition) { return edition.state == PluginState::loading; })) return false;
  if (!started_) {
    started_ = true;
    switch_off_disabled();
    judge_sandboxes();
    refuse_without_secrets();
    refuse_conflicts();
    if (plan_) refuse_strangers();
    if (loop_.options_.start) start_described();
  }
  if (loop_.options_.start && any([this](const Edition& edition) { return awaits(edition); })) return false;
  finish();
  return true;
}

/// In a reload, all hosts of a candidate must become ready, so that nothing gets slower when it takes over.
bool Fleet::Loop::Round::awaits(const Edition& edition) const {
  if (edition.given_up()) return false;
  if (!edition.usable()) return true;
  const auto seats = loop_.seats_of(edition);
  return !first_ && std::any_of(seats.begin(), seats.end(), [](const auto& seat) { return !seat->tried; });
}

/// Reads the candidates' settings. This comes before the search for conflicts, because a disabled plugin must
/// not conflict with others.
void Fleet::Loop::Round::switch_off_disabled() {
  for (const auto& [plugin, candidate] : candidates_) {
    if (candidate->state != PluginState::described) continue;
    candidate->settings = loop_.options_.settings(candidate->spec);
    if (candidate->settings.enabled) continue;
    candidate->state = PluginState::disabled;
    for (const auto& seat : loop_.seats_of(*candidate)) {
      if (seat->host) seat->host->stop();
    }
  }
}

std::string Fleet::Loop::Round::unenforceable_words(const Edition& edition, const std::string& gaps,
                                                    int version) {
  return edition.file.path() + ": found that this kernel, whose Landlock has version " +
         std::to_string(version) + ", can't restrict " + gaps +
         ", expected that it enforces the whole sandbox, because [plugins] sandbox = \"require\"; use a "
         "newer "
         "kernel, or set sandbox = \"try\"";
}

/// An older kernel can't enforce everything.
void Fleet::Loop::Round::judge_sandboxes() {
  for (const auto& [plugin, candidate] : candidates_) {
    const std::string gaps =
        base::joined(job::unenforceable(candidate->settings.sandbox, loop_.options_.landlock_version));
    if (candidate->state != PluginState::described || gaps.empty() || !loop_.options_.start) continue;
    const int version = loop_.options_.landlock_version;
    if (loop_.options_.require_sandbox) {
      loop_.refuse(*candidate, PluginState::refused, unenforceable_words(*candidate, gaps, version));
    } else {
      log::warn("this kernel can't enforce all of a plugin's sandbox",
                {{"plugin", candidate->spec.name}, {"not_enforced", gaps}, {"landlock_version", version}});
    }
  }
}

void Fleet::Loop::Round::refuse_without_secrets() {
  for (const auto& [plugin, candidate] : candidates_) {
    const auto& missing = candidate->settings.secrets.missing;
    if (candidate->state != PluginState::described || !missing || !loop_.options_.start) continue;
    loop_.refuse(*candidate, PluginState::refused,
                 candidate->file.path() + ": " + refusal_words(*missing, candidate->spec.name));
  }
}

void Fleet::Loop::Round::warn_of_short_secrets(const Edition& edition) {
  for (const auto& [name, value] : edition.settings.secrets.values) {
    if (value.size() >= job::shortest_scrubbed) continue;
    log::warn("a secret is too short to be replaced in what its plugin says",
              {{"plugin", edition.spec.name},
               {"secret", name},
               {"shortest", static_cast<int>(job::shortest_scrubbed)}});
  }
}

void Fleet::Loop::Round::start_described() {
  for (const auto& [plugin, candidate] : candidates_) {
    if (candidate->state != PluginState::described) continue;
    warn_of_short_secrets(*candidate);
    loop_.start(*loop_.seats_of(*candidate).front());
    loop_.show(plugin);
  }
}

/// The plugins that would serve together, as far as is known.
std::vector<Fleet::Loop::Edition*> Fleet::Loop::Round::contenders() const {
  std::vector<Edition*> all;
  for (const std::size_t plugin : listed_) {
    Edition* const tried = candidate(plugin);
    Edition* const one = tried != nullptr && !tried->given_up() ? tried : loop_.places_[plugin].present.get();
    if (one != nullptr && !one->given_up()) all.push_back(one);
  }
  return all;
}

std::vector<Contender> Fleet::Loop::Round::values_of(const std::vector<Edition*>& editions) const {
  std::vector<Contender> values;
  for (const Edition* edition : editions) {
    const auto& present = loop_.places_[edition->plugin].present;
    values.push_back({edition->file.path(),
                      edition->spec.name,
                      {},
                      present && present->usable() && present->spec.name == edition->spec.name});
    for (const job::TypeSpec& type : edition->spec.types) values.back().types.push_back(type.name);
  }
  return values;
}

/// Repeated, because each refusal leaves its place to the plugin at work, which may have another name.
void Fleet::Loop::Round::refuse_conflicts() {
  for (;;) {
    const auto all = contenders();
    const auto conflicts = name_conflicts(values_of(all));
    if (conflicts.empty()) return;
    for (const auto& [index, reason] : conflicts) loop_.refuse(*all[index], PluginState::refused, reason);
  }
}

/// A canary is compared with the version at work, so it has to be the same plugin.
void Fleet::Loop::Round::refuse_strangers() {
  for (const auto& [plugin, candidate] : candidates_) {
    const auto& present = loop_.places_[plugin].present;
    const bool strange = candidate->state == PluginState::described && present && present->usable() &&
                         present->spec.name != candidate->spec.name;
    if (!strange) continue;
    loop_.refuse(*candidate, PluginState::refused,
                 candidate->file.path() + ": found plugin '" + candidate->spec.name + "', expected '" +
                     present->spec.name +
                     "', with which a canary would be compared; run sluice reload without --canary");
  }
}

void Fleet::Loop::Round::finish() {
  std::map<std::string, Server> servers;
  for (const auto& [type, plugin] : loop_.routes_)
    servers[type] = {loop_.plugins_[plugin].path, loop_.plugins_[plugin].spec.name};
  refuse_conflicts();
  if (all_or_none_) refuse_all_if_one_is();
  for (std::size_t i = 0; i < loop_.places_.size(); ++i) {
    if (!listed_.contains(i)) remove(i);
    auto candidate = candidates_.extract(i);
    if (!candidate) continue;
    if (plan_ && loop_.may_be_canary(i, *candidate.mapped())) {
      loop_.begin_canary(i, std::move(candidate.mapped()), *plan_);
    } else {
      take_over(i, std::move(candidate.mapped()));
    }
  }
  share_out(servers);
  for (std::size_t i = 0; i < loop_.places_.size(); ++i) loop_.show(i);
}

void Fleet::Loop::Round::remove(std::size_t plugin) {
  Place& place = loop_.places_[plugin];
  if (!place.present) return;
  loop_.changes_.push_back({Change::Kind::removed, plugin, ""});
  log::info("plugin removed", {{"plugin", place.present->spec.name}, {"file", loop_.plugins_[plugin].path}});
  place.former.reset();
  loop_.retire(std::move(place.present));
}

/// So that what was one reload goes back as a whole, or can be tried again.
void Fleet::Loop::Round::refuse_all_if_one_is() {
  const auto refused = std::find_if(candidates_.begin(), candidates_.end(), [](const auto& candidate) {
    return candidate.second->given_up() && candidate.second->state != PluginState::disabled;
  });
  if (refused == candidates_.end()) return;
  for (const auto& [plugin, candidate] : candidates_) {
    loop_.refuse(*candidate, PluginState::refused,
                 candidate->file.path() + " is not rolled back, because " + refused->second->file.path() +
                     " can't be; all that one reload replaced goes back together");
  }
}

void Fleet::Loop::Round::take_over(std::size_t plugin, std::unique_ptr<Edition> candidate) {
  Place& place = loop_.places_[plugin];
  const bool kept = kept_.contains(plugin);
  if (!candidate->given_up() && !kept) place.went_back.reset();
  const bool at_work = place.present && place.present->usable();
  if (candidate->state == PluginState::disabled) {
    if (at_work) loop_.changes_.push_back({Change::Kind::removed, plugin, ""});
    if (at_work || first_) log::info("plugin disabled by its settings", {{"plugin", candidate->spec.name}});
  } else if (candidate->given_up()) {
    loop_.changes_.push_back({Change::Kind::refused, plugin, candidate->reason});
    if (at_work) {
      loop_.plugins_[plugin].newer_refused = candidate->reason;
      return loop_.retire(std::move(candidate));
    }
  } else if (loop_.options_.start) {
    loop_.changes_.push_back({at_work ? Change::Kind::replaced : Change::Kind::added, plugin, ""});
    candidate->generation = ++place.generation;
    candidate->loaded_at = base::WallClock::now();
    candidate->digest = candidate->file.digest(largest_digested);
  }
  if (place.present) {
    candidate->restarts += place.present->restarts;
    if ((at_work || kept) && candidate->usable()) remember_former(place, *place.present, *candidate);
    loop_.retire(std::move(place.present));
  }
  place.present = std::move(candidate);
  if (first_ || place.present->given_up()) return;
  log::info(at_work ? "plugin replaced" : "plugin added", {{"plugin", place.present->spec.name},
                                                           {"version", place.present->spec.version},
                                                           {"generation", place.present->generation},
                                                           {"file", loop_.plugins_[plugin].path}});
}

void Fleet::Loop::Round::share_out(const std::map<std::string, Server>& servers) {
  const auto all = contenders();
  const std::vector<Share> shares = share_types(values_of(all), loop_.owners_, servers);
  std::vector<Share> by_plugin(loop_.plugins_.size());
  for (std::size_t i = 0; i < all.size(); ++i) by_plugin[all[i]->plugin] = shares[i];
  loop_.routes_.clear();
  for (std::size_t i = 0; i < loop_.plugins_.size(); ++i) {
    for (const std::string& type : by_plugin[i].types) loop_.routes_[type] = i;
    for (const auto& [type, reason] : by_plugin[i].refused) {
      const auto before = loop_.plugins_[i].refused_types.find(type);
      const bool known = before != loop_.plugins_[i].refused_types.end() && before->second == reason;
      if (loop_.options_.start && !known && !loop_.owners_.contains(type))
        log::error("job type refused: " + reason);
    }
    loop_.plugins_[i].types = std::move(by_plugin[i].types);
    loop_.plugins_[i].refused_types = std::move(by_plugin[i].refused);
  }
}

}  // namespace sluice::fleet
