// Back to the versions that the last reload replaced. Their files are held, so that whatever is in the plugin
// directory by now does not matter.
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "base/planted.hpp"
#include "fleet/round.hpp"

namespace sluice::fleet {

/// A file that was overwritten instead of replaced is gone.
std::string Fleet::Loop::roll_back() {
  std::set<std::size_t> listed;
  std::set<std::size_t> held;
  std::vector<Change> gone;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const Place& place = places_[i];
    if (!place.present) continue;
    listed.insert(i);
    if (!place.former) continue;
    if (place.former->loadable()) {
      held.insert(i);
    } else {
      gone.push_back({Change::Kind::refused, i,
                      "the former file of " + place.former->path() +
                          " was overwritten, or the runtime had no descriptor left to hold it; put it back, "
                          "and replace plugins by renaming"});
    }
  }
  if (held.empty()) return gone.empty() ? "no plugin was replaced since the start" : gone.front().reason;
  base::mark("fleet: rolls back");
  changes_ = std::move(gone);
  round_ = std::make_unique<Round>(*this, false, std::move(listed));
  round_->take_all_or_none();
  for (const std::size_t plugin : held) {
    plugins_[plugin].newer_refused.clear();
    round_->try_kept(plugin, places_[plugin].former->held_again());
  }
  advance_soon();
  return "";
}

/// `place` has just got `fresh` instead of `old`. A version of which only the settings have changed has no
/// former file.
void Fleet::Loop::Round::remember_former(Place& place, const Edition& old, const Edition& fresh) {
  if (old.file.same_as(fresh.file)) return;
  if (!std::exchange(forgot_former_, true)) {
    for (Place& other : loop_.places_) other.former.reset();
  }
  place.former = old.file.held_again();
  if (kept_.contains(fresh.plugin)) guard_rollback(place, old, fresh);
}

/// What is at the path is not tried again before it changes: the version that was at work, or a canary that
/// went back before. Unless it is what is at work now, or nobody has tried it yet.
void Fleet::Loop::Round::guard_rollback(Place& place, const Edition& old, const Edition& fresh) {
  std::string words = "rolled back from version " + old.spec.version + " to version " + fresh.spec.version;
  const bool tried = place.went_back && !place.went_back->file.replaced();
  const bool guards = fresh.file.replaced() && (tried || !old.file.replaced());
  if (guards) {
    words += untried_words(old.file);
    if (!tried) place.went_back = std::make_unique<WentBack>(WentBack{old.file.named(), old.settings, words});
    place.went_back->by_rollback = true;
    loop_.plugins_[fresh.plugin].newer_refused = place.went_back->reason;
  } else {
    place.went_back.reset();
  }
  log::warn("plugin " + words, {{"plugin", fresh.spec.name}, {"version", old.spec.version}});
}

}  // namespace sluice::fleet
