// Ctrl-C and SIGTERM as something that can be waited for, beside other descriptors, instead of the end of the
// program. Made while the process has one thread: threads made later inherit that they don't take these.
#pragma once

#include "base/descriptor.hpp"

namespace sluice::cli {

class Interrupts {
 public:
  Interrupts();
  /// The signals do again what they did before.
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// Can be read while a signal waits to be taken.
  int fd() const { return fd_.get(); }
  /// How many arrived since the last call.
  int take();

 private:
  base::Descriptor fd_;
};

}  // namespace sluice::cli
