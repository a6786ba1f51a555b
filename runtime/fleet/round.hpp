// One round: the start, or a reload. It tries the plugin files that are new or changed beside what is at
// work, and ends by deciding what serves from then on.
//
//   try_file ─► all described ─► conflicts refused, candidates started ─► all ready or refused ─► taken over
//
// A part of the event loop, for its thread alone.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "fleet/loop.hpp"

namespace sluice::fleet {

class Fleet::Loop::Round {
 public:
  /// `first`: the start, in which nothing is at work. `listed`: the plugins whose files are there; the others
  /// are removed at the end. `plan`: new versions of plugins at work become canaries.
  Round(Loop& loop, bool first, std::set<std::size_t> listed, const std::optional<CanaryPlan>& plan = {})
      : loop_(loop), first_(first), listed_(std::move(listed)), plan_(plan) {}

  /// Loads the plugin's file as a candidate.
  void try_file(std::size_t plugin);
  /// Likewise, a file that is not at the plugin's path: its former one, or the present one with other
  /// settings.
  void try_kept(std::size_t plugin, PluginFile file);
  /// If one candidate is refused, all are.
  void take_all_or_none() { all_or_none_ = true; }
  /// Takes a candidate that is ready.
  void adopt(std::size_t plugin, std::unique_ptr<Edition> ready) { candidates_[plugin] = std::move(ready); }
  /// Goes on as far as the candidates allow. Returns true if the round is over.
  bool advance();

  bool is_first() const { return first_; }
  /// What is tried of this plugin; null: nothing.
  Edition* candidate(std::size_t plugin) const;

 private:
  void try_file(std::size_t plugin, PluginFile file);
  bool is_trusted(Edition& edition);
  bool awaits(const Edition& edition) const;
  void switch_off_disabled();
  void judge_sandboxes();
  void refuse_without_secrets();
  static std::string unenforceable_words(const Edition& edition, const std::string& gaps, int version);
  static void warn_of_short_secrets(const Edition& edition);
  void start_described();
  void refuse_conflicts();
  void refuse_strangers();
  void finish();
  void remove(std::size_t plugin);
  void refuse_all_if_one_is();
  void take_over(std::size_t plugin, std::unique_ptr<Edition> candidate);
  void remember_former(Place& place, const Edition& old, const Edition& fresh);
  void guard_rollback(Place& place, const Edition& old, const Edition& fresh);
  void share_out(const std::map<std::string, Server>& servers);
  std::vector<Edition*> contenders() const;
  std::vector<Contender> values_of(const std::vector<Edition*>& editions) const;

  Loop& loop_;
  const bool first_;
  const std::set<std::size_t> listed_;
  const std::optional<CanaryPlan> plan_;
  bool started_ = false;        // all candidates are described
  bool forgot_former_ = false;  // those of earlier rounds
  bool all_or_none_ = false;
  std::set<std::size_t> kept_;  // the plugins whose candidates are of kept files
  std::map<std::size_t, std::unique_ptr<Edition>> candidates_;
};

}  // namespace sluice::fleet
