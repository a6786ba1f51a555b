// Waiting in `sluice plugin dev`: for programs, files and time, and always for Ctrl-C.
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
  /// Waits until one of the descriptors is readable or the time is over. Descriptors below 0 are ignored.
  /// Throws Interrupted.
  void wait(const std::vector<int>& descriptors, int milliseconds = -1);
  /// Runs a program to its end and returns its exit status, -1 if it was killed. At Ctrl-C, ends the program
  /// and throws Interrupted.
  int finish(const workshop::Launch& launch);

 private:
  Interrupts interrupts_;
};

/// Prints a line that stands out among the lines of the build and of the runtime. Further lines are plain.
void say(const std::string& text);

}  // namespace sluice::cli
