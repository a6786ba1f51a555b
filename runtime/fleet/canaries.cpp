// New versions of plugins that have a share of the jobs, until they are promoted or go back.
#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "base/planted.hpp"
#include "fleet/round.hpp"

namespace sluice::fleet {

namespace {

constexpr std::chrono::milliseconds canary_tick{200};
constexpr std::chrono::seconds report_interval{5};
constexpr std::chrono::seconds least_patience{10};  // with a job that those after it wait for

/// The types that the plugin serves and the new version declares too.
std::set<std::string> common_types(const std::vector<std::string>& served, const job::PluginSpec& fresh) {
  std::set<std::string> common;
  for (const job::TypeSpec& type : fresh.types) {
    if (std::find(served.begin(), served.end(), type.name) != served.end()) common.insert(type.name);
  }
  return common;
}

}  // namespace

/// Both versions work.
bool Fleet::Loop::may_be_canary(std::size_t plugin, const Edition& candidate) const {
  const auto& present = places_[plugin].present;
  return options_.start && present && present->usable() && candidate.usable();
}

void Fleet::Loop::begin_canary(std::size_t plugin, std::unique_ptr<Edition> candidate,
                               const CanaryPlan& plan) {
  Place& place = places_[plugin];
  const job::PluginSpec& fresh = candidate->spec;
  const Canary canary(plan, Clock::now(), common_types(plugins_[plugin].types, fresh),
                      place.present->spec.version, fresh.version);
  log::info("canary began: " + canary.standing(),
            {{"plugin", fresh.name}, {"version", fresh.version}, {"file", plugins_[plugin].path}});
  changes_.push_back({Change::Kind::canary, plugin, ""});
  place.went_back.reset();
  place.canary = std::make_shared<CanaryRun>(CanaryRun{std::move(candidate),
                                                       canary,
                                                       {},
                                                       std::make_unique<asio::steady_timer>(context_),
                                                       std::nullopt,
                                                       {},
                                                       ""});
  watch_canary(plugin);
}

void Fleet::Loop::watch_canary(std::size_t plugin) {
  const std::shared_ptr<CanaryRun> run = places_[plugin].canary;
  report_canary(plugin);
  run->timer->expires_after(canary_tick);
  run->timer->async_wait([this, plugin, weak = std::weak_ptr(run)](const auto& error) {
    if (error || stopping_ || weak.expired()) return;
    judge_canary(plugin);
    if (!weak.expired()) watch_canary(plugin);
  });
}

/// Shows it. Its figures are published, so they change only now and then. Jobs that run in it take no room of
/// the present version: if they hang, that one has all of its slots.
void Fleet::Loop::report_canary(std::size_t plugin) {
  CanaryRun& run = *places_[plugin].canary;
  if (Clock::now() >= run.report_at) {
    run.words = "canary: " + run.canary.standing() + "; " + run.canary.figures();
    run.report_at = Clock::now() + report_interval;
  }
  const int before = plugins_[plugin].ready_slots;
  show(plugin);
  if (plugins_[plugin].ready_slots != before) listener_.on_changed(plugin);
}

void Fleet::Loop::judge_canary(std::size_t plugin) {
  Place& place = places_[plugin];
  CanaryRun& run = *place.canary;
  if (run.edition->given_up()) run.decision = {false, run.edition->reason};
  if (!run.decision && !place.present->usable())
    run.decision = {true, "the present version does not work: " + place.present->reason};
  const auto now = Clock::now();
  const bool is_last = run.canary.is_over(now);
  settle(run,
         is_last ? now : now - std::max<Clock::duration>(least_patience, run.canary.plan().longest / 10));
  if (!run.decision) run.decision = run.canary.decide(now);
  if (!run.decision || !is_round_over()) return;
  const Canary::Decision decision = *run.decision;
  decision.promote ? promote_canary(plugin, decision.why) : end_canary(plugin, decision.why);
}

/// In a round of its own, in which the new version is ready from the start.
void Fleet::Loop::promote_canary(std::size_t plugin, const std::string& why) {
  const auto run = std::exchange(places_[plugin].canary, nullptr);
  base::mark("canary: promoted");
  log::info("canary promoted: " + why,
            {{"plugin", run->edition->spec.name}, {"version", run->edition->spec.version}});
  changes_.clear();
  std::set<std::size_t> listed;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (places_[i].present) listed.insert(i);
  }
  round_ = std::make_unique<Round>(*this, false, std::move(listed));
  round_->adopt(plugin, std::move(run->edition));
  show(plugin);
  advance_soon();
}

/// What follows from a WentBack, at the end of a sentence about it.
std::string Fleet::Loop::untried_words(const PluginFile& file) {
  return ". A plain reload does not try " + file.path() +
         " again before it changes, but a restart of the runtime would load it: put the previous file back";
}

void Fleet::Loop::end_canary(std::size_t plugin, const std::string& why) {
  Place& place = places_[plugin];
  const auto run = std::exchange(place.canary, nullptr);
  Edition& edition = *run->edition;
  const std::string reason =
      why + "; went back to version " + place.present->spec.version + untried_words(edition.file);
  base::mark("canary: went back");
  log::warn("canary went back: " + reason,
            {{"plugin", edition.spec.name}, {"version", edition.spec.version}});
  place.went_back = std::make_unique<WentBack>(WentBack{edition.file.named(), edition.settings, reason});
  plugins_[plugin].newer_refused = reason;
  changes_.assign(1, {Change::Kind::refused, plugin, reason});
  retire(std::move(run->edition));
  show(plugin);
  listener_.on_changed(plugin);
  listener_.on_canary_end();
}

/// By hand. Returns false if there is none.
bool Fleet::Loop::decide_canaries(bool promote) {
  bool any = false;
  for (const Place& place : places_) {
    if (!place.canary) continue;
    any = true;
    base::mark("canary: decided by hand");
    place.canary->decision = {promote, place.canary->canary.figures() + ", and this was decided by hand"};
  }
  return any;
}

/// The next reload tries again what went back. Returns false if nothing did.
bool Fleet::Loop::forgive() {
  bool any = false;
  for (Place& place : places_) any = std::exchange(place.went_back, nullptr) != nullptr || any;
  if (any) base::mark("canary: promoted after it went back");
  return any;
}

/// Takes the canary's share out of the jobs. While none of its hosts is ready, the present version runs all.
std::vector<job::Job> Fleet::Loop::take_canary_jobs(const Place& place, std::vector<job::Job>& jobs) {
  if (!place.canary || !place.canary->edition->usable() || place.canary->edition->ready_hosts == 0) return {};
  const auto now = Clock::now();
  for (const job::Job& job : jobs) {
    if (place.canary->canary.compares(job)) place.canary->order.deliver(job.id, now);
  }
  const auto first = std::stable_partition(
      jobs.begin(), jobs.end(), [&](const job::Job& job) { return !place.canary->canary.takes(job); });
  std::vector<job::Job> taken(std::make_move_iterator(first), std::make_move_iterator(jobs.end()));
  jobs.erase(first, jobs.end());
  return taken;
}

std::optional<Canary::Arm> Fleet::Loop::arm_of(const Edition& edition) const {
  const Place& place = places_[edition.plugin];
  if (!place.canary || stopping_) return std::nullopt;
  if (place.canary->edition.get() == &edition) return Canary::Arm::fresh;
  return place.present.get() == &edition ? std::optional(Canary::Arm::present) : std::nullopt;
}

void Fleet::Loop::count_for_canary(const Edition& edition, const std::vector<job::Finished>& jobs) {
  const auto arm = arm_of(edition);
  if (!arm) return;
  CanaryRun& run = *places_[edition.plugin].canary;
  for (const job::Finished& one : jobs) {
    if (one.outcome.result == job::Result::crashed) run.canary.count_crash(*arm);
    run.order.end(*arm, one);
  }
  settle(run, Clock::time_point::min());
}

void Fleet::Loop::settle(CanaryRun& run, Clock::time_point latest) {
  while (const auto end = run.order.next(latest)) run.canary.count(end->arm, end->finished);
}

void Fleet::Loop::count_crash_for_canary(const Edition& edition) {
  if (const auto arm = arm_of(edition)) places_[edition.plugin].canary->canary.count_crash(*arm);
}

/// The edition is the present one, and the file that has taken its place is tried, is a canary or went back.
/// That file must not get all jobs because a host of the present version did not start.
bool Fleet::Loop::guards(const Edition& edition) const {
  const Place& place = places_[edition.plugin];
  if (place.present.get() != &edition || base::planted(base::Bug::restarts_as_canary)) return false;
  const bool tried = round_ && round_->candidate(edition.plugin) != nullptr;
  const bool guarded = tried || place.canary || (place.went_back && !place.went_back->file.replaced());
  if (guarded) base::mark("canary: the present version keeps its file");
  return guarded;
}

/// The number of its jobs that run.
int Fleet::Loop::started(const Edition& edition) const {
  std::size_t jobs = 0;
  for (const auto& seat : seats_of(edition)) {
    if (seat->host && !seat->solitary) jobs += seat->host->started();
  }
  return static_cast<int>(jobs);
}

/// The same file, or, if the canary was of other settings, the same settings.
bool Fleet::Loop::has_gone_back(const Place& place) const {
  if (base::planted(base::Bug::retries_gone_back)) return false;
  if (!place.went_back || !place.present || place.went_back->file.replaced()) return false;
  if (place.went_back->by_rollback) return place.present->file.replaced();
  if (!place.present->usable()) return false;
  return place.present->file.replaced() ||
         options_.settings(place.present->spec) == place.went_back->settings;
}

std::string Fleet::Loop::canary_words() const {
  for (const Place& place : places_) {
    if (place.canary) return place.canary->edition->spec.name + ": " + place.canary->canary.standing();
  }
  return "";
}

}  // namespace sluice::fleet
