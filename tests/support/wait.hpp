// Tests wait for conditions, not for a fixed time. The time limit only ends a failed test.
#pragma once

#include <chrono>
#include <thread>

namespace sluice::test {

/// True as soon as `condition()` is true; false if it does not become true within `limit`.
template <class Condition>
bool eventually(Condition condition, std::chrono::seconds limit = std::chrono::seconds(60)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace sluice::test
