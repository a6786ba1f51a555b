// Notes in the shared page which slot's thread ended the process, and its stack, so that the runtime blames
// that slot's job alone. It covers signals that a fault raises, abort(), std::terminate(), exit() and
// _exit(). Also notes the stack of a slot's thread when the runtime asks. Not for a host in a thread of
// another program, where faults belong to that program.
#pragma once

#include <signal.h>

#include <cstdint>
#include <memory>

#include "wire/shared_page.hpp"

namespace sluice::host {

/// For the life of the process. The page's memory must stay mapped while any thread is blamed; `page` is
/// neither moved nor destroyed.
void note_crashes_in(wire::SharedPage& page);

/// The calling thread is about to end the process without a signal.
void note_exit();

/// While it exists, what the calling thread does is blamed on the job of `slot`.
class Blame {
 public:
  explicit Blame(std::uint32_t slot);
  ~Blame();
  Blame(const Blame&) = delete;
  Blame& operator=(const Blame&) = delete;
};

/// A signal stack for the calling thread, so that a stack overflow can be noted, too.
class SignalStack {
 public:
  SignalStack();
  ~SignalStack();
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  const std::unique_ptr<char[]> memory_;
  stack_t before_{};  ///< the address sanitizer has one, and ends it itself
};

}  // namespace sluice::host
