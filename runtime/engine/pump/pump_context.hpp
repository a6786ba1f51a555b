// What the two halves of a pump need of the engine.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/lanes/lanes.hpp"
#include "engine/policies.hpp"
#include "engine/pump/outage.hpp"
#include "engine/watch/summary.hpp"
#include "store/store.hpp"

namespace sluice::engine {

/// The functions are called on a pump's threads.
struct PumpContext {
  store::Store& store;
  Lanes& lanes;
  Outage& outage;
  Tally& tally;
  const Policies& policies;
  /// Set when the table turned out to have no status `scheduled`: a snoozed job waits in `error`, as one that
  /// is to be tried again.
  std::atomic<bool>& no_scheduled;
  std::size_t most_unwritten;               ///< claims no more while so many outcomes wait to be written
  std::size_t most_effects;                 ///< that one job may ask for, follow-up jobs among them
  std::chrono::microseconds effects_limit;  ///< of the time that they take
  std::function<void(std::vector<job::Job>)> deliver;
  /// Takes jobs that no plugin shall see as if they had come back.
  std::function<void(std::vector<job::Finished>)> turn_back;
  /// The id under which the runtime is enlisted; `fenced` is the id that was refused, 0 for none: then
  /// waits for a new one. 0 when the runtime stops meanwhile.
  std::function<store::RuntimeId(store::RuntimeId fenced)> runtime;
  /// The outcomes of these jobs, which ran or began to, will not be written.
  std::function<void(std::vector<std::string> ids)> unwritten;
  std::function<void()> notified;  ///< of new jobs; called when they are claimed
  std::function<void()> idle;      ///< called when the lanes are exhausted
  std::function<void()> finished;  ///< called once, last

  /// That of the type, or the defaults where it has none.
  job::RetryPolicy policy(const std::string& type) const;
  /// What is to be written for a job that came back.
  job::Settlement settle(job::Finished one) const;
  std::vector<job::Settlement> settle(std::vector<job::Finished> all) const;
  void bound(job::Outcome& outcome) const;

  /// What `step()` answers to `who`; none when the database did not. Calls `fenced()` where the runtime is no
  /// longer enlisted.
  template <typename Step, typename Enlist>
  auto ask(const void* who, Step&& step, Enlist&& fenced) const -> std::optional<decltype(step())> {
    try {
      auto answer = step();
      outage.up(who);
      return answer;
    } catch (const store::Fenced&) {
      fenced();
    } catch (const std::exception& error) {
      outage.down(who, error);
    }
    return std::nullopt;
  }
};

}  // namespace sluice::engine
