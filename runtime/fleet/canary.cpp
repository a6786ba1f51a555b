#include "fleet/canary.hpp"

#include <array>
#include <charconv>
#include <utility>

#include "base/duration.hpp"
#include "base/planted.hpp"

namespace sluice::fleet {

namespace {

constexpr double slow_quantile = 0.95;
/// What a job must take more than that quantile to be slow, so that noise of short jobs is not.
constexpr double slow_factor = 1.25;
constexpr std::chrono::milliseconds slow_margin{1};
constexpr std::int64_t least_timed = 100;       // jobs, before the quantile is known
constexpr std::int64_t quantile_interval = 50;  // jobs, between its estimates
/// The first jobs of a type in new hosts may be slow because nothing is cached or connected yet.
constexpr std::int64_t cold_jobs = 25;
constexpr std::int64_t most_crashes = 3;

/// FNV-1a, with its bits mixed because it changes the low ones too little at the end of a text.
std::uint64_t hash_of(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  hash = (hash ^ (hash >> 33U)) * 0xff51afd7ed558ccd;
  return hash ^ (hash >> 33U);
}

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

/// 0.05: "5 %"
std::string percent(double part) {
  std::array<char, 32> digits{};
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), part * 100, std::chars_format::general, 4);
  return std::string(digits.data(), end.ptr) + " %";
}

bool failed(job::Result result) {
  return result == job::Result::retry || result == job::Result::fail || result == job::Result::crashed;
}

}  // namespace

Canary::Canary(const CanaryPlan& plan, base::Clock::time_point began, std::set<std::string> types,
               std::string present_version, std::string fresh_version)
    : plan_(plan),
      began_(began),
      types_(std::move(types)),
      failing_(plan.share, alpha / 2),
      slow_(plan.share, alpha / 2) {
  const bool differ = present_version != fresh_version && !present_version.empty();
  present_.version = differ ? "version " + std::move(present_version) : "the present version";
  fresh_.version = differ ? "version " + std::move(fresh_version) : "the new version";
}

bool Canary::takes(const job::Job& job) const {
  constexpr double whole = 18446744073709551616.0;  // 2^64
  const double share = base::planted(base::Bug::canary_takes_more) ? 2 * plan_.share : plan_.share;
  return (job.attempt == 1 || base::planted(base::Bug::canary_takes_retries)) && types_.contains(job.type) &&
         static_cast<double>(hash_of(job.id)) < share * whole;
}

void Canary::count(Arm arm, const job::Finished& finished) {
  const job::Result result = finished.outcome.result;
  const bool ended = result == job::Result::done || failed(result);
  if (!ended || !compares(finished.job)) return;
  Figures& its = figures_of(arm);
  ++its.jobs;
  if (result == job::Result::done) return count_time(arm, finished);
  ++its.failures;
  failing_.add(arm == Arm::fresh);
}

void Canary::count_crash(Arm arm) {
  ++figures_of(arm).crashes;
}

/// Of jobs that are done, because failing may be quick.
void Canary::count_time(Arm arm, const job::Finished& finished) {
  const auto took = finished.outcome.duration;
  Pace& pace = paces_[finished.job.type];
  if (arm == Arm::fresh && ++pace.cold <= cold_jobs) return;
  Figures& its = figures_of(arm);
  its.took.add(took);
  if (pace.slow.count() > 0) {
    ++its.timed;
    if (took > pace.slow) {
      ++its.slow;
      slow_.add(arm == Arm::fresh);
    }
  }
  if (arm == Arm::fresh) return;
  pace.took.add(took);
  if (pace.took.total() < least_timed || pace.took.total() % quantile_interval != 0) return;
  const auto usual = pace.took.quantile(slow_quantile);
  pace.slow = std::max(usual + slow_margin,
                       std::chrono::duration_cast<std::chrono::microseconds>(usual * slow_factor));
}

/// Each crash is another job's, because the new version gets only first attempts.
bool Canary::crashes_repeatedly() const {
  return fresh_.crashes >= most_crashes && fresh_.crashes > present_.crashes;
}

std::optional<Canary::Decision> Canary::decide(base::Clock::time_point now) const {
  if (crashes_repeatedly()) base::mark("canary: it crashes repeatedly");
  if (failing_.alarms()) base::mark("canary: it fails too often");
  if (crashes_repeatedly()) return Decision{false, crash_words()};
  if (failing_.alarms()) return Decision{false, figures()};
  if (slow_.alarms()) return Decision{false, time_words()};
  if (!is_over(now)) return std::nullopt;
  const std::string limit = base::format_duration(plan_.longest);
  if (fresh_.jobs >= plan_.least_jobs) return Decision{true, figures() + " in " + limit};
  return Decision{false, fresh_.version + " ran only " + grouped(fresh_.jobs) + " jobs in " + limit +
                             ", and at least " + grouped(plan_.least_jobs) + " were asked for"};
}

std::string Canary::figures() const {
  return fresh_.version + " failed " + grouped(fresh_.failures) + " of " + grouped(fresh_.jobs) + " jobs, " +
         present_.version + " " + grouped(present_.failures) + " of " + grouped(present_.jobs);
}

std::string Canary::crash_words() const {
  return fresh_.version + " crashed " + grouped(fresh_.crashes) + " times in " + grouped(fresh_.jobs) +
         " jobs, " + present_.version + " " + grouped(present_.crashes) + " times in " +
         grouped(present_.jobs);
}

std::string Canary::time_words() const {
  const auto p95 = [](const Figures& its) { return base::format_duration(its.took.quantile(slow_quantile)); };
  return grouped(fresh_.slow) + " of " + grouped(fresh_.timed) + " jobs of " + fresh_.version +
         " took much longer than 95 % of those of " + present_.version + ", and of its own " +
         grouped(present_.slow) + " of " + grouped(present_.timed) + "; the p95 is " + p95(fresh_) +
         " instead of " + p95(present_);
}

std::string Canary::standing() const {
  return fresh_.version + " has " + percent(plan_.share) + " of the jobs";
}

}  // namespace sluice::fleet
