// Back to the versions that the last reload replaced. Their files are held, so that whatever is in the plugin
// directory by now does not matter.
#include <utility>

#include "base/log.hpp"
#include "base/planted.hpp"
#include "fleet/round.hpp"

namespace sluice::fleet {

/// A file that was overwritten instead of replaced is gone.
std::string Fleet::Loop::roll_back() {
  std::set<std::size_t> listed;
  std::set<std::size_t> held;
  std::string why = "no plugin was replaced since the start";
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const Place& place = places_[i];
    if (!place.present) continue;
    listed.insert(i);
    if (!place.former) continue;
    if (place.former->fd() >= 0 && (place.former->has_copy() || !place.former->overwritten())) {
      held.insert(i);
    } else {
      why = "the former file of " + place.former->path() +
            " was overwritten; put it back, and replace plugins by renaming from now on";
    }
  }
  if (held.empty()) return why;
  base::mark("fleet: rolls back");
  changes_.clear();
  round_ = std::make_unique<Round>(*this, false, std::move(listed));
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
  if (!kept_.contains(fresh.plugin)) return;
  const std::string reason =
      "rolled back from version " + old.spec.version + " to version " + fresh.spec.version +
      ". A plain reload does not try " + old.file.path() +
      " again before it changes, but a restart of the runtime would load it: put the previous file back";
  log::warn("plugin " + reason, {{"plugin", fresh.spec.name}, {"version", old.spec.version}});
  // What is at the path is not tried again: the version that was at work, or a canary that went back before.
  const auto& before = place.went_back;
  if (!before || before->file.replaced() || before->file.same_as(fresh.file))
    place.went_back = std::make_unique<WentBack>(WentBack{old.file.named(), old.settings, reason});
  loop_.plugins_[fresh.plugin].newer_refused = place.went_back->reason;
}

}  // namespace sluice::fleet
