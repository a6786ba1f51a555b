#include "engine/pump/outage.hpp"

#include <algorithm>

#include "base/duration.hpp"
#include "base/log.hpp"
#include "store/store.hpp"

namespace sluice::engine {

namespace {

constexpr const char* silent =
    "the database does not answer; running jobs continue, their outcomes are kept, and sluice tries again "
    "until it answers";
constexpr const char* refusing =
    "the database refuses sluice's statements; running jobs continue, their outcomes are kept, and sluice "
    "tries again until it accepts them";
constexpr const char* busy =
    "the database can't execute sluice's statements now; running jobs continue, their outcomes are kept, and "
    "sluice tries again until it can";

/// How long a beat counts as recent.
constexpr std::chrono::seconds fresh{10};

}  // namespace

/// If beats are answered and a statement is not, it waits for something in the database, usually a lock.
const char* Outage::kind_of(const std::exception& error) const {
  if (dynamic_cast<const store::Refused*>(&error) != nullptr) return refusing;
  const auto* unavailable = dynamic_cast<const store::Unavailable*>(&error);
  if (unavailable == nullptr) return silent;
  const base::Lock lock(mutex_);
  const bool alive = beaten_ && Clock::now() - *beaten_ < fresh;
  const bool waits = alive && dynamic_cast<const store::Unanswered*>(&error) != nullptr;
  return unavailable->answered() || waits ? busy : silent;
}

void Outage::beaten() {
  const base::Lock lock(mutex_);
  beaten_ = Clock::now();
}

void Outage::down(const void* who, const std::string& reason) {
  down(who, silent, reason);
}

void Outage::down(const void* who, const std::exception& error) {
  down(who, kind_of(error), error.what());
}

void Outage::down(const void* who, const char* what, const std::string& reason) {
  const base::Lock lock(mutex_);
  const bool first = affected_.empty();
  affected_.insert(who);
  reason_ = reason;
  if (first) {
    since_ = Clock::now();
    logged_.clear();
  }
  if (!logged_.insert(what).second) return;
  log::error(what, {{"reason", reason}});
}

void Outage::up(const void* who) {
  const base::Lock lock(mutex_);
  if (affected_.erase(who) == 0 || !affected_.empty()) return;
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - since_);
  log::info("the database answers again", {{"after", base::format_duration(took)}});
}

std::optional<std::chrono::milliseconds> Outage::lasting() const {
  const base::Lock lock(mutex_);
  if (affected_.empty()) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - since_);
}

std::string Outage::reason() const {
  const base::Lock lock(mutex_);
  return reason_;
}

std::chrono::milliseconds reconnect_delay(int failures) {
  constexpr std::chrono::milliseconds first{100};
  constexpr std::chrono::milliseconds longest{5000};
  return std::min(longest, first * (1 << std::clamp(failures - 1, 0, 10)));
}

}  // namespace sluice::engine
