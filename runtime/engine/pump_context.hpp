// What the two halves of a pump need of the engine.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/outage.hpp"
#include "engine/policies.hpp"
#include "engine/router.hpp"
#include "engine/summary.hpp"
#include "store/store.hpp"

namespace sluice::engine {

/// The functions are called on a pump's threads.
struct PumpContext {
  store::Store& store;
  Router& router;
  Outage& outage;
  Tally& tally;
  const Policies& policies;
  std::size_t most_unwritten;  ///< claims no more while so many outcomes wait to be written
  std::function<void(std::vector<job::Job>)> deliver;
  /// The id under which the runtime is enlisted; `fenced` is the id that was refused, 0 for none: then
  /// waits for a new one. 0 when the runtime stops meanwhile.
  std::function<store::RuntimeId(store::RuntimeId fenced)> runtime;
  std::function<void()> idle;      ///< called when the router is exhausted
  std::function<void()> finished;  ///< called once, last
};

}  // namespace sluice::engine
