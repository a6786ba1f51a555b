// Turns Ctrl-C and SIGTERM into a descriptor that can be waited for, instead of ending the program. Create it
// while the process has one thread, because threads inherit the blocked signals.
#pragma once

#include "base/descriptor.hpp"

namespace sluice::cli {

class Interrupts {
 public:
  Interrupts();
  /// Unblocks the signals.
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// Readable while a signal waits to be taken.
  int fd() const { return fd_.get(); }
  /// How many arrived since the last call.
  int take();

 private:
  base::Descriptor fd_;
};

}  // namespace sluice::cli
