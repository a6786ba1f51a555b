#include "host/crash_note.hpp"

#include <signal.h>

#include <atomic>
#include <cstdlib>

namespace sluice::host {

namespace {

constexpr std::int32_t none = -1;
constexpr std::size_t stack_size = 64 * 1024;

std::atomic<std::atomic<std::int32_t>*> crashed_slot = nullptr;
thread_local std::int32_t blamed_slot = none;

/// The first thread that gets here is the one that ended the process.
void note() {
  std::atomic<std::int32_t>* const slot = crashed_slot;
  if (slot == nullptr || blamed_slot == none) return;
  std::int32_t unknown = none;
  slot->compare_exchange_strong(unknown, blamed_slot);
}

/// The handler was removed when it was called, so what follows ends the process as if it had never been
/// there.
void on_signal(int signal, siginfo_t* info, void*) {
  note();
  const bool is_fault = info->si_code > 0;  // then the instruction is repeated when this returns
  if (!is_fault) raise(signal);
}

}  // namespace

void note_crashes_in(wire::SharedPage& page) {
  crashed_slot = &page.header().crashed_slot;
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER;
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP})
    sigaction(signal, &action, nullptr);
  std::atexit(note);
  std::at_quick_exit(note);
}

Blame::Blame(std::uint32_t slot) {
  blamed_slot = static_cast<std::int32_t>(slot);
}
Blame::~Blame() {
  blamed_slot = none;
}

SignalStack::SignalStack() : memory_(std::make_unique<char[]>(stack_size)) {
  const stack_t stack{memory_.get(), 0, stack_size};
  sigaltstack(&stack, &before_);
}
SignalStack::~SignalStack() {
  sigaltstack(&before_, nullptr);
}

}  // namespace sluice::host
