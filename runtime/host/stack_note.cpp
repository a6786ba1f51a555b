#include "host/stack_note.hpp"

#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <ucontext.h>
#include <unwind.h>

#include <array>
#include <cstddef>

namespace sluice::host {

namespace {

constexpr std::size_t most_skipped = 16;  // of the signal handler itself

struct Addresses {
  std::array<std::uint64_t, wire::StackCell::most_frames + most_skipped> all{};
  std::size_t count = 0;
};

_Unwind_Reason_Code add_address(_Unwind_Context* context, void* data) {
  auto& addresses = *static_cast<Addresses*>(data);
  const std::uint64_t address = _Unwind_GetIP(context);
  if (address == 0 || addresses.count == addresses.all.size()) return _URC_END_OF_STACK;
  addresses.all[addresses.count++] = address;
  return _URC_NO_REASON;
}

bool find_library(std::uint64_t address, dl_find_object& found) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): an address from a register
  return _dl_find_object(reinterpret_cast<void*>(address), &found) == 0;
}

void add_frame(wire::StackCell& cell, std::uint64_t address) {
  dl_find_object found{};
  if (!find_library(address, found)) return cell.add_unknown(address);
  cell.add(address - found.dlfo_link_map->l_addr, found.dlfo_link_map->l_name);
}

/// The address is in the program of the plugin host.
bool is_ours(std::uint64_t address) {
  dl_find_object found{};
  return find_library(address, found) && found.dlfo_link_map->l_name[0] == '\0';
}

/// Adds the frames of libraries: neither what calls the plugin, nor, if there was no signal, what notes the
/// stack.
void add_frames(wire::StackCell& cell, const Addresses& addresses, std::size_t first, bool was_interrupted) {
  while (!was_interrupted && first < addresses.count && is_ours(addresses.all[first])) ++first;
  const bool all = first < addresses.count && is_ours(addresses.all[first]);
  for (std::size_t i = first; i < addresses.count && (all || !is_ours(addresses.all[i])); ++i)
    add_frame(cell, addresses.all[i]);
}

/// The place of `pc` among the addresses; 0 if it is not there.
std::size_t place_of(std::uint64_t pc, const Addresses& addresses) {
  for (std::size_t i = 0; i < addresses.count; ++i) {
    if (addresses.all[i] == pc) return i;
  }
  return 0;
}

/// The word on top of the stack, where a call has just put its return address. A jump into nowhere leaves
/// nothing else to unwind.
std::uint64_t top_of_stack(std::uint64_t stack) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the stack pointer
  return stack % alignof(std::uint64_t) == 0 && stack != 0 ? *reinterpret_cast<const std::uint64_t*>(stack)
                                                           : 0;
}

/// A frame begins below the stack pointer of its caller, and a large one is touched page by page.
bool is_end_of_stack(const siginfo_t& details, std::uint64_t stack) {
  constexpr std::uint64_t below = 64 * 1024;
  constexpr std::uint64_t above = 4096;
  const auto address = reinterpret_cast<std::uint64_t>(details.si_addr);
  return details.si_signo == SIGSEGV && details.si_code > 0 && address + below >= stack &&
         address < stack + above;
}

}  // namespace

Interruption Interruption::of(int signal, const void* info, const void* context) {
  const auto& details = *static_cast<const siginfo_t*>(info);
  Interruption interruption;
  interruption.signal = signal;
  if (details.si_code > 0) interruption.address = reinterpret_cast<std::uint64_t>(details.si_addr);
  const mcontext_t& registers = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  interruption.pc = static_cast<std::uint64_t>(registers.gregs[REG_RIP]);
  dl_find_object found{};
  if (!find_library(interruption.pc, found))
    interruption.caller = top_of_stack(static_cast<std::uint64_t>(registers.gregs[REG_RSP]));
  interruption.overflowed = is_end_of_stack(details, static_cast<std::uint64_t>(registers.gregs[REG_RSP]));
#elif defined(__aarch64__)
  interruption.pc = registers.pc;
  interruption.caller = registers.regs[30];
  interruption.overflowed = is_end_of_stack(details, registers.sp);
#endif
  return interruption;
}

void note_stack(wire::StackCell& cell, const Interruption& interruption) {
  if (!cell.begin(interruption.signal, interruption.address, interruption.overflowed)) return;
  dl_find_object found{};
  if (interruption.signal != 0 && !find_library(interruption.pc, found)) {
    cell.add_unknown(interruption.pc);
    if (find_library(interruption.caller, found)) add_frame(cell, interruption.caller);
    return cell.end();
  }
  Addresses addresses;
  _Unwind_Backtrace(add_address, &addresses);
  add_frames(cell, addresses, place_of(interruption.pc, addresses), interruption.signal != 0);
  cell.end();
}

void prepare_unwinder() {
  Addresses addresses;
  _Unwind_Backtrace(add_address, &addresses);
}

}  // namespace sluice::host
