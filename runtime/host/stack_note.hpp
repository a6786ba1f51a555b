// Writes the stack of the calling thread into the shared page. May be called by a signal handler: the
// unwinder takes no lock, because glibc (from 2.35 on) finds the libraries without one.
#pragma once

#include <cstdint>

#include "wire/stack_cell.hpp"

namespace sluice::host {

/// Where a signal interrupted a thread; zeros: no signal did.
struct Interruption {
  int signal = 0;
  std::uint64_t address = 0;  ///< that the faulting instruction used
  std::uint64_t pc = 0;       ///< the interrupted instruction; the stack begins there
  bool overflowed = false;    ///< the fault was at the end of the stack
  std::uint64_t caller = 0;   ///< the return address, as far as it can be known without unwinding

  /// Of a signal handler's arguments. `info` is a siginfo_t, `context` a ucontext_t.
  static Interruption of(int signal, const void* info, const void* context);
};

/// Does nothing if the cell has a stack already.
void note_stack(wire::StackCell& cell, const Interruption& interruption);

/// Loads what the unwinder needs, which it would otherwise allocate at its first use.
void prepare_unwinder();

}  // namespace sluice::host
