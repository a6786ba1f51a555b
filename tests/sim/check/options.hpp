// The options of sluice-sim. Values.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>

#include "base/planted.hpp"

namespace sluice::sim {

struct Options {
  enum class What { one, many, teeth, twice, shrink };

  What what = What::many;
  std::uint64_t seed = 1;       ///< the first one
  std::uint64_t last_seed = 1;  ///< of several
  std::chrono::minutes weather{10};
  std::string until;  ///< the trace is printed to the first line that contains it
  bool prints = false;
  bool calls = false;     ///< with --seed: calls of the store are printed, too
  std::set<int> without;  ///< faults that are left out
  base::Bug bug = base::Bug::none;
  bool recycles = false;   ///< plugin hosts are relieved all the time
  bool all_marks = false;  ///< each mark must be reached
  int at_once = 2;         ///< runs at the same time

  /// False, and says why, if they make no sense.
  bool read(int argc, char** argv);
};

}  // namespace sluice::sim
