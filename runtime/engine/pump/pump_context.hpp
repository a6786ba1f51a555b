// What the two halves of a pump need from the engine.
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
  /// Set if the table turned out not to allow status `scheduled`. Then a snoozed job waits in `error`, like a
  /// job that will be tried again.
  std::atomic<bool>& no_scheduled;
  std::size_t most_unwritten;               ///< stops claiming while this many outcomes wait to be written
  std::size_t most_effects;                 ///< the most that one job may request, including follow-up jobs
  std::chrono::microseconds effects_limit;  ///< of the time that they take
  std::function<void(std::vector<job::Job>)> deliver;
  /// Takes back jobs that must not be shown to plugins, as if a plugin had returned them.
  std::function<void(std::vector<job::Finished>)> turn_back;
  /// The id under which the runtime is enlisted. `fenced` is an id that was refused, or 0. If it is the
  /// present one, this waits for a new id. Returns 0 if the runtime stops while waiting.
  std::function<store::RuntimeId(store::RuntimeId fenced)> runtime;
  /// These jobs ran or started, and their outcomes will not be written.
  std::function<void(std::vector<std::string> ids)> unwritten;
  std::function<void()> notified;  ///< of new jobs; called when they are claimed
  std::function<void()> idle;      ///< called when the lanes are exhausted
  std::function<void()> finished;  ///< called once, as the last call

  /// The policy of the type, or the defaults if it has none.
  job::RetryPolicy policy(const std::string& type) const;
  /// What to write for a job that came back.
  job::Settlement settle(job::Finished one) const;
  std::vector<job::Settlement> settle(std::vector<job::Finished> all) const;
  void bound(job::Outcome& outcome) const;

  /// Returns the answer of `step()`, which `who` runs; nullopt if the database did not answer. Calls
  /// `fenced()` if the runtime is no longer enlisted.
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
