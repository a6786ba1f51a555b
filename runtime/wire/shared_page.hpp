// The memory that the runtime and one plugin host share: the state of each ticket and slot, the progress of
// each slot's job, and the stacks of threads that crashed or hang. However the host dies, the runtime can
// read here which jobs had started. And a handler's question "am I cancelled?" costs one load.
//
// A ticket names one job in one host from the moment when it is sent until its outcome is read. The runtime
// hands out tickets and takes them back. The host advances their state, except when the runtime recalls a
// job: whichever of the two changes `queued` first wins.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/descriptor.hpp"
#include "wire/progress_cell.hpp"
#include "wire/stack_cell.hpp"

namespace sluice::wire {

enum class TicketState : std::uint8_t {
  idle,      ///< not given out
  queued,    ///< sent, not started
  started,   ///< its handler was called
  done,      ///< its handler returned done, with nothing else to report
  finished,  ///< its handler returned something else, and the outcome frame has the rest
  recalled,  ///< the runtime took it back before it started, and the host answers with `released`
};

struct Ticket {
  std::atomic<TicketState> state;
  std::atomic<std::uint8_t> cancel;  ///< 1: the handler should stop
};

struct SlotState {
  static constexpr std::int64_t idle = -1;
  std::atomic<std::int64_t> ticket;      ///< the ticket that it runs, or idle
  std::atomic<std::int64_t> started_us;  ///< CLOCK_MONOTONIC
  std::atomic<std::int64_t> thread;      ///< of the slot, as the kernel numbers it; 0: none
  std::int64_t reserved[5];              ///< fills a cache line
};

struct PageHeader {
  std::uint32_t magic;
  std::uint32_t slots;
  std::uint32_t tickets;
  static constexpr std::int32_t no_slot = -1;       ///< not known
  static constexpr std::int32_t other_thread = -2;  ///< not a slot's, or a slot's without a job
  /// The slot whose thread ended the process, or one of the above. The host sets it (host/crash_note.hpp).
  std::atomic<std::int32_t> crashed_slot;
  std::int64_t reserved[6];
};

static_assert(std::atomic<TicketState>::is_always_lock_free &&
              std::atomic<std::int64_t>::is_always_lock_free);
static_assert(sizeof(Ticket) == 2 && sizeof(SlotState) == 64 && sizeof(PageHeader) == 64);

/// One mapping of the page. The runtime creates it, and the host opens the descriptor that it inherits.
class SharedPage {
 public:
  static constexpr std::uint32_t ticket_count = 4096;
  static constexpr std::uint32_t slot_count = 256;

  /// A new page in anonymous memory. Its size can't be changed, because the runtime would crash at its next
  /// access if a plugin shortened it. Throws std::system_error.
  static SharedPage create();
  /// Maps the page behind `fd`. Throws std::runtime_error if it is not a shared page.
  static SharedPage open(base::Descriptor fd);

  SharedPage(SharedPage&& other) noexcept;
  SharedPage& operator=(SharedPage&&) = delete;
  ~SharedPage();

  int fd() const { return fd_.get(); }
  PageHeader& header() const { return *static_cast<PageHeader*>(memory_); }
  SlotState& slot(std::uint32_t index) const;
  Ticket& ticket(std::uint32_t index) const;
  ProgressCell& progress(std::uint32_t slot) const;
  /// The stack of a slot's thread; `slot_count`: of the other threads. The memory is taken when it is
  /// written.
  StackCell& stack(std::uint32_t slot) const;

 private:
  SharedPage(base::Descriptor fd, void* memory) : fd_(std::move(fd)), memory_(memory) {}
  base::Descriptor fd_;
  void* memory_;
};

}  // namespace sluice::wire
