// What the parts of `sluice plugin dev` wait with: for programs, files and time, and always for Ctrl-C.
#pragma once

#include <string>
#include <vector>

#include "cli/text/interrupts.hpp"
#include "workshop/process.hpp"

namespace sluice::cli {

/// Thrown at Ctrl-C and SIGTERM.
class Interrupted {};

class DevWaiter {
 public:
  /// Waits until one of the descriptors can be read, of which those below 0 don't count; at most so long.
  /// Throws Interrupted.
  void wait(const std::vector<int>& descriptors, int milliseconds = -1);
  /// Runs a program to its end: its exit status, -1 where it was killed. Ends it and throws Interrupted.
  int finish(const workshop::Launch& launch);

 private:
  Interrupts interrupts_;
};

/// A line of ours, which stands out among those of the build and of the runtime; those behind it are plain.
void say(const std::string& text);

}  // namespace sluice::cli
