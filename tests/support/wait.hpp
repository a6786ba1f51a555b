// Tests wait for conditions, never for time: the time here is only where a test gives up.
#pragma once

#include <chrono>
#include <thread>

namespace sluice::test {

/// True as soon as `condition()` is; false when it was not within `limit`.
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
