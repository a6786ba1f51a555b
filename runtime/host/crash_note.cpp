#include "host/crash_note.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

#include "host/stack_note.hpp"
#include "wire/descriptors.hpp"

namespace sluice::host {

namespace {

using wire::PageHeader;

constexpr std::int32_t no_job = -1;
constexpr std::size_t stack_size = 64 * 1024;

std::atomic<wire::SharedPage*> noted_page = nullptr;
thread_local std::int32_t blamed_slot = no_job;

wire::StackCell& cell_of_thread(wire::SharedPage& page) {
  return page.stack(blamed_slot == no_job ? wire::SharedPage::slot_count
                                          : static_cast<std::uint32_t>(blamed_slot));
}

/// The first thread that gets here is the one that ended the process.
void note(const Interruption& interruption) {
  wire::SharedPage* const page = noted_page;
  if (page == nullptr) return;
  std::int32_t unknown = PageHeader::no_slot;
  const std::int32_t slot = blamed_slot == no_job ? PageHeader::other_thread : blamed_slot;
  if (!page->header().crashed_slot.compare_exchange_strong(unknown, slot)) return;
  wire::StackCell& cell = cell_of_thread(*page);
  cell.clear();  // of an earlier question
  note_stack(cell, interruption);
}

/// The handler was removed when it was called, so what follows ends the process as if it had never been
/// there.
void on_signal(int signal, siginfo_t* info, void* context) {
  note(Interruption::of(signal, info, context));
  const bool is_fault = info->si_code > 0;  // then the instruction is repeated when this returns
  if (!is_fault) raise(signal);
}

/// The runtime asks what the thread is doing.
void on_question(int signal, siginfo_t* info, void* context) {
  const int before = errno;
  wire::SharedPage* const page = noted_page;
  if (page != nullptr && info->si_pid == getppid() && blamed_slot != no_job) {
    Interruption interruption = Interruption::of(signal, info, context);
    note_stack(cell_of_thread(*page), interruption);
  }
  errno = before;
}

}  // namespace

void note_crashes_in(wire::SharedPage& page) {
  noted_page = &page;
  prepare_unwinder();
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER;
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP})
    sigaction(signal, &action, nullptr);
  struct sigaction question {};
  question.sa_sigaction = on_question;
  question.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  sigaction(wire::stack_signal(), &question, nullptr);
  std::atexit(note_exit);
  std::at_quick_exit(note_exit);
}

void note_exit() {
  note({});
}

Blame::Blame(std::uint32_t slot) {
  blamed_slot = static_cast<std::int32_t>(slot);
}
Blame::~Blame() {
  blamed_slot = no_job;
}

SignalStack::SignalStack() : memory_(std::make_unique<char[]>(stack_size)) {
  const stack_t stack{memory_.get(), 0, stack_size};
  sigaltstack(&stack, &before_);
}
SignalStack::~SignalStack() {
  sigaltstack(&before_, nullptr);
}

}  // namespace sluice::host
